/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation answers. One list gives the number, the word that people read, and the meaning.
 * A status other than OK and AGAIN is a refusal: nothing has changed (but for BUSY, which says how far a teardown came).
 */
#ifndef CORDON_STATUS_H
#define CORDON_STATUS_H

/* X(NAME, number, word, meaning): numbers are ABI, never reused. */
#define CORDON_STATUS_LIST(X) \
    X(OK, 0, "ok", "done") \
    X(AGAIN, 1, "again", "the work that was done stands; call again for the rest") \
    X(RANGE, 2, "range", "an address, frame number or size lies outside of what it may be") \
    X(EMPTY, 3, "empty", "a size of zero where at least one page is needed") \
    X(UNALIGNED, 4, "unaligned", "an address or frame is not aligned as the request needs") \
    X(NO_VM, 5, "no-vm", "there is no such virtual machine") \
    X(EXISTS, 6, "exists", "that virtual machine exists already") \
    X(STATE, 7, "state", "the virtual machine's state does not allow the call") \
    X(PRIVATE, 8, "private", "the host touched memory that it may not have") \
    X(OWNED, 9, "owned", "the frame is another owner's: a VM's, the core's, or no RAM") \
    X(SHARED, 10, "shared", "a device still maps the frame") \
    X(GFN, 11, "gfn", "the VM owns the frame at another guest frame number") \
    X(MAPPED, 12, "mapped", "the guest address is mapped already, to something else") \
    X(NO_MEMORY, 13, "no-memory", "the pool of table frames has too few left") \
    X(RAM, 14, "ram", "a device mapping of RAM, or of memory that is hidden from the host") \
    X(BUSY, 15, "busy", "frames of the virtual machine are still outstanding") \
    X(CONFIG, 16, "config", "the machine description is not one that can be run") \
    X(NO_VCPU, 17, "no-vcpu", "there is no such vCPU") \
    X(RUNNING, 18, "running", "the vCPU is in the guest on another CPU") \
    X(OFF, 19, "off", "the vCPU is switched off: it is the guest's to start it") \
    X(ANSWER, 20, "answer", "an answer that the last exit did not ask for, or none where it needs one") \
    X(INTERRUPT, 21, "interrupt", "an interrupt that the host may not inject, or not in this form") \
    X(NOT_MEMORY, 22, "not-memory", "guest addresses that were not declared as the VM's memory, or are not there yet") \
    X(DEVICE, 23, "device", "a device that cannot be given to a virtual machine, or is not that one's")

enum cordon_status {
#define CORDON_STATUS_ENUM(name, number, word, meaning) CORDON_##name = (number),
    CORDON_STATUS_LIST(CORDON_STATUS_ENUM)
#undef CORDON_STATUS_ENUM
};

/* The word for a status, for people and for logs; "?" for a number that is none. */
const char *cordon_status_word(enum cordon_status status);
/* One sentence on what it means. */
const char *cordon_status_meaning(enum cordon_status status);

#endif
