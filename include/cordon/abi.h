/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercalls of Cordon, version 1: what a host and a guest need to know and nothing else. Plain C for any compiler.
 *
 * Calls follow the SMC Calling Convention (Arm DEN 0028), by HVC #0 or SMC #0, in the range of vendor hypervisors. The
 * function number is in w0, arguments in x1 .., results in x0 .. x3; all other registers are kept, but for
 * CORDON_CALL_VCPU_RUN, the calls for attestation and the keeper's, which have more. A call that does not exist, or an immediate
 * other than 0, answers CORDON_NOT_SUPPORTED and changes nothing.
 *
 * No call takes an address that Cordon would write to: results are registers alone.
 */
#ifndef CORDON_ABI_H
#define CORDON_ABI_H

#define CORDON_ABI_MAJOR 1      /* raised when a call changes its meaning */
#define CORDON_ABI_MINOR 4      /* raised when calls are added */

/* SMCCC's own answers in x0: 64-bit -1 and -3. Results of calls are never negative. */
#define CORDON_NOT_SUPPORTED (-1)
#define CORDON_INVALID (-3)

/* ---- discovery: the same function numbers for every hypervisor ---- */

/* w0 .. w3: the UID 6f5a2ad1-2c8e-4b0f-9d37-52b1c60e7a94, as SMCCC lays it out. A guest is told another one: CORDON_GUEST_UID. */
#define CORDON_CALL_UID 0x8600ff01u
#define CORDON_UID_0 0x6f5a2ad1u
#define CORDON_UID_1 0x2c8e4b0fu
#define CORDON_UID_2 0x9d3752b1u
#define CORDON_UID_3 0xc60e7a94u

/* x0: CORDON_ABI_MAJOR; x1: CORDON_ABI_MINOR. */
#define CORDON_CALL_REVISION 0x8600ff03u

/* ---- calls of Cordon ---- */

/* x1: a function number of this file. x0: 0 when it exists, else CORDON_NOT_SUPPORTED. */
#define CORDON_CALL_FEATURES 0xc6000000u

/* x1: enum cordon_stat. x0: 0, x1: the count over all CPUs. CORDON_INVALID: no such number. */
#define CORDON_CALL_STATISTIC 0xc6000001u

/*
 * x1: the number of a log record; they count from 0. x0: 0, x1: event + CPU * 2^32, x2, x3: the event's values.
 * x0 = 1: it is gone; x1: the oldest that is there. x0 = 2: it has not been written yet; x1: the number it waits for.
 */
#define CORDON_CALL_LOG 0xc6000002u

/*
 * Who owns the physical memory from the frame x1 on. x0: 0; x1: the frame behind the run of like frames; x2: owner
 * (enum cordon_owner) + VM * 2^16 + grants * 2^32; x3: guest frame number of the first, 0 unless a VM owns it. A run
 * is looked for within 2 MiB of RAM: the next call goes on. CORDON_INVALID: no frame number.
 */
#define CORDON_CALL_MAP 0xc6000003u

/* ---- calls of the host: virtual machines ----
 *
 * x0 is a number of <cordon/status.h>: CORDON_OK, CORDON_AGAIN (the work that was done stands: call again for the
 * rest), or a refusal, which has changed nothing. A VM is named by the handle that CORDON_CALL_VM_CREATE gives; no
 * handle is given twice. A frame is a physical address / 4096, a guest address is in bytes.
 *
 * A VM is built (memory declared, vCPUs made, images loaded), runs, is stopped, is destroyed: enum cordon_phase. It
 * never goes back. What a call needs of the phase stands with it; in another one it answers CORDON_STATE. One that runs may be
 * frozen before it is stopped: then it never runs again here, and what it was may go on elsewhere.
 */

/* x0: 0; x1: contiguous frames of a root table; x2: bits of a guest address; x3: vCPUs of a VM at most. */
#define CORDON_CALL_VM_LIMITS 0xc6000010u

/* x1: first of the root table's frames, aligned to their number; x2: vCPUs, 1 .. CORDON_VCPUS_MAX. x1: the handle. */
#define CORDON_CALL_VM_CREATE 0xc6000011u

/*
 * Built, running, frozen or stopped. Frames for the VM's tables. x1: handle; x2: first frame; x3: how many, in one 2 MiB
 * section.
 */
#define CORDON_CALL_VM_DONATE 0xc6000012u

