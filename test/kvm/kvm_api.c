/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks /dev/kvm of cordon_kvm.ko everything that a VMM may ask before a guest runs, right and wrong, and compares each
 * answer with the one that Linux gives, or that docs/KVM.md names as a difference. Runs no guest of its own.
 *
 *   kvm_api         prints a line for each answer that is wrong, and "kvm_api: N answers, N wrong"; exit status 1 if any is
 */
#include <cordon/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define CORE(reg, size) (KVM_REG_ARM64 | (size) | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(reg))
#define MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)
#define MIDR ARM64_SYS_REG(3, 0, 0, 0, 0)
#define PFR0 ARM64_SYS_REG(3, 0, 0, 4, 0)
#define BAD_POINTER ((void *)8)

static unsigned answers, wrong;
static int kvm;

/* An ioctl's answer: what it returns, or minus its errno. */
static long ask(int fd, unsigned long request, void *argument)
{
    long result = ioctl(fd, request, argument);

    return result < 0 ? -errno : result;
}

static long ask_number(int fd, unsigned long request, unsigned long argument)
{
    return ask(fd, request, (void *)argument);
}

static void must_be(const char *what, long want, long got)
{
    answers++;
    if (want == got)
        return;
    wrong++;
    printf("kvm_api: %s: %ld instead of %ld (%s)\n", what, got, want, got < 0 ? strerror((int)-got) : "no error");
}

static void must_hold(const char *what, int holds)
{
    must_be(what, 1, holds != 0);
}

/* ---- short forms ---- */

static int new_vm(void)
{
    long fd = ask_number(kvm, KVM_CREATE_VM, 0);

    must_hold("a VM", fd >= 0);
    return (int)fd;
}

static long init_vcpu(int vcpu, unsigned features)
{
    struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8, .features = { features } };

    return ask(vcpu, KVM_ARM_VCPU_INIT, &init);
}

static long set_reg(int vcpu, uint64_t id, const void *value)
{
    struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)value };

    return ask(vcpu, KVM_SET_ONE_REG, &reg);
}

static long set_u64(int vcpu, uint64_t id, uint64_t value)
{
    return set_reg(vcpu, id, &value);
}

static long get_reg(int vcpu, uint64_t id, void *value)
{
    struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)value };

    return ask(vcpu, KVM_GET_ONE_REG, &reg);
}

static long region(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t user)
{
    struct kvm_userspace_memory_region r = { slot, flags, gpa, size, user };

    return ask(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static int new_gic(int vm)
{
    struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3, .fd = ~0u };

    must_be("a GIC", 0, ask(vm, KVM_CREATE_DEVICE, &device));
    return (int)device.fd;
}

static long attribute(int fd, unsigned long request, uint32_t group, uint64_t attr, void *value)
{
    struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uint64_t)(uintptr_t)value };

    return ask(fd, request, &a);
}

static long address(int gic, uint64_t type, uint64_t value)
{
    return attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &value);
}

static void *memory(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        perror("kvm_api: mmap");
        exit(2);
    }
    return at;
}

/* ---- the system ---- */

static void test_system(void)
{
    must_be("API version", KVM_API_VERSION, ask_number(kvm, KVM_GET_API_VERSION, 0));
    must_be("API version with an argument", -EINVAL, ask_number(kvm, KVM_GET_API_VERSION, 1));
    must_be("size of what is shared", 4096, ask_number(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
    must_be("IRQCHIP", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP));
    must_be("ONE_REG", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ONE_REG));
    must_be("ARM_PSCI", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PSCI));
    must_be("ARM_PSCI_0_2", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PSCI_0_2));
    must_be("USER_MEMORY", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY));
    must_be("IMMEDIATE_EXIT", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT));
    must_be("MAX_VCPUS", 16, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
    must_be("NR_MEMSLOTS", 8, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS));
    must_be("READONLY_MEM", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM));
    must_be("SYNC_MMU", 1, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_MMU));
    must_be("COALESCED_MMIO", 0, ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO));
    must_be("an extension of no number", 0, ask_number(kvm, KVM_CHECK_EXTENSION, ~0ul));
    must_hold("at least 32 bits of guest address", ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE) >= 32);
    must_be("an ioctl that is none", -EINVAL, ask_number(kvm, _IO(KVMIO, 0xee), 0));
    must_be("an ioctl of another device", -EINVAL, ask_number(kvm, 0x5401, 0));
}

