/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What VMMs ask of /dev/kvm from their first call to their guest's end, as tables: a call a line, with the answer that it must get.
 * The tables are our own words for what kvmtool, Firecracker, cloud-hypervisor, crosvm and QEMU do on arm64, read from their sources;
 * where a line is a refusal, the VMM goes on after it. The guest is three instructions: PSCI SYSTEM_OFF, or SYSTEM_RESET.
 *
 *   sequences       prints a line for each answer that is wrong, and for each table "sequences: NAME: N calls, N wrong"; exit status 1
 *                   if any is
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define RAM 0x80000000ul
#define FLASH 0x10000000ul
#define CORE(reg) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(reg))
#define MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)
#define FEATURE(crm, op2) ARM64_SYS_REG(3, 0, 0, crm, op2)
#define PROTECTED_VM_CAP 0xffbadab1u
#define PROTECTED_VM_TYPE (1ul << 31)

/* ---- what a line is ---- */

/* Which descriptor a call is made on, or becomes. */
enum descriptor { SYSTEM, VM, VCPU0, VCPU1, GIC, ITS, EVENT, EVENT2, PROBE, PROBED, DESCRIPTORS };

/* Lines that are no ioctl. */
enum { CLOSE = 1, NEW_EVENT, EXIT, EVENT_OF_EXIT, VALUE_IS, LOAD };

#define ANY_FD (-10000l)        /* a descriptor, which is kept */
#define AT_LEAST_0 (-10001l)

struct line {
    const char *what;
    enum descriptor on;
    unsigned long request;
    const void *argument;
    long answer;
    enum descriptor becomes;
};

#define N(number) ((const void *)(uintptr_t)(number))
#define DATA(type, ...) (&(type){ __VA_ARGS__ })
#define ADDRESS(object) ((uint64_t)(uintptr_t)(object))

static uint64_t value[8];
static uint8_t ram[4 * MIB] __attribute__((aligned(2 * MIB)));
static uint8_t flash[2 * MIB] __attribute__((aligned(2 * MIB)));   /* nothing is in it, and no huge page shares it */
static struct { struct kvm_reg_list list; uint64_t reg[256]; } registers;

static const uint32_t off_guest[] = { 0x52800100, 0x72b08000, 0xd4000002 };     /* w0 = 0x84000008; hvc #0 */
static const uint32_t reset_guest[] = { 0x52800120, 0x72b08000, 0xd4000002 };   /* w0 = 0x84000009 */

/* ---- lines that several have ---- */

#define HAS(name, what_it_is) { #name, SYSTEM, KVM_CHECK_EXTENSION, N(KVM_CAP_##name), what_it_is, 0 }
#define MAKE_VM(type) { "a VM", SYSTEM, KVM_CREATE_VM, N(type), ANY_FD, VM }
#define MEMORY(slot_, flags_, at, from) { "memory", VM, KVM_SET_USER_MEMORY_REGION, \
    DATA(struct kvm_userspace_memory_region, slot_, flags_, at, sizeof(from), ADDRESS(from)), 0, 0 }
#define GUEST(instructions) { "the guest", VM, LOAD, instructions, 0, 0 }
#define MAKE_VCPU(i) { "a vCPU", VM, KVM_CREATE_VCPU, N(i), ANY_FD, VCPU0 + i }
#define TARGET { "the preferred target", VM, KVM_ARM_PREFERRED_TARGET, &target, 0, 0 }
#define INIT(vcpu, features_) { "a vCPU's init", vcpu, KVM_ARM_VCPU_INIT, \
    DATA(struct kvm_vcpu_init, .target = KVM_ARM_TARGET_GENERIC_V8, .features = { features_ }), 0, 0 }
#define PSCI (1u << KVM_ARM_VCPU_PSCI_0_2)
#define OFF (1u << KVM_ARM_VCPU_POWER_OFF)
#define SET(vcpu, id, number, answer) { "set " #id, vcpu, KVM_SET_ONE_REG, \
    DATA(struct kvm_one_reg, id, ADDRESS(DATA(uint64_t, number))), answer, 0 }