/*
 * Built, and without a device. Guest addresses that are memory; all others are devices'. x1: handle; x2: base; x3: size, page
 * aligned. Ranges must not overlap: CORDON_MAPPED. At most CORDON_MEMORY_RANGES: CORDON_NO_MEMORY. It is measured. CORDON_BUSY: a
 * page is half measured.
 */
#define CORDON_CALL_VM_MEMORY 0xc6000013u

/* Built. x1: handle; x2: index of the vCPU; x3: a frame, in which Cordon keeps its registers. CORDON_EXISTS. */
#define CORDON_CALL_VCPU_CREATE 0xc6000014u

/*
 * Built. Pages of a boot image leave the host for the VM as they are, and are measured. x1: handle; x2: guest address;
 * x3: first frame; x4: pages. x1: pages done of these. CORDON_AGAIN: call again with the rest; the page in work must
 * come first, else CORDON_BUSY. A page of zeros is not measured: it is what the guest finds where nothing was loaded.
 */
#define CORDON_CALL_VM_LOAD 0xc6000015u

/*
 * Built, with all its vCPUs. vCPU 0 will begin at x2 with x0 = x3; x1: handle. The measurement is complete. CORDON_BUSY: a page
 * is half measured, a device is not attached yet, or a window half mapped.
 */
#define CORDON_CALL_VM_START 0xc6000016u

/* Running, or a restore. Pages leave the host for the VM, zeroed. x1: handle; x2: guest address; x3: first frame; x4: pages.
 * x1: pages done of these. */
#define CORDON_CALL_VM_MAP 0xc6000017u

/*
 * Running, and without a device. 512 pages that the VM has at x2 from the frame x3 on, both 2 MiB aligned, become one block.
 * x1: handle.
 */
#define CORDON_CALL_VM_BLOCK 0xc6000018u

/* Stopped. Frames come back, zeroed. x1: handle; x2: first frame; x3: how many. x1: done; x2: came back; x3: skipped. */
#define CORDON_CALL_VM_CLEAR 0xc6000019u

/*
 * Built, running, frozen or stopped already. No vCPU enters the guest again; one that is in it goes on to its next exit.
 * x1: handle.
 */
#define CORDON_CALL_VM_STOP 0xc600001au

/*
 * All that the VM had comes back, zeroed. x1: handle. CORDON_AGAIN; CORDON_BUSY: a vCPU is in the guest still, or it has a
 * device.
 */
#define CORDON_CALL_VM_DESTROY 0xc600001bu

/* x1: handle. x1: enum cordon_phase; x2: frames that the VM owns; x3: frames for tables that are free. */
#define CORDON_CALL_VM_INFO 0xc600001cu

/*
 * Running, or frozen or stopped after that. x1: handle; x2: half, 0 or 1. x1, x2: 16 bytes of the SHA-256, in the order
 * of memory.
 */
#define CORDON_CALL_VM_MEASUREMENT 0xc600001du

/*
 * Running. Enters the guest on this CPU until something is the host's to do.
 *
 * x1: handle; x2: index of the vCPU; x3: enum cordon_answer to the exit before; x4 .. x7: its values; x8 .. x11:
 * interrupts for the guest, 0 for none, in the format of ICH_LR<n>_EL2 with state, priority, group 1 and vINTID alone.
 * x0: status. x1: enum cordon_exit; x2 .. x5: what it says; x6: the value of the physical counter at which the guest's
 * timer fires, all ones if it will not; x7: 1 while the timer's interrupt is asserted; x8 .. x11: the interrupts as the
 * guest has left them, each in its place. FP and SIMD registers may be zero afterwards: the caller saves what it needs.
 * Other registers are kept. What a refusal leaves in x1 .. x11 is undefined.
 *
 * Refused: CORDON_NO_VCPU. CORDON_RUNNING: it is in the guest on another CPU. CORDON_OFF: the guest has not started
 * it, or has stopped it. CORDON_ANSWER: not what the exit asked for. CORDON_INTERRUPT: INTID of 1020 or more; an SGI
 * that no vCPU has sent; a timer's (27, 30) while it is not asserted; fields that are not the host's to set.
 */
#define CORDON_CALL_VCPU_RUN 0xc600001eu

/*
 * Built, with its vCPU 0. What the guest's tokens say of it in the host's name: its personalisation value, zeros where none was
 * given. It is not measured. x1: handle; x2 .. x9: 64 bytes, in the order of memory. CORDON_NO_VCPU.
 */