static void test_vm_types(void)
{
    long most = ask_number(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);

    must_be("a type with other bits", -EINVAL, ask_number(kvm, KVM_CREATE_VM, 1ul << 30 | 40));
    must_be("31 bits of guest address", -EINVAL, ask_number(kvm, KVM_CREATE_VM, 31));
    must_be("more bits than there are", -EINVAL, ask_number(kvm, KVM_CREATE_VM, (unsigned long)most + 1));
    for (long bits = 32; bits <= most; bits += most - 32 ? most - 32 : 1) {
        long fd = ask_number(kvm, KVM_CREATE_VM, (unsigned long)bits);

        must_hold("a VM with the least or the most bits", fd >= 0);
        close((int)fd);
    }
}

/* ---- VMs ---- */

static void test_vm(void)
{
    int vm = new_vm();
    struct kvm_vcpu_init init = { .target = 99, .features = { ~0u } };
    struct kvm_coalesced_mmio_zone zone = { .addr = 0, .size = 1 };

    must_be("preferred target", 0, ask(vm, KVM_ARM_PREFERRED_TARGET, &init));
    must_hold("... is a generic CPU without features", init.target == KVM_ARM_TARGET_GENERIC_V8 && init.features[0] == 0);
    must_be("preferred target to nowhere", -EFAULT, ask(vm, KVM_ARM_PREFERRED_TARGET, BAD_POINTER));
    must_be("extensions of a VM", 16, ask_number(vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
    must_be("the end of coalescing", 0, ask(vm, KVM_UNREGISTER_COALESCED_MMIO, &zone));
    must_be("the end of coalescing from nowhere", -EFAULT, ask(vm, KVM_UNREGISTER_COALESCED_MMIO, BAD_POINTER));
    must_be("a GICv2", -ENODEV, ask_number(vm, KVM_CREATE_IRQCHIP, 0));
    must_be("an ioctl that is none", -EINVAL, ask_number(vm, _IO(KVMIO, 0xee), 0));
    must_be("vCPU 16", -EINVAL, ask_number(vm, KVM_CREATE_VCPU, 16));
    must_be("vCPU -1", -EINVAL, ask_number(vm, KVM_CREATE_VCPU, ~0ul));
    close(vm);
}

static void test_memory(void)
{
    int vm = new_vm();
    uint64_t at = (uint64_t)(uintptr_t)memory(4 * MIB);

    must_be("memory from nowhere", -EFAULT, ask(vm, KVM_SET_USER_MEMORY_REGION, BAD_POINTER));
    must_be("memory", 0, region(vm, 0, 0, 0x80000000, 2 * MIB, at));
    must_be("... again", 0, region(vm, 0, 0, 0x80000000, 2 * MIB, at));
    must_be("... moved", 0, region(vm, 0, 0, 0x90000000, 2 * MIB, at));
    must_be("... of another size", -EINVAL, region(vm, 0, 0, 0x90000000, MIB, at));
    must_be("... of another place", -EINVAL, region(vm, 0, 0, 0x90000000, 2 * MIB, at + MIB));
    must_be("memory over another", -EEXIST, region(vm, 1, 0, 0x90100000, 2 * MIB, at));
    must_be("memory beside another", 0, region(vm, 1, 0, 0x90200000, 2 * MIB, at));
    must_be("deletion", 0, region(vm, 1, 0, 0x90200000, 0, at));
    must_be("deletion of what is not there", -EINVAL, region(vm, 1, 0, 0x90200000, 0, at));
    must_be("slot 8", -EINVAL, region(vm, 8, 0, 0xa0000000, MIB, at));
    must_be("another address space", -EINVAL, region(vm, 1 << 16, 0, 0xa0000000, MIB, at));
    must_be("read-only memory", 0, region(vm, 2, KVM_MEM_READONLY, 0xa0000000, MIB, at));
    must_be("... that is writable now", -EINVAL, region(vm, 2, 0, 0xa0000000, MIB, at));
    must_be("... and goes", 0, region(vm, 2, KVM_MEM_READONLY, 0xa0000000, 0, at));
    must_be("a log of dirty pages", -EINVAL, region(vm, 2, KVM_MEM_LOG_DIRTY_PAGES, 0xa0000000, MIB, at));
    must_be("half a page", -EINVAL, region(vm, 2, 0, 0xa0000000, MIB + 2048, at));
    must_be("a crooked guest address", -EINVAL, region(vm, 2, 0, 0xa0000800, MIB, at));
    must_be("a crooked address", -EINVAL, region(vm, 2, 0, 0xa0000000, MIB, at + 8));
    must_be("memory of the kernel", -EINVAL, region(vm, 2, 0, 0xa0000000, MIB, 0xffff000000000000));
    must_be("memory round the end", -EINVAL, region(vm, 2, 0, -(uint64_t)MIB, 2 * MIB, at));
    must_be("memory beyond guest addresses", -EFAULT, region(vm, 2, 0, 1ul << 40, MIB, at));
    close(vm);
}

/* ---- vCPUs ---- */

static void test_vcpu_init(int vcpu, int second)
{
    struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8, .features = { 0, 1 } };
    uint64_t value;

    must_be("a register before init", -ENOEXEC, get_reg(vcpu, MPIDR, &value));
    must_be("a run before init", -ENOEXEC, ask_number(vcpu, KVM_RUN, 0));
    must_be("init from nowhere", -EFAULT, ask(vcpu, KVM_ARM_VCPU_INIT, BAD_POINTER));
    must_be("features that nobody knows", -ENOENT, ask(vcpu, KVM_ARM_VCPU_INIT, &init));
    must_be("feature 7", -ENOENT, init_vcpu(vcpu, 1u << 7));
    must_be("32 bits", -EINVAL, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_EL1_32BIT));
    must_be("a PMU", -EINVAL, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_PMU_V3));
    must_be("SVE", -EINVAL, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_SVE));
    must_be("half of pointer authentication", -EINVAL, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS));
    must_be("vCPU 0 switched off", -EINVAL, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_POWER_OFF));
    init = (struct kvm_vcpu_init){ .target = KVM_ARM_TARGET_CORTEX_A57 };
    must_be("another target", -EINVAL, ask(vcpu, KVM_ARM_VCPU_INIT, &init));
    must_be("init", 0, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_PSCI_0_2));
    must_be("... again", 0, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_PSCI_0_2));
    must_be("... with other features", -EINVAL, init_vcpu(vcpu, 0));
    must_be("init of vCPU 1, not said to be off", 0, init_vcpu(second, 1u << KVM_ARM_VCPU_PSCI_0_2));
}