#define GET(vcpu, id, answer) { "get " #id, vcpu, KVM_GET_ONE_REG, DATA(struct kvm_one_reg, id, ADDRESS(value)), answer, 0 }
#define SET_BACK(vcpu, id) { "set back " #id, vcpu, KVM_SET_ONE_REG, DATA(struct kvm_one_reg, id, ADDRESS(value)), 0, 0 }
#define LOOK(crm, op2) GET(PROBED, FEATURE(crm, op2), 0)
#define IS(number) { "... which is", VM, VALUE_IS, N(number), 0, 0 }
#define MAKE_DEVICE(type_, becomes_) { "a device " #type_, VM, KVM_CREATE_DEVICE, \
    DATA(struct kvm_create_device, .type = KVM_DEV_TYPE_ARM_VGIC_##type_), ANY_FD, becomes_ }
#define ATTRIBUTE(fd, verb, group_, attr_, pointer, answer) { #verb " " #group_ " " #attr_, fd, KVM_##verb##_DEVICE_ATTR, \
    DATA(struct kvm_device_attr, .group = KVM_DEV_ARM_VGIC_GRP_##group_, .attr = attr_, .addr = ADDRESS(pointer)), answer, 0 }
#define PLACE(fd, type, at) ATTRIBUTE(fd, SET, ADDR, KVM_VGIC_##type, DATA(uint64_t, at), 0)
#define IRQS(number) ATTRIBUTE(GIC, SET, NR_IRQS, 0, DATA(uint32_t, number), 0)
#define FINALISE(fd) ATTRIBUTE(fd, SET, CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, 0)
#define PVTIME(vcpu) { "stolen time", vcpu, KVM_HAS_DEVICE_ATTR, \
    DATA(struct kvm_device_attr, .group = KVM_ARM_VCPU_PVTIME_CTRL, .attr = KVM_ARM_VCPU_PVTIME_IPA), -ENXIO, 0 }
#define ROUTING(n, ...) { "routes", VM, KVM_SET_GSI_ROUTING, \
    DATA(struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry e[n]; }, { .nr = n }, { __VA_ARGS__ }), 0, 0 }
#define PIN(gsi_, pin_) { .gsi = gsi_, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { 0, pin_ } }
#define MESSAGE(gsi_, at, devid_) { .gsi = gsi_, .type = KVM_IRQ_ROUTING_MSI, .flags = KVM_MSI_VALID_DEVID, \
    .u.msi = { .address_lo = at, .data = 1, .devid = devid_ } }
#define NEW(event) { "an event descriptor", VM, NEW_EVENT, NULL, 0, event }
#define RUNS { "a run", VCPU0, KVM_RUN, N(0), 0, 0 }
#define ENDS(type) RUNS, { "... ends by", VM, EXIT, N(KVM_EXIT_SYSTEM_EVENT), 0, 0 }, { "... of type", VM, EVENT_OF_EXIT, N(type), 0, 0 }
#define IRQFD(gsi_, flags_, answer) { "an irqfd", VM, KVM_IRQFD, DATA(struct kvm_irqfd, .fd = EVENT, .gsi = gsi_, .flags = flags_, \
    .resamplefd = EVENT2), answer, 0 }
#define IOEVENTFD(at, length) { "an ioeventfd", VM, KVM_IOEVENTFD, DATA(struct kvm_ioeventfd, .addr = at, .len = length, .fd = EVENT, \
    .flags = KVM_IOEVENTFD_FLAG_DATAMATCH), 0, 0 }

static struct kvm_vcpu_init target;

/* ---- the tables ---- */