#define CORDON_CALL_VM_PERSONAL 0xc600001fu

/* ---- calls of the host: devices for virtual machines ----
 *
 * A device is a function of PCI. It is named by the frame of its configuration space: (ECAM + bus * 2^20 + device * 2^15 +
 * function * 2^12) / 4096. A VM that has one has it alone: what the device reads and writes are guest addresses, the frames
 * behind its BARs are the VM's where they were mapped and nobody's elsewhere, and its configuration space is nobody's.
 * Devices are attached before the VM starts, and measured. CORDON_DEVICE: the VM has no such device.
 */

/*
 * Built. The device leaves the host, and is reset. x1: handle; x2: its frame. x1: vendor + device id * 2^16. CORDON_AGAIN
 * until the reset is over: call again with the same. CORDON_DEVICE: none that can be given to a VM. CORDON_EXISTS: a VM has
 * it already. CORDON_NO_MEMORY: VMs have CORDON_DEVICES of them. CORDON_BUSY: a page of the image is half measured.
 */
#define CORDON_CALL_DEVICE_ATTACH 0xc6000020u

/*
 * Built. The pages of a window of the device's become the VM's. x1: handle; x2: its frame; x3: number of the BAR; x4: guest
 * address, page aligned. x1: pages that are mapped by now. CORDON_AGAIN: call again with the same. CORDON_MAPPED: declared as
 * memory, or mapped to something else, or the window is elsewhere already. CORDON_RANGE: no such window. CORDON_NO_MEMORY:
 * the VM's pool. CORDON_BUSY: the device is not attached yet, or a page of the image is half measured.
 */
#define CORDON_CALL_DEVICE_MAP 0xc6000021u

/*
 * Running. From now on the device reaches the guest's memory. x1: handle; x2: its frame. CORDON_NOT_MEMORY: memory that was
 * declared is not there yet; a transfer that met a hole would be lost.
 */
#define CORDON_CALL_DEVICE_OPEN 0xc6000022u

/*
 * Stopped. The device is cut off, reset, and the host's again. x1: handle; x2: its frame. CORDON_AGAIN: call again with the
 * same; for one, while a vCPU is in the guest still.
 */
#define CORDON_CALL_DEVICE_DETACH 0xc6000023u

/* ---- calls of the host: what guests' CPUs are like ---- */

/*
 * What guests read from a feature register, S3_0_C0_C<m>_<o>. x1: m, 1 .. 7; x2: o, 0 .. 7. x1: the value, of the CPU that asks.
 * CORDON_RANGE: no such register.
 */
#define CORDON_CALL_VCPU_FEATURE 0xc6000024u

/* ---- calls of the host: snapshots ----
 *
 * A VM is frozen, read out by the keeper, and built again from what the keeper says. These calls are there where the machine
 * has a root of trust, and so may have a keeper.
 */

/*
 * Running, without a device, and not the keeper itself. The VM is as it is from now on, and never runs again under this
 * handle: it can be read by the keeper, stopped, and destroyed. x1: handle. CORDON_BUSY: a vCPU is in the guest.
 */
#define CORDON_CALL_VM_FREEZE 0xc6000025u

/*
 * Built, with all its vCPUs, without a page and without a device. The VM is to be one that was frozen: from here on it can
 * be given zeroed pages (CORDON_CALL_VM_MAP), the keeper alone fills them and its registers in, and starts it. It cannot be
 * built any further or started by the host. x1: handle. CORDON_NO_VCPU.
 */
#define CORDON_CALL_VM_RESTORE 0xc6000026u

#define CORDON_CALL_FIRST CORDON_CALL_FEATURES
#define CORDON_CALL_LAST CORDON_CALL_VM_RESTORE

#define CORDON_VCPUS_MAX 16         /* of a VM; vCPU i has MPIDR_EL1.Aff0 = i */
#define CORDON_MEMORY_RANGES 8      /* of a VM */
#define CORDON_INTERRUPTS 4         /* of a run */
#define CORDON_DEVICES 8            /* that VMs have, all of them together */
#define CORDON_DEVICE_WINDOWS 6     /* of a device: one a BAR */
#define CORDON_TIMER_INTID 27       /* the virtual timer's */
#define CORDON_PHYSICAL_TIMER_INTID 30  /* the physical timer's */