static void test_registers(int vcpu, int second)
{
    uint64_t value[2] = { 0 };

    must_be("MPIDR", 0, get_reg(vcpu, MPIDR, value));
    must_hold("... of vCPU 0", value[0] == 0x80000000);
    must_be("MPIDR of vCPU 1", 0, get_reg(second, MPIDR, value));
    must_hold("... is 1", value[0] == 0x80000001);
    must_be("MPIDR as it is", 0, set_u64(second, MPIDR, 0x80000001));
    must_be("another MPIDR", -EINVAL, set_u64(second, MPIDR, 0x80000002));
    must_be("PC", 0, set_u64(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), 0x80000000));
    must_be("PC back", 0, get_reg(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), value));
    must_hold("... is what was set", value[0] == 0x80000000);
    must_be("x0", 0, set_u64(vcpu, CORE(regs.regs[0], KVM_REG_SIZE_U64), 0x1234));
    must_be("x1 = 0", 0, set_u64(vcpu, CORE(regs.regs[1], KVM_REG_SIZE_U64), 0));
    must_be("x1 = 1", -EINVAL, set_u64(vcpu, CORE(regs.regs[1], KVM_REG_SIZE_U64), 1));
    must_be("PSTATE at reset", 0, set_u64(vcpu, CORE(regs.pstate, KVM_REG_SIZE_U64), 0x3c5));
    must_be("PSTATE with flags", 0, set_u64(vcpu, CORE(regs.pstate, KVM_REG_SIZE_U64), 0xf00003c5));
    must_be("PSTATE with interrupts", -EINVAL, set_u64(vcpu, CORE(regs.pstate, KVM_REG_SIZE_U64), 0x345));
    must_be("PSTATE back", 0, get_reg(vcpu, CORE(regs.pstate, KVM_REG_SIZE_U64), value));
    must_hold("... without flags", value[0] == 0x3c5);
    must_be("the counter", 0, get_reg(vcpu, KVM_REG_ARM_TIMER_CNT, value));
    must_hold("... counts", value[0] != 0);
    must_be("the counter set", 0, set_u64(vcpu, KVM_REG_ARM_TIMER_CNT, 0));
    must_be("the timer on", -EINVAL, set_u64(vcpu, KVM_REG_ARM_TIMER_CTL, 1));
    must_be("PSTATE of EL2", -EINVAL, set_u64(vcpu, CORE(regs.pstate, KVM_REG_SIZE_U64), 0x3c9));
    must_be("SP_EL1 = 0", 0, set_u64(vcpu, CORE(sp_el1, KVM_REG_SIZE_U64), 0));
    must_be("v31 = 0", 0, set_reg(vcpu, CORE(fp_regs.vregs[31], KVM_REG_SIZE_U128), (uint64_t[2]){ 0 }));
    must_be("v0 = 1", -EINVAL, set_reg(vcpu, CORE(fp_regs.vregs[0], KVM_REG_SIZE_U128), (uint64_t[2]){ 1 }));
    must_be("FPCR = 0", 0, set_reg(vcpu, CORE(fp_regs.fpcr, KVM_REG_SIZE_U32), (uint32_t[1]){ 0 }));
    must_be("x0 of 32 bits", -EINVAL, get_reg(vcpu, CORE(regs.regs[0], KVM_REG_SIZE_U32), value));
    must_be("half of x0", -ENOENT, get_reg(vcpu, CORE(regs.regs[0], KVM_REG_SIZE_U64) + 1, value));
    must_be("a core register beyond the last", -ENOENT, get_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | 0x1000, value));
    must_be("SCTLR_EL1", -ENOENT, get_reg(vcpu, ARM64_SYS_REG(3, 0, 1, 0, 0), value));
    must_be("S3_0_C0_C0_1, which is none", -ENOENT, get_reg(vcpu, ARM64_SYS_REG(3, 0, 0, 0, 1), value));
    must_be("S3_0_C0_C8_0", -ENOENT, get_reg(vcpu, ARM64_SYS_REG(3, 0, 0, 8, 0), value));
    must_be("a feature register of 32 bits", -ENOENT, get_reg(vcpu, PFR0 ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U32, value));
    must_be("features", 0, get_reg(vcpu, PFR0, value));
    must_be("... as they are", 0, set_reg(vcpu, PFR0, value));
    must_be("... without one", -EINVAL, set_u64(vcpu, PFR0, value[0] ^ 0x10));
    must_be("... with EL2", -EINVAL, set_u64(vcpu, PFR0, value[0] ^ 0x100));
    must_be("the CPU's name", 0, get_reg(vcpu, MIDR, value));
    must_be("... another", -EINVAL, set_u64(vcpu, MIDR, value[0] + 1));
    must_be("a register of x86", -ENOENT, get_reg(vcpu, KVM_REG_X86 | KVM_REG_SIZE_U64, value));
    must_be("a register of 2048 bits", -ENOENT, get_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U2048 | KVM_REG_ARM_CORE, value));
    must_be("PC to nowhere", -EFAULT, get_reg(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), BAD_POINTER));
    must_be("PC from nowhere", -EFAULT, set_reg(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), BAD_POINTER));
}