/* Looks for the best interrupt controller, with an ITS; goes on with less. Its debugger reads registers while the guest runs. */
static const struct line kvmtool[] = {
    { "API version", SYSTEM, KVM_GET_API_VERSION, N(0), KVM_API_VERSION, 0 },
    MAKE_VM(0), HAS(ONE_REG, 1), HAS(ARM_PSCI, 1),
    MAKE_DEVICE(V3, GIC), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x3ffd0000), PLACE(GIC, V3_ADDR_TYPE_DIST, 0x3fff0000),
    { "it gives up", GIC, CLOSE, NULL, 0, 0 },
    MAKE_DEVICE(V3, GIC), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x3ffb0000), PLACE(GIC, V3_ADDR_TYPE_DIST, 0x3fff0000),
    MAKE_DEVICE(ITS, ITS), PLACE(ITS, ITS_ADDR_TYPE, 0x3ff90000),
    MEMORY(0, 0, RAM, ram), GUEST(off_guest), MAKE_VCPU(0), MAKE_VCPU(1), HAS(COALESCED_MMIO, 0), HAS(ARM_PMU_V3, 0),
    { "what is shared", SYSTEM, KVM_GET_VCPU_MMAP_SIZE, N(0), 4096, 0 },
    TARGET, INIT(VCPU0, PSCI), INIT(VCPU1, PSCI | OFF),
    ATTRIBUTE(GIC, HAS, NR_IRQS, 0, NULL, 0), IRQS(96), ATTRIBUTE(GIC, HAS, CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, 0), FINALISE(GIC),
    ATTRIBUTE(ITS, HAS, CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, 0), FINALISE(ITS),
    HAS(IRQ_ROUTING, 4096), HAS(MSI_DEVID, 1), ROUTING(2, PIN(0, 0), MESSAGE(1, 0x3ffa0040, 8)),
    { "a message that no guest asked for", VM, KVM_SIGNAL_MSI, DATA(struct kvm_msi, .address_lo = 0x3ffa0040, .flags = 1, .devid = 8), 0, 0 },
    { "a message to nowhere", VM, KVM_SIGNAL_MSI, DATA(struct kvm_msi, .address_lo = 0x3ffb0040), -EINVAL, 0 },
    SET(VCPU0, CORE(regs.pstate), 0x3c5, 0), SET(VCPU0, CORE(regs.regs[1]), 0, 0), SET(VCPU0, CORE(regs.regs[0]), RAM + MIB, 0),
    SET(VCPU0, CORE(regs.pc), RAM, 0),
    ENDS(KVM_SYSTEM_EVENT_SHUTDOWN),
    GET(VCPU0, CORE(regs.pc), 0), IS(0), GET(VCPU0, CORE(regs.pstate), 0), IS(0x3c5),
};

/* Asks for what it cannot do without; no ITS. Devices get their lines by irqfd, whose routes come later. */
static const struct line firecracker[] = {
    HAS(IOEVENTFD, 1), HAS(IRQFD, 1), HAS(USER_MEMORY, 1), HAS(ARM_PSCI_0_2, 1), HAS(DEVICE_CTRL, 1), HAS(MP_STATE, 1), HAS(ONE_REG, 1),
    { "COUNTER_OFFSET", SYSTEM, KVM_CHECK_EXTENSION, N(227), 0, 0 }, HAS(NR_MEMSLOTS, 8), HAS(ARM_VM_IPA_SIZE, AT_LEAST_0),
    MAKE_VM(40), MEMORY(0, 0, RAM, ram), GUEST(off_guest), MAKE_VCPU(0), MAKE_VCPU(1),
    MAKE_DEVICE(V3, GIC), PLACE(GIC, V3_ADDR_TYPE_DIST, 0x3fff0000), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x3ffb0000), IRQS(128), FINALISE(GIC),
    NEW(EVENT), IRQFD(0, 0, 0), ROUTING(1, PIN(0, 0)), IOEVENTFD(0x40001050, 4),
    PVTIME(VCPU0), TARGET, INIT(VCPU0, PSCI), INIT(VCPU1, PSCI | OFF), GET(VCPU0, MPIDR, 0), IS(0x80000000),
    { "its registers", VCPU0, KVM_GET_REG_LIST, &registers, 0, 0 },
    SET(VCPU0, CORE(regs.pstate), 0x3c5, 0), SET(VCPU1, CORE(regs.pstate), 0x3c5, 0), SET(VCPU0, CORE(regs.pc), RAM, 0),
    SET(VCPU0, CORE(regs.regs[0]), RAM + MIB, 0),
    { "power", VCPU0, KVM_GET_MP_STATE, value, 0, 0 }, { "power", VCPU0, KVM_SET_MP_STATE, value, 0, 0 },
    ENDS(KVM_SYSTEM_EVENT_SHUTDOWN),
};