enum cordon_phase {
    CORDON_PHASE_BUILT = 0,
    CORDON_PHASE_RUNNING = 1,
    CORDON_PHASE_STOPPED = 2,
    CORDON_PHASE_DYING = 3,
    CORDON_PHASE_FROZEN = 4     /* between running and stopped */
};

/* X(NAME, number, word, x2, x3, x4, x5, answers that the next run may give) */
#define CORDON_EXIT_LIST(X) \
    X(INTERRUPTED, 0, "interrupted", "", "", "", "", "NONE") \
    X(MEMORY, 1, "memory", "guest page that is not there", "1 write, 2 instruction, 0 read", "", "", "NONE: try again") \
    X(READ, 2, "device read", "guest address", "bytes: 1, 2, 4, 8", "", "", "VALUE; ABORT") \
    X(WRITE, 3, "device write", "guest address", "bytes: 1, 2, 4, 8", "value", "", "NONE; ABORT") \
    X(WAIT, 4, "waits for an interrupt", "", "", "", "", "NONE") \
    X(SGI, 5, "sent an SGI", "bit i: to vCPU i", "INTID", "", "", "NONE") \
    X(CPU_ON, 6, "started a vCPU", "index", "", "", "", "NONE") \
    X(CPU_OFF, 7, "vCPU switched off", "", "", "", "", "it does not run again unless started") \
    X(SYSTEM_OFF, 8, "system off", "", "", "", "", "it does not run again") \
    X(SYSTEM_RESET, 9, "system reset", "", "", "", "", "it does not run again") \
    X(HOST_CALL, 10, "call to the host", "x1", "x2", "x3", "x4", "VALUE: x4 .. x7 become x0 .. x3") \
    X(RELINQUISHED, 11, "gave memory back", "first guest page", "pages that it looked at", "", "", "NONE") \
    X(FAILED, 12, "cannot go on", "enum cordon_failure", "", "", "", "it does not run again") \
    X(TIMER, 13, "set its physical timer", "counter at which it fires; UINT64_MAX: never", "", "", "", "NONE")

enum cordon_exit {
#define CORDON_EXIT_ENUM(name, number, word, x2, x3, x4, x5, answers) CORDON_EXIT_##name = (number),
    CORDON_EXIT_LIST(CORDON_EXIT_ENUM)
#undef CORDON_EXIT_ENUM
    CORDON_EXITS
};

enum cordon_answer {
    CORDON_ANSWER_NONE = 0,
    CORDON_ANSWER_VALUE = 1,    /* x4 is what a device read gives; x4 .. x7 what a call to the host gives */
    CORDON_ANSWER_ABORT = 2     /* the access meets an external abort in the guest */
};

enum cordon_failure {
    CORDON_FAILURE_SERROR = 1,  /* the machine reported an error while the guest ran */
    CORDON_FAILURE_HANDLER = 2  /* the guest cannot fetch its own exception handler */
};

/* Fields of an interrupt: those of ICH_LR<n>_EL2 that the host may set. */
#define CORDON_INTERRUPT_PENDING (1ull << 62)
#define CORDON_INTERRUPT_ACTIVE (1ull << 63)
#define CORDON_INTERRUPT_GROUP1 (1ull << 60)
#define CORDON_INTERRUPT_PRIORITY_SHIFT 48
#define CORDON_INTERRUPT_FIELDS (0xd0ff0000ffffffffull)

/* ---- calls of a guest: HVC #0 or SMC #0, beside PSCI 1.1, TRNG 1.0, SMCCC's own calls, CORDON_CALL_UID and _REVISION ----
 *
 * x0 as for the host's calls. A long call stops early: CORDON_AGAIN, and x1 says how many pages are done.
 *
 * A kernel that can be a protected guest of KVM's finds what it needs: CORDON_CALL_UID answers a guest with KVM's UID,
 * 28b46fb6-2ec5-11e9-a9ca-4b564d003a74, and there are these calls of KVM's, with KVM's arguments and answers: features
 * (0x86000000: these five), HYP_MEMINFO (0xc6000002), MEM_SHARE (0xc6000003), MEM_UNSHARE (0xc6000004), MMIO_GUARD
 * (0xc6000007). INVALID_PARAMETER (-3), and nothing changed: an argument that is reserved is not zero; x1 is no page; for
 * sharing, it is not declared as memory, or is granted already; for its end, it is not granted, or more than once; for a
 * device, it is memory. A page that is to be shared and is not there yet is asked for as if the guest had stored to it.
 *
 * The calls for attestation (docs/ATTESTATION.md) and those of the keeper have arguments and results up to x16, where bytes are
 * in the order of memory. They do not exist on a machine whose loader handed no root of trust over.
 */