static void test_register_list(int vcpu)
{
    struct { struct kvm_reg_list list; uint64_t reg[256]; } l = { .list = { .n = 0 } };

    must_be("a list with no room", -E2BIG, ask(vcpu, KVM_GET_REG_LIST, &l));
    must_hold("... says how much it needs", l.list.n > 30 && l.list.n <= 256);
    must_be("a list", 0, ask(vcpu, KVM_GET_REG_LIST, &l));
    for (uint64_t i = 0; i < l.list.n && i < 256; i++) {
        uint64_t value[2];

        must_be("a register of the list", 0, get_reg(vcpu, l.list.reg[i], value));
        must_be("... and back", 0, set_reg(vcpu, l.list.reg[i], value));
    }
    must_be("a list to nowhere", -EFAULT, ask(vcpu, KVM_GET_REG_LIST, BAD_POINTER));
}

static void test_mp_state(int vcpu, int second)
{
    struct kvm_mp_state state = { 99 };

    must_be("MP state", 0, ask(vcpu, KVM_GET_MP_STATE, &state));
    must_hold("... runnable", state.mp_state == KVM_MP_STATE_RUNNABLE);
    must_be("... as it is", 0, ask(vcpu, KVM_SET_MP_STATE, &state));
    must_be("MP state of vCPU 1", 0, ask(second, KVM_GET_MP_STATE, &state));
    must_hold("... stopped", state.mp_state == KVM_MP_STATE_STOPPED);
    must_be("MP state of vCPU 1 that is another", 0, ask(second, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE }));
    must_be("an MP state of none", -EINVAL, ask(second, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 99 }));
    must_be("stopped for vCPU 0", -EINVAL, ask(vcpu, KVM_SET_MP_STATE, &state));
}