/* Wants an ITS, which it initialises before the GIC, and messages. */
static const struct line cloud_hypervisor[] = {
    HAS(SIGNAL_MSI, 1), HAS(ARM_VM_IPA_SIZE, AT_LEAST_0), MAKE_VM(40), MEMORY(0, 0, RAM, ram), GUEST(off_guest), MAKE_VCPU(0), MAKE_VCPU(1),
    TARGET, INIT(VCPU0, PSCI), INIT(VCPU1, PSCI | OFF),
    SET(VCPU0, CORE(regs.pstate), 0x3c5, 0), SET(VCPU0, CORE(regs.pc), RAM, 0), SET(VCPU0, CORE(regs.regs[0]), RAM + MIB, 0),
    GET(VCPU1, MPIDR, 0), IS(0x80000001),
    MAKE_DEVICE(V3, GIC), PLACE(GIC, V3_ADDR_TYPE_DIST, 0x3fff0000), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x3ffb0000),
    MAKE_DEVICE(ITS, ITS), PLACE(ITS, ITS_ADDR_TYPE, 0x3ff90000), FINALISE(ITS), IRQS(256), FINALISE(GIC),
    NEW(EVENT), ROUTING(2, PIN(3, 3), MESSAGE(4, 0x3ffa0040, 16)), IRQFD(3, 0, 0), IRQFD(3, KVM_IRQFD_FLAG_DEASSIGN, 0), IRQFD(4, 0, 0),
    ENDS(KVM_SYSTEM_EVENT_SHUTDOWN),
    ATTRIBUTE(GIC, SET, CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL, -ENXIO),     /* snapshots: not of protected guests */
};

/* As it runs protected guests without a firmware of pKVM's; levels by resampling. */
static const struct line crosvm[] = {
    HAS(ARM_VM_IPA_SIZE, AT_LEAST_0), { "protected VMs", SYSTEM, KVM_CHECK_EXTENSION, N(PROTECTED_VM_CAP), 1, 0 },
    MAKE_VM(PROTECTED_VM_TYPE | 40), MEMORY(0, 0, RAM, ram), GUEST(off_guest),
    { "pKVM's firmware", VM, KVM_ENABLE_CAP, DATA(struct kvm_enable_cap, .cap = PROTECTED_VM_CAP, .args = { 1, ADDRESS(value) }), 0, 0 }, IS(0),
    { "... where to", VM, KVM_ENABLE_CAP, DATA(struct kvm_enable_cap, .cap = PROTECTED_VM_CAP, .args = { RAM }), -EINVAL, 0 },
    MAKE_VCPU(0), MAKE_VCPU(1),
    MAKE_DEVICE(V3, GIC), PLACE(GIC, V3_ADDR_TYPE_DIST, 0x3fff0000), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x3ffb0000), IRQS(128),
    TARGET, INIT(VCPU0, PSCI), INIT(VCPU1, PSCI | OFF), GET(VCPU0, KVM_REG_ARM_PSCI_VERSION, 0), IS(0x10001), PVTIME(VCPU0),
    FINALISE(GIC), HAS(IRQFD_RESAMPLE, 1), NEW(EVENT), NEW(EVENT2), IRQFD(0, KVM_IRQFD_FLAG_RESAMPLE, 0), ROUTING(1, PIN(0, 3)),
    SET(VCPU0, CORE(regs.pstate), 0x3c5, 0), SET(VCPU0, CORE(regs.pc), RAM, 0), SET(VCPU0, CORE(regs.regs[0]), RAM + MIB, 0),
    ENDS(KVM_SYSTEM_EVENT_SHUTDOWN),
    IRQFD(0, KVM_IRQFD_FLAG_DEASSIGN, 0),
};

/*
 * What -cpu host is: a VM that never runs, whose features are read, those of 32 bits too, and if one cannot be read there is no CPU. Then flags
 * of PSTATE as they fall, a second vCPU that it switches off later, flash, looks at a stop, and a reset.
 */