#define CORDON_KVM_UID_0 0xb66fb428u
#define CORDON_KVM_UID_1 0xe911c52eu
#define CORDON_KVM_UID_2 0x564bcaa9u
#define CORDON_KVM_UID_3 0x743a004du

/* The host may map the guest's pages x1 .. x1+x2-1 (bytes; x1 page aligned) / no longer. x1: pages done; x2: changed;
 * x3: skipped (not there, or granted CORDON_SHARE_MAX times already / not at all). */
#define CORDON_GUEST_GRANT 0xc6000080u
#define CORDON_GUEST_REVOKE 0xc6000081u

/* The pages go back to the host, zeroed. What the guest finds there later is new and zero. Registers as above. */
#define CORDON_GUEST_RELINQUISH 0xc6000082u

/* x1: guest address. x1: 0 nothing is there, 3 a page, 2 a block of 2 MiB; x2: grants of the page that stand. */
#define CORDON_GUEST_QUERY 0xc6000083u

/* x1: half, 0 or 1. x1, x2: 16 bytes of the VM's SHA-256. */
#define CORDON_GUEST_MEASUREMENT 0xc6000084u

/* A word with the host: x1 .. x4 go there, x0 .. x3 come back, whatever the host makes of them. */
#define CORDON_GUEST_HOST 0xc6000085u

/*
 * A token is asked for. x1 .. x8: the nonce, 64 bytes. A guest has one request at a time: what was asked before is forgotten.
 */
#define CORDON_GUEST_TOKEN_ASK 0xc6000086u

/*
 * The token or the key that was asked for, a piece of it. x1: offset. x1: size of all of it; x2 .. x13: 96 bytes from there on,
 * zero behind its end. CORDON_AGAIN: it is not made yet. CORDON_NO_VM: nor is there a keeper that could; the host can start one.
 * CORDON_STATE: nothing was asked for. CORDON_RANGE: it ends before this offset.
 */
#define CORDON_GUEST_ANSWER_READ 0xc6000087u

/*
 * One of the guest's own measurements becomes the SHA-256 of itself and of 32 bytes; all are zero to begin with. x1: which,
 * 0 .. 3; x2 .. x5: the bytes. A token that is signed already does not have it. CORDON_RANGE: no such measurement.
 */
#define CORDON_GUEST_EXTEND 0xc6000088u

/*
 * A key is asked for, 32 bytes, to seal secrets with: the same for each guest with this measurement and personalisation value on
 * this machine, and for no other. x1: 0, under this very Cordon; 1, under whichever the machine's firmware lets have its sealing
 * secret. x2 .. x5: 32 bytes that tell the guest's keys apart. CORDON_RANGE: x1.
 */
#define CORDON_GUEST_KEY_ASK 0xc6000089u

/* ---- calls of the keeper: the guest that signs tokens ----
 *
 * They exist for a guest whose measurement is the one that Cordon was built with, and for no other.
 */

/*
 * This guest is the keeper from now on. x1 .. x4: the secret that its keys come from (CDI_Attest); x5 .. x8: the one for sealing
 * (CDI_Seal); x9: bytes of the chain of certificates, with which a token ends. CORDON_BUSY: another keeper runs. The other calls
 * are answered CORDON_STATE before.
 */
#define CORDON_KEEPER_BEGIN 0xc600008au

/*
 * A guest that waits for an answer. x1: where to look; x1: where to look next time, 0: all were looked at; x2: the guest; x3: the
 * request's number. CORDON_AGAIN: none of those that were looked at.
 */
#define CORDON_KEEPER_NEXT 0xc600008bu

/*
 * What is to be said of it. x1: the guest; x2: the request; x3: 0 nonce (64 bytes) and personalisation value (64), 1 its own
 * measurements (4 of 32), 2 its measurement (32), generation (8), restored (8: 0 or 1), what it wants (8: CORDON_WANTS_, where a
 * key's 32 bytes are in the nonce's place). x1 .. x16: these. CORDON_STATE, CORDON_NO_VM: nobody waits for this one any more;
 * what a guest extends makes its request another one. CORDON_RANGE: no such part.
 */