static void test_run_page(int vcpu)
{
    struct kvm_run *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    void *second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, vcpu, 4096);
    int status = 0;
    pid_t child;

    must_hold("the shared page", run != MAP_FAILED);
    if (run == MAP_FAILED)
        return;
    run->immediate_exit = 1;
    must_be("an immediate exit", -EINTR, ask_number(vcpu, KVM_RUN, 0));
    must_be("... and its reason", KVM_EXIT_INTR, run->exit_reason);
    run->immediate_exit = 0;
    must_be("a run with an argument", -EINVAL, ask_number(vcpu, KVM_RUN, 1));
    child = fork();
    if (child == 0)
        _exit(*(volatile int *)second);     /* there is no second page */
    waitpid(child, &status, 0);
    must_hold("SIGBUS behind the shared page", WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    munmap(run, 4096);
}

static void test_vcpus(void)
{
    int vm = new_vm();
    int vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 0);
    int second = (int)ask_number(vm, KVM_CREATE_VCPU, 1);

    must_hold("two vCPUs", vcpu >= 0 && second >= 0);
    must_be("vCPU 0 again", -EEXIST, ask_number(vm, KVM_CREATE_VCPU, 0));
    test_vcpu_init(vcpu, second);
    test_registers(vcpu, second);
    test_register_list(vcpu);
    test_mp_state(vcpu, second);
    test_run_page(vcpu);
    must_be("an attribute of a vCPU", -ENXIO, attribute(vcpu, KVM_HAS_DEVICE_ATTR, KVM_ARM_VCPU_TIMER_CTRL, 0, NULL));
    must_be("registers of another kind", -EINVAL, ask(vcpu, KVM_GET_REGS, BAD_POINTER));
    close(vm);
    must_be("a vCPU outlives its VM's descriptor", 0, set_u64(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), 4));
    close(second);
    close(vcpu);
}

/* A start that cannot be: each is refused, and the VM can be closed. */
static void test_failed_starts(void)
{
    void *at = memory(2 * MIB);
    int vm = new_vm();
    int vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 0);

    must_be("init", 0, init_vcpu(vcpu, 0));
    must_be("a run without memory", -EINVAL, ask_number(vcpu, KVM_RUN, 0));
    must_be("... again", -EINVAL, ask_number(vcpu, KVM_RUN, 0));
    must_be("memory for a VM that failed", -EBUSY, region(vm, 0, 0, 0x80000000, 2 * MIB, (uint64_t)(uintptr_t)at));
    must_be("PC of a VM that failed", -EPERM, set_u64(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), 4));
    must_be("init of a VM that failed", 0, init_vcpu(vcpu, 0));
    must_be("... makes it as new", 0, region(vm, 0, 0, 0x80000000, 2 * MIB, (uint64_t)(uintptr_t)at));
    close(vcpu);
    close(vm);

    vm = new_vm();
    vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 1);
    must_be("init of vCPU 1 alone", 0, init_vcpu(vcpu, 1u << KVM_ARM_VCPU_POWER_OFF));
    close(vcpu);
    vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 0);
    must_be("init of vCPU 0", 0, init_vcpu(vcpu, 0));
    new_gic(vm);
    must_be("a run with a GIC that is not ready", -EBUSY, ask_number(vcpu, KVM_RUN, 0));
    close(vcpu);
    close(vm);

    vm = new_vm();
    vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 0);
    must_be("init", 0, init_vcpu(vcpu, 0));
    must_be("memory that is not mapped", 0, region(vm, 0, 0, 0x80000000, MIB, 0x1000));
    must_be("PC", 0, set_u64(vcpu, CORE(regs.pc, KVM_REG_SIZE_U64), 0x80000000));
    must_be("a run of memory that is not mapped", -EFAULT, ask_number(vcpu, KVM_RUN, 0));
    close(vcpu);
    close(vm);
    munmap(at, 2 * MIB);
}

/* ---- the GIC ---- */