static const struct line qemu[] = {
    { "a VM to look at", SYSTEM, KVM_CREATE_VM, N(0), ANY_FD, PROBE }, { "a vCPU of it", PROBE, KVM_CREATE_VCPU, N(0), ANY_FD, PROBED },
    { "the preferred target", PROBE, KVM_ARM_PREFERRED_TARGET, &target, 0, 0 }, { "its init", PROBED, KVM_ARM_VCPU_INIT, &target, 0, 0 },
    LOOK(4, 0), LOOK(4, 1), LOOK(4, 5), LOOK(5, 0), LOOK(5, 1), LOOK(6, 0), LOOK(6, 1), LOOK(6, 2), LOOK(7, 0), LOOK(7, 1), LOOK(7, 2),
    LOOK(1, 0), LOOK(1, 1), LOOK(1, 2), LOOK(1, 4), LOOK(1, 5), LOOK(1, 6), LOOK(1, 7), LOOK(2, 0), LOOK(2, 1), LOOK(2, 2), LOOK(2, 3),
    LOOK(2, 4), LOOK(2, 5), LOOK(2, 6), LOOK(2, 7), LOOK(3, 0), LOOK(3, 1), LOOK(3, 2), LOOK(3, 4), LOOK(3, 5),
    { "it is gone", PROBED, CLOSE, NULL, 0, 0 }, { "and its VM", PROBE, CLOSE, NULL, 0, 0 },
    HAS(READONLY_MEM, 1), HAS(SIGNAL_MSI, 1), HAS(VCPU_EVENTS, 0), HAS(SET_GUEST_DEBUG, 0), MAKE_VM(40), MAKE_VCPU(0), MAKE_VCPU(1),
    TARGET, INIT(VCPU0, PSCI), INIT(VCPU1, PSCI), MEMORY(0, 0, RAM, ram), MEMORY(1, KVM_MEM_READONLY, FLASH, flash), GUEST(reset_guest),
    MAKE_DEVICE(V3, GIC), IRQS(288), FINALISE(GIC), MAKE_DEVICE(ITS, ITS), FINALISE(ITS), PLACE(ITS, ITS_ADDR_TYPE, 0x8080000),
    PLACE(GIC, V3_ADDR_TYPE_DIST, 0x8000000), PLACE(GIC, V3_ADDR_TYPE_REDIST, 0x80a0000),
    ATTRIBUTE(ITS, HAS, ITS_REGS, 0, NULL, -ENXIO), ATTRIBUTE(ITS, SET, CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL, 0),
    GET(VCPU0, FEATURE(4, 0), 0), SET_BACK(VCPU0, FEATURE(4, 0)), SET(VCPU0, FEATURE(4, 0), 0x12, -EINVAL),
    SET(VCPU0, CORE(regs.pstate), 0x400003c5, 0), SET(VCPU0, CORE(regs.pstate), 0x400003c4, -EINVAL), SET(VCPU0, CORE(regs.pc), RAM, 0),
    { "vCPU 1 off", VCPU1, KVM_SET_MP_STATE, DATA(struct kvm_mp_state, KVM_MP_STATE_STOPPED), 0, 0 },
    GET(VCPU0, KVM_REG_ARM_TIMER_CNT, 0), SET(VCPU0, KVM_REG_ARM_TIMER_CNT, 0, 0),
    ENDS(KVM_SYSTEM_EVENT_RESET), ENDS(KVM_SYSTEM_EVENT_RESET),
    GET(VCPU0, CORE(regs.regs[0]), 0), IS(0), GET(VCPU0, CORE(regs.pc), 0), IS(0), SET(VCPU0, CORE(regs.pc), 0, 0),
    SET(VCPU0, CORE(regs.pc), RAM, -EPERM), GET(VCPU0, KVM_REG_ARM_TIMER_CNT, 0), SET(VCPU0, KVM_REG_ARM_TIMER_CNT, 1, 0),
    { "power", VCPU0, KVM_GET_MP_STATE, value, 0, 0 }, { "power", VCPU0, KVM_SET_MP_STATE, value, 0, 0 },
    { "memory is fixed", VM, KVM_SET_USER_MEMORY_REGION, DATA(struct kvm_userspace_memory_region, .slot = 0), -EBUSY, 0 },
    { "flash is not", VM, KVM_SET_USER_MEMORY_REGION, DATA(struct kvm_userspace_memory_region, .slot = 1), 0, 0 },
    MEMORY(1, KVM_MEM_READONLY, FLASH, flash),
    INIT(VCPU0, PSCI), INIT(VCPU1, PSCI), GUEST(off_guest),
    SET(VCPU0, CORE(regs.pstate), 0x400003c5, 0), SET(VCPU0, CORE(regs.pc), RAM, 0), SET(VCPU0, CORE(regs.regs[0]), 7, 0),
    ENDS(KVM_SYSTEM_EVENT_SHUTDOWN),
};