#define CORDON_KEEPER_READ 0xc600008cu

/*
 * The answer, a token without the chain or a key, 96 bytes of it, in ascending order. x1, x2: as above; x3: offset; x4: size of
 * all of it, at most CORDON_TOKEN_MOST; x5 .. x16: the bytes. With the last of them the guest has it. CORDON_RANGE: not the next
 * ones, or another size than before.
 */
#define CORDON_KEEPER_WRITE 0xc600008du

#define CORDON_WANTS_TOKEN 0
#define CORDON_WANTS_KEY 1          /* and 2: of the second kind */

#define CORDON_TOKEN_MOST 1056      /* bytes, without the chain */
#define CORDON_TOKEN_PIECE 96       /* bytes of a call */

/* w0 .. w3: Cordon's UID, as a host has it from CORDON_CALL_UID. To be asked where that tells KVM's: KVM has no such call. */
#define CORDON_GUEST_UID 0xc600008eu

/* ---- calls of the keeper: snapshots ----
 *
 * A VM that is frozen is read; one that the host builds as a restore is written. Of each x1 is the handle: CORDON_NO_VM;
 * CORDON_STATE: it is neither, or not the one that the call is for.
 *
 * What is no memory is in records of words. Record 0 is the VM's: its measurement (4), what its counter shows (1), its
 * generation (1), its vCPUs (1), its ranges of memory (1) and CORDON_MEMORY_RANGES times the first page of one and the page
 * behind its last, its personalisation value (8), its own measurements (16). Record 1 + i is vCPU i's. What is in it is the
 * machine's affair, and the same for each Cordon of this version on machines of its kind.
 *
 * A page goes by way of a page of the keeper's own, which is named by its guest address: CORDON_UNALIGNED, CORDON_RANGE;
 * CORDON_NOT_MEMORY: it is not there, or no memory; CORDON_SHARED: the host may use it.
 */

#define CORDON_RECORD_PIECE 12      /* words of a record that a call takes or gives */

/*
 * Frozen. A piece of a record. x2: record; x3: word. x1: words of all of it; x2 .. x13: those from there on, zero behind the
 * end. CORDON_NO_VCPU: no such record. CORDON_RANGE: it ends before this word.
 */
#define CORDON_KEEPER_RECORD_READ 0xc600008fu

/*
 * Frozen. The next page, to a page of the keeper's. x2: guest page number to begin with; x3: the keeper's page. x1: where to
 * go on, 0: all were looked at; x2: the page's number; x3: 1, or 0 where it is all zero and the keeper's page is as it was;
 * x4: how often it is granted to the host. CORDON_AGAIN: none among those that were looked at, x1 as above.
 */
#define CORDON_KEEPER_PAGE_READ 0xc6000090u

/*
 * A restore. The next piece of a record: all of them come in ascending order, from word 0 on, none twice. x2: record; x3:
 * word; x4: words of all of it; x5 .. x16: the piece. CORDON_RANGE: not the next one; another size; vCPUs or ranges that are
 * not those of the VM as the host has built it; a register that no guest can have so. Nothing of the piece was taken then.
 */
#define CORDON_KEEPER_RECORD_WRITE 0xc6000091u

/*
 * A restore. A page of the VM's gets what is in a page of the keeper's. x2: guest page number; x3: the keeper's page; x4:
 * how often it is granted then, at most CORDON_SHARE_MAX. CORDON_RANGE; CORDON_NOT_MEMORY: the VM has no such page.
 * CORDON_SHARED: it is granted already, too.
 */
#define CORDON_KEEPER_PAGE_WRITE 0xc6000092u

/*
 * A restore, of which all records are there. The VM runs from now on, and is one that was restored. CORDON_BUSY: a record is
 * missing. CORDON_RANGE: with the keeper's own measurement.
 */
#define CORDON_KEEPER_RESTORED 0xc6000093u

#define CORDON_GUEST_FIRST CORDON_GUEST_GRANT
#define CORDON_GUEST_LAST CORDON_KEEPER_RESTORED

/* ---- what is counted ---- */