static void test_gic_addresses(int gic)
{
    uint64_t value = 0;

    must_be("HAS distributor", 0, attribute(gic, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, NULL));
    must_be("HAS redistributors", 0, attribute(gic, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, NULL));
    must_be("HAS a GICv2's CPU interface", -ENXIO, attribute(gic, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, NULL));
    must_be("HAS registers", -ENXIO, attribute(gic, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, NULL));
    must_be("HAS group 99", -ENXIO, attribute(gic, KVM_HAS_DEVICE_ATTR, 99, 0, NULL));
    must_be("a crooked distributor", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_DIST, 0x3fff1000));
    must_be("a distributor too high", -E2BIG, address(gic, KVM_VGIC_V3_ADDR_TYPE_DIST, 1ul << 50));
    must_be("an address from nowhere", -EFAULT, attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, BAD_POINTER));
    must_be("distributor", 0, address(gic, KVM_VGIC_V3_ADDR_TYPE_DIST, 0x3fff0000));
    must_be("... again", -EEXIST, address(gic, KVM_VGIC_V3_ADDR_TYPE_DIST, 0x3fff0000));
    must_be("distributor back", 0, attribute(gic, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &value));
    must_hold("... is what was set", value == 0x3fff0000);
    must_be("redistributors over it", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST, 0x3fff0000));
    must_be("redistributors", 0, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST, 0x3ffb0000));
    must_be("... again", -EEXIST, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST, 0x3ff00000));
    must_be("a region beside them", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 1ul << 52 | 0x30000000));
}

static long number(int gic, uint32_t irqs)
{
    return attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
}

static long line(int vm, uint32_t type, uint32_t vcpu, uint32_t irq, uint32_t level)
{
    struct kvm_irq_level l = { .irq = type << KVM_ARM_IRQ_TYPE_SHIFT | vcpu << KVM_ARM_IRQ_VCPU_SHIFT | irq, .level = level };

    return ask(vm, KVM_IRQ_LINE, &l);
}

static void test_gic_interrupts(int vm, int gic)
{
    uint32_t irqs = 0;

    must_be("a line before the GIC is ready", -EBUSY, line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, 40, 1));
    must_be("33 interrupts", -EINVAL, number(gic, 33));
    must_be("32 interrupts", -EINVAL, number(gic, 32));
    must_be("1056 interrupts", -EINVAL, number(gic, 1056));
    must_be("64 interrupts", 0, number(gic, 64));
    must_be("... again", -EBUSY, number(gic, 64));
    must_be("their number", 0, attribute(gic, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs));
    must_hold("... is 64", irqs == 64);
    must_be("an init that is none", -ENXIO, attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, 1, NULL));
    must_be("init", 0, attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL));
    must_be("... again", 0, attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL));
    must_be("a vCPU behind the init", -EBUSY, ask_number(vm, KVM_CREATE_VCPU, 5));
    must_be("SPI 63", 0, line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, 63, 1));
    must_be("SPI 64", -EINVAL, line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, 64, 1));
    must_be("SPI 31", -EINVAL, line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, 31, 1));
    must_be("PPI 16", 0, line(vm, KVM_ARM_IRQ_TYPE_PPI, 1, 16, 1));
    must_be("PPI 16 of vCPU 2", -EINVAL, line(vm, KVM_ARM_IRQ_TYPE_PPI, 2, 16, 1));
    must_be("PPI 15", -EINVAL, line(vm, KVM_ARM_IRQ_TYPE_PPI, 0, 15, 1));
    must_be("PPIs 27 and 30, which are the timers'", -EINVAL,
            line(vm, KVM_ARM_IRQ_TYPE_PPI, 0, 27, 1) == 0 ? 0 : line(vm, KVM_ARM_IRQ_TYPE_PPI, 0, 30, 1));
    must_be("a line of a CPU", -ENXIO, line(vm, KVM_ARM_IRQ_TYPE_CPU, 0, 0, 1));
    must_be("a line of no type", -EINVAL, line(vm, 7, 0, 40, 1));
    must_be("a line from nowhere", -EFAULT, ask(vm, KVM_IRQ_LINE, BAD_POINTER));
}

static long device_fd(int vm, uint32_t type)
{
    struct kvm_create_device device = { .type = type };
    long result = ask(vm, KVM_CREATE_DEVICE, &device);

    return result < 0 ? result : (long)device.fd;
}