/* ---- playing one ---- */

static int fd[DESCRIPTORS];
static struct kvm_run *run;
static unsigned calls, wrong;

static long answer_of(long result)
{
    return result < 0 ? -errno : result;
}

/* Lines name event descriptors by their place. */
static long ask(const struct line *l)
{
    struct kvm_irqfd irqfd;
    struct kvm_ioeventfd ioeventfd;

    switch (l->request) {
    case KVM_IRQFD:
        irqfd = *(const struct kvm_irqfd *)l->argument;
        irqfd.fd = (uint32_t)fd[irqfd.fd];
        irqfd.resamplefd = (uint32_t)fd[irqfd.resamplefd];
        return answer_of(ioctl(fd[l->on], l->request, &irqfd));
    case KVM_IOEVENTFD:
        ioeventfd = *(const struct kvm_ioeventfd *)l->argument;
        ioeventfd.fd = fd[ioeventfd.fd];
        return answer_of(ioctl(fd[l->on], l->request, &ioeventfd));
    case KVM_GET_REG_LIST:
        registers.list.n = 256;
        break;
    default:
        break;
    }
    return answer_of(ioctl(fd[l->on], l->request, l->argument));
}

/* A descriptor is kept, and the page of vCPU 0 mapped. A device's comes in the argument. */
static long keep(const struct line *l, long answer)
{
    if (answer < 0)
        return answer;
    if (l->request == KVM_CREATE_DEVICE)
        answer = ((const struct kvm_create_device *)l->argument)->fd;
    fd[l->becomes] = (int)answer;
    if (l->becomes == VCPU0)
        run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[VCPU0], 0);
    return ANY_FD;
}

static long play(const struct line *l)
{
    switch (l->request) {
    case CLOSE: return answer_of(close(fd[l->on]));
    case NEW_EVENT: fd[l->becomes] = eventfd(0, EFD_NONBLOCK); return fd[l->becomes] < 0 ? -errno : 0;
    case EXIT: return run->exit_reason == (uintptr_t)l->argument ? 0 : (long)run->exit_reason;
    case EVENT_OF_EXIT: return run->system_event.type == (uintptr_t)l->argument ? 0 : (long)run->system_event.type;
    case VALUE_IS: return value[0] == (uintptr_t)l->argument ? 0 : (long)value[0];
    case LOAD: memcpy(ram, l->argument, sizeof(off_guest)); return 0;
    default: return l->answer == ANY_FD ? keep(l, ask(l)) : ask(l);
    }
}

static void play_table(const char *name, const struct line *table, size_t n)
{
    unsigned before = wrong;

    for (size_t i = 0; i < n; i++) {
        long got = play(&table[i]);

        calls++;
        if (got == table[i].answer || (table[i].answer == AT_LEAST_0 && got >= 0))
            continue;
        wrong++;
        printf("sequences: %s: line %zu, %s: %ld instead of %ld (%s)\n", name, i, table[i].what, got, table[i].answer,
               got < 0 ? strerror((int)-got) : "no error");
    }
    printf("sequences: %s: %zu calls, %u wrong\n", name, n, wrong - before);
    for (int i = VM; i < DESCRIPTORS; i++) {
        if (fd[i] >= 0)
            close(fd[i]);
        fd[i] = -1;
    }
    munmap(run, 4096);
}

#define PLAY(table) play_table(#table, table, sizeof(table) / sizeof(table[0]))

int main(void)
{
    for (int i = 0; i < DESCRIPTORS; i++)
        fd[i] = -1;
    fd[SYSTEM] = open("/dev/kvm", O_RDWR);
    if (fd[SYSTEM] < 0) {
        perror("sequences: /dev/kvm");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    PLAY(kvmtool);
    PLAY(firecracker);
    PLAY(cloud_hypervisor);
    PLAY(crosvm);
    PLAY(qemu);
    printf("sequences: %u calls, %u wrong\n", calls, wrong);
    return wrong > 0;
}