/* X(NAME, number, word) */
#define CORDON_STAT_LIST(X) \
    X(HYPERCALL, 0, "hypercalls") \
    X(SMC, 1, "SMCs of the host") \
    X(FAULT_MAPPED, 2, "host faults that were served by a mapping") \
    X(FAULT_DENIED, 3, "host accesses that were answered by an abort") \
    X(MMIO, 4, "device accesses that were done on the host's behalf") \
    X(UNDEFINED, 5, "instructions that were answered as undefined") \
    X(CPU_ON, 6, "CPUs that the host has started") \
    X(CPU_OFF, 7, "CPUs that the host has stopped") \
    X(UNKNOWN_CALL, 8, "calls that do not exist") \
    X(VM_CREATED, 9, "virtual machines that were created") \
    X(VM_DESTROYED, 10, "virtual machines that were destroyed") \
    X(RUN, 11, "times that a guest was entered by the host") \
    X(GUEST_TRAP, 12, "traps of guests") \
    X(REFUSED, 13, "calls of the host that were refused") \
    X(DMA_DENIED, 14, "accesses of devices that were aborted") \
    X(ITS_REFUSED, 15, "commands to the ITS that were dropped")

enum cordon_stat {
#define CORDON_STAT_ENUM(name, number, word) CORDON_STAT_##name = (number),
    CORDON_STAT_LIST(CORDON_STAT_ENUM)
#undef CORDON_STAT_ENUM
    CORDON_STATS
};

/* ---- what is logged ----
 *
 * A device's access that was aborted: its stream is bus, device and function; kinds are those of the SMMU's events (Arm IHI
 * 0070, 7.3): 16, nothing is mapped there; 2 and 4, no device of the host's. At most 64 of these are in the log until it has been
 * read to its end; each counts as an access that was aborted. What an SMMU has to say is taken when the log or a count is read.
 *
 * Devices are cut off for good when their SMMU does not obey. Reasons: 1, an error of a command; 2, no answer in time; 3, it has
 * stopped; 2^32 more where it has not confirmed that either.
 *
 * A device register denied: a write that was left out. It may be one to configuration space of PCI, to a function that is a
 * VM's, or to one that would have got in its way.
 *
 * A command of the host's to the ITS is dropped, and nothing of it done, where it 1 lies where the host may not read, 2 does not
 * exist, or names 3 a device that is not the host's, or is not mapped, 4 an event that the device has not, or that is not mapped,
 * 5 no LPI, or one of another event, 6 a collection that is not mapped, or cannot be unmapped, 7 no redistributor; 8 where there
 * is no room for a table; 9 where the ITS does not obey. It is given up then: 1, an error of a command; 2, no answer in time.
 */

/* X(NAME, number, text, first value, second value) */
#define CORDON_EVENT_LIST(X) \
    X(BOOT, 1, "booted", "frames of RAM", "frames of the core") \
    X(CPU_ON, 2, "CPU started", "MPIDR", "entry") \
    X(CPU_OFF, 3, "CPU stopped", "MPIDR", "reason") \
    X(DENIED, 4, "access denied", "address", "PC") \
    X(UNDEFINED, 5, "instruction denied", "ESR", "PC") \
    X(UNKNOWN_CALL, 6, "unknown call", "function", "PC") \
    X(MMIO_DENIED, 7, "device register denied", "address", "PC") \
    X(DMA_DENIED, 8, "device access denied", "kind * 2^32 + stream", "address") \
    X(DMA_CUT, 9, "devices cut off", "their SMMU", "reason") \
    X(ITS_REFUSED, 10, "command to the ITS dropped", "its first 64 bits", "reason") \
    X(ITS_CUT, 11, "ITS given up", "its address", "reason")

enum cordon_event {
#define CORDON_EVENT_ENUM(name, number, text, first, second) CORDON_EVENT_##name = (number),
    CORDON_EVENT_LIST(CORDON_EVENT_ENUM)
#undef CORDON_EVENT_ENUM
};

/* ---- who owns memory ---- */

enum cordon_owner {
    CORDON_OWNER_HOST = 0,
    CORDON_OWNER_CORE = 1,
    CORDON_OWNER_VM = 2,
    CORDON_OWNER_PENDING = 3,   /* handed to a VM through its device tables, not used by it yet */
    CORDON_OWNER_DEVICE = 4,    /* no RAM, and the host may map it; with a VM: it may not, a device of that VM's decodes it */
    CORDON_OWNER_HIDDEN = 5     /* no RAM, and the host may not */
};

#endif