/* What is closed before its init is gone. */
static void test_its(int vm)
{
    struct kvm_msi msi = { .address_lo = 0x3ffa0040, .flags = KVM_MSI_VALID_DEVID };
    uint64_t value = 0;
    int its = (int)device_fd(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);

    must_hold("an ITS", its >= 0);
    must_be("a second ITS", -EEXIST, device_fd(vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
    close(its);
    its = (int)device_fd(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
    must_hold("an ITS when the first is closed", its >= 0);
    must_be("a message without an address", -EINVAL, ask(vm, KVM_SIGNAL_MSI, &msi));
    must_be("a crooked ITS", -EINVAL, address(its, KVM_VGIC_ITS_ADDR_TYPE, 0x3ff91000));
    must_be("an ITS too high", -E2BIG, address(its, KVM_VGIC_ITS_ADDR_TYPE, 1ul << 50));
    must_be("an ITS's address", 0, address(its, KVM_VGIC_ITS_ADDR_TYPE, 0x3ff90000));
    must_be("... again", -EEXIST, address(its, KVM_VGIC_ITS_ADDR_TYPE, 0x3ff90000));
    must_be("... back", 0, attribute(its, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &value));
    must_hold("... is what was set", value == 0x3ff90000);
    must_be("registers of an ITS", -ENXIO, attribute(its, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, NULL));
    must_be("an ITS's reset", 0, attribute(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL));
    must_be("a message that nobody asked for", 0, ask(vm, KVM_SIGNAL_MSI, &msi));
    msi.flags = 2;
    must_be("a message with other flags", -EINVAL, ask(vm, KVM_SIGNAL_MSI, &msi));
    must_be("a message from nowhere", -EFAULT, ask(vm, KVM_SIGNAL_MSI, BAD_POINTER));
    close(its);
}

static long routes(int vm, uint32_t n, uint32_t flags, struct kvm_irq_routing_entry e)
{
    struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry e[2]; } table = { { .nr = n, .flags = flags }, { e, e } };

    return ask(vm, KVM_SET_GSI_ROUTING, &table);
}

static void test_routes(void)
{
    struct kvm_irq_routing_entry pin = { .gsi = 4, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { 0, 5 } };
    struct kvm_enable_cap cap = { .cap = 0xffbadab1, .args = { 1, 8 } };
    int vm = new_vm();
    int gic;

    must_be("routes without a GIC", -EINVAL, routes(vm, 1, 0, pin));
    gic = new_gic(vm);
    must_be("a second GIC", -EEXIST, device_fd(vm, KVM_DEV_TYPE_ARM_VGIC_V3));
    close(gic);
    gic = new_gic(vm);
    must_be("no routes", 0, routes(vm, 0, 0, pin));
    must_be("a route", 0, routes(vm, 1, 0, pin));
    must_be("one GSI twice", -EINVAL, routes(vm, 2, 0, pin));
    must_be("routes with flags", -EINVAL, routes(vm, 1, 1, pin));
    must_be("too many routes", -EINVAL, routes(vm, 4097, 0, pin));
    pin.gsi = 4096;
    must_be("a GSI too many", -EINVAL, routes(vm, 1, 0, pin));
    pin = (struct kvm_irq_routing_entry){ .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { 0, 988 } };
    must_be("a pin too many", -EINVAL, routes(vm, 1, 0, pin));
    pin = (struct kvm_irq_routing_entry){ .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { 1, 0 } };
    must_be("another controller", -EINVAL, routes(vm, 1, 0, pin));
    pin = (struct kvm_irq_routing_entry){ .type = KVM_IRQ_ROUTING_MSI, .flags = KVM_MSI_VALID_DEVID };
    must_be("a message", 0, routes(vm, 1, 0, pin));
    pin.type = KVM_IRQ_ROUTING_HV_SINT;
    must_be("a route of another kind", -EINVAL, routes(vm, 1, 0, pin));
    must_be("routes from nowhere", -EFAULT, ask(vm, KVM_SET_GSI_ROUTING, BAD_POINTER));
    must_be("pKVM's firmware to nowhere", -EFAULT, ask(vm, KVM_ENABLE_CAP, &cap));
    cap.cap = KVM_CAP_ARM_NISV_TO_USER;
    must_be("what cannot be switched on", -EINVAL, ask(vm, KVM_ENABLE_CAP, &cap));
    must_be("what is switched on from nowhere", -EFAULT, ask(vm, KVM_ENABLE_CAP, BAD_POINTER));
    close(gic);
    close(vm);
}

static void test_gic(void)
{
    int vm = new_vm();
    int vcpu = (int)ask_number(vm, KVM_CREATE_VCPU, 0);
    int second = (int)ask_number(vm, KVM_CREATE_VCPU, 1);
    struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3, .flags = KVM_CREATE_DEVICE_TEST };
    struct kvm_device_attr flagged = { .flags = 1, .group = KVM_DEV_ARM_VGIC_GRP_CTRL };
    int gic;

    must_be("a line without a GIC", -ENXIO, line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, 40, 1));
    must_be("would there be a GIC", 0, ask(vm, KVM_CREATE_DEVICE, &device));
    device.type = KVM_DEV_TYPE_ARM_VGIC_V2;
    must_be("would there be a GICv2", -ENODEV, ask(vm, KVM_CREATE_DEVICE, &device));
    device.type = KVM_DEV_TYPE_ARM_VGIC_ITS;
    must_be("would there be an ITS", 0, ask(vm, KVM_CREATE_DEVICE, &device));
    test_its(vm);
    must_be("a device from nowhere", -EFAULT, ask(vm, KVM_CREATE_DEVICE, BAD_POINTER));
    gic = new_gic(vm);
    device = (struct kvm_create_device){ .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
    must_be("a second GIC", -EEXIST, ask(vm, KVM_CREATE_DEVICE, &device));
    must_be("an attribute with flags", -EPERM, ask(gic, KVM_HAS_DEVICE_ATTR, &flagged));
    must_be("an ioctl that no device has", -ENOTTY, ask_number(gic, _IO(KVMIO, 0xee), 0));
    test_gic_addresses(gic);
    test_gic_interrupts(vm, gic);
    close(vm);
    close(vcpu);
    close(second);
    close(gic);
}

static void test_regions(void)
{
    int vm = new_vm();
    int gic;

    for (unsigned long i = 0; i < 4; i++)
        must_hold("a vCPU", ask_number(vm, KVM_CREATE_VCPU, i) >= 0);
    gic = new_gic(vm);
    must_be("region 1 first", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 3ul << 52 | 0x30000000 | 1));
    must_be("a region of none", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 0x30000000));
    must_be("a region with flags", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 1ul << 52 | 0x30001000));
    must_be("region 0", 0, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 3ul << 52 | 0x30000000));
    must_be("region 1 over it", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 1ul << 52 | 0x30040000 | 1));
    must_be("region 1", 0, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 1ul << 52 | 0x30060000 | 1));
    must_be("one for all beside them", -EINVAL, address(gic, KVM_VGIC_V3_ADDR_TYPE_REDIST, 0x38000000));
    close(gic);
    close(vm);
}

/* ---- devices: this machine has none ---- */

static long give(int vm, struct cordon_kvm_device device)
{
    return ask(vm, CORDON_KVM_DEVICE_GIVE, &device);
}

static void test_devices(void)
{
    int vm = new_vm();
    int gic = new_gic(vm);

    must_be("a function that is not there", -ENODEV, give(vm, (struct cordon_kvm_device){ .bus = 7 }));
    must_be("one of another domain", -ENODEV, give(vm, (struct cordon_kvm_device){ .domain = 99 }));
    must_be("a device with flags", -EINVAL, give(vm, (struct cordon_kvm_device){ .flags = 1 }));
    must_be("a device with what is reserved", -EINVAL, give(vm, (struct cordon_kvm_device){ .reserved = 1 }));
    must_be("a BAR within a page", -EINVAL, give(vm, (struct cordon_kvm_device){ .bar = { 0x50000010 } }));
    must_be("a BAR beyond all", -EINVAL, give(vm, (struct cordon_kvm_device){ .bar = { [5] = 1ull << 40 } }));
    must_be("an interrupt before the GIC is initialised", -EAGAIN, give(vm, (struct cordon_kvm_device){ .intid = 40 }));
    must_be("init", 0, attribute(gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL));
    must_be("an interrupt that is no SPI", -EINVAL, give(vm, (struct cordon_kvm_device){ .intid = 27 }));
    must_be("an interrupt that the GIC has not", -EINVAL, give(vm, (struct cordon_kvm_device){ .intid = 256 }));
    must_be("an interrupt, and no function", -ENODEV, give(vm, (struct cordon_kvm_device){ .intid = 255 }));
    must_be("a device of nobody's memory", -EFAULT, ask(vm, CORDON_KVM_DEVICE_GIVE, BAD_POINTER));
    close(gic);
    close(vm);
}

/* ---- other processes ---- */

static void test_other_process(void)
{
    int vm = new_vm();
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(ask_number(vm, KVM_CREATE_VCPU, 0) == -EIO ? 0 : 1);
    waitpid(child, &status, 0);
    must_hold("a VM is for the process that made it", WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(vm);
}

int main(void)
{
    kvm = open("/dev/kvm", O_RDWR);
    if (kvm < 0) {
        perror("kvm_api: /dev/kvm");
        return 2;
    }
    test_system();
    test_vm_types();
    test_vm();
    test_memory();
    test_vcpus();
    test_failed_starts();
    test_gic();
    test_regions();
    test_routes();
    test_devices();
    test_other_process();
    printf("kvm_api: %u answers, %u wrong\n", answers, wrong);
    return wrong > 0;
}
