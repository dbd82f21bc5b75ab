/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine, its interrupt controller and its vCPUs, before they run: what the KVM API wants, in its order. */
#include "kvm.h"

#include "machine.h"
#include "message.h"
#include "vm.h"

#include <cordon/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psci.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define DEFAULT_IPA_BITS 40         /* of KVM_CREATE_VM(0) */
#define PSTATE_EL1H_MASKED 0x3c5u   /* EL1 with its own stack pointer; D, A, I and F masked */
#define ARM64_CORE(reg, size) (KVM_REG_ARM64 | (size) | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(reg))
#define MPIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 5)

/* ioctl() that leaves with what it was for. Returns what the call gives. */
static int must(int fd, unsigned long request, void *argument, const char *what)
{
    int result = ioctl(fd, request, argument);

    if (result < 0)
        die("KVM cannot %s: %s", what, strerror(errno));
    return result;
}

static int extension(const struct vm *vm, unsigned long which)
{
    int value = ioctl(vm->kvm, KVM_CHECK_EXTENSION, which);

    return value < 0 ? 0 : value;
}

static void open_kvm(struct vm *vm)
{
    int version;

    vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
        die("there is no /dev/kvm: load a driver for it (under Cordon: insmod cordon_kvm.ko), or run on a machine with KVM");
    if (vm->kvm < 0)
        die("cannot open /dev/kvm: %s%s", strerror(errno), errno == EACCES ? "; become root, or join its group" : "");
    version = must(vm->kvm, KVM_GET_API_VERSION, NULL, "say its version");
    if (version != KVM_API_VERSION)
        die("/dev/kvm speaks version %d of the API, and %d is needed", version, KVM_API_VERSION);
}

/* Guest addresses must be wide enough for the memory; the default is what every KVM has, and less is asked for by name. */
static unsigned long vm_type(const struct vm *vm)
{
    int bits = extension(vm, KVM_CAP_ARM_VM_IPA_SIZE);
    int effective = bits && bits < DEFAULT_IPA_BITS ? bits : DEFAULT_IPA_BITS;

    if (RAM_BASE + vm->memory.size > 1ull << effective)
        die("--mem %lluM is more than guest addresses of %d bits reach", (unsigned long long)vm->memory.size >> 20, effective);
    return effective < DEFAULT_IPA_BITS ? (unsigned long)effective : 0;
}

static void set_gic(const struct vm *vm, unsigned group, uint64_t attribute, uint64_t *value, const char *what)
{
    struct kvm_device_attr a = { .group = group, .attr = attribute, .addr = (uint64_t)(uintptr_t)value };

    must(vm->gic, KVM_SET_DEVICE_ATTR, &a, what);
}

static void create_gic(struct vm *vm)
{
    struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
    uint64_t distributor = GICD_BASE;
    uint64_t redistributors = GICD_BASE - vm->options->cpus * GICR_SIZE;

    must(vm->fd, KVM_CREATE_DEVICE, &device, "make a GICv3 for the guest (has this machine a GICv3?)");
    vm->gic = (int)device.fd;
    set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor, "place the GIC's distributor");
    set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors, "place the GIC's redistributors");
}

static void finish_gic(struct vm *vm)
{
    uint32_t interrupts = GIC_INTERRUPTS;
    struct kvm_device_attr number = { .group = KVM_DEV_ARM_VGIC_GRP_NR_IRQS, .addr = (uint64_t)(uintptr_t)&interrupts };

    must(vm->gic, KVM_SET_DEVICE_ATTR, &number, "set the number of interrupts");
    set_gic(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, "start the guest's GIC");
}

static void create_vcpu(struct vm *vm, unsigned index, const struct kvm_vcpu_init *target)
{
    struct vcpu *vcpu = &vm->vcpu[index];
    struct kvm_vcpu_init init = *target;
    struct kvm_one_reg mpidr = { .id = MPIDR_EL1, .addr = (uint64_t)(uintptr_t)&vcpu->mpidr };

    vcpu->vm = vm;
    vcpu->index = index;
    vcpu->fd = must(vm->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)index, "make a vCPU");
    if (index)
        init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
    must(vcpu->fd, KVM_ARM_VCPU_INIT, &init, "set up a vCPU");
    must(vcpu->fd, KVM_GET_ONE_REG, &mpidr, "say a vCPU's MPIDR");
    vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED)
        die("cannot map what KVM shares of a vCPU: %s", strerror(errno));
}

static void create_vcpus(struct vm *vm)
{
    struct kvm_vcpu_init target = { 0 };
    int most = extension(vm, KVM_CAP_MAX_VCPUS);

    if (most && (int)vm->options->cpus > most)
        die("--cpus %u: KVM has at most %d here", vm->options->cpus, most);
    must(vm->fd, KVM_ARM_PREFERRED_TARGET, &target, "say which CPU it offers");
    target.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (extension(vm, KVM_CAP_ARM_PTRAUTH_ADDRESS) && extension(vm, KVM_CAP_ARM_PTRAUTH_GENERIC))
        target.features[0] |= 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC;
    vm->run_size = (size_t)must(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "say what it shares of a vCPU");
    for (unsigned i = 0; i < vm->options->cpus; i++)
        create_vcpu(vm, i, &target);
}

void kvm_create(struct vm *vm)
{
    open_kvm(vm);
    vm->fd = must(vm->kvm, KVM_CREATE_VM, (void *)vm_type(vm), "make a virtual machine");
    create_gic(vm);
    create_vcpus(vm);
    finish_gic(vm);
}

static void set_register(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg reg = { .id = id, .addr = (uint64_t)(uintptr_t)&value };

    must(vcpu->fd, KVM_SET_ONE_REG, &reg, "set a register");
}

/* As Linux's booting document has it: x0 the device tree, x1 .. x3 zero, MMU off, interrupts masked. */
static void set_registers(struct vm *vm)
{
    const struct vcpu *first = &vm->vcpu[0];

    set_register(first, ARM64_CORE(regs.pstate, KVM_REG_SIZE_U64), PSTATE_EL1H_MASKED);
    set_register(first, ARM64_CORE(regs.regs[1], KVM_REG_SIZE_U64), 0);
    set_register(first, ARM64_CORE(regs.regs[2], KVM_REG_SIZE_U64), 0);
    set_register(first, ARM64_CORE(regs.regs[3], KVM_REG_SIZE_U64), 0);
    set_register(first, ARM64_CORE(regs.regs[0], KVM_REG_SIZE_U64), vm->memory.tree);
    set_register(first, ARM64_CORE(regs.pc, KVM_REG_SIZE_U64), vm->memory.entry);
}

/* What the guest's tokens say in the owner's name. */
static void personalise(const struct vm *vm)
{
    struct cordon_kvm_personal p;

    if (!vm->options->personal)
        return;
    memcpy(p.value, vm->options->personal_value, sizeof(p.value));
    if (ioctl(vm->fd, CORDON_KVM_PERSONALISE, &p) < 0)
        die("--personal: /dev/kvm is not Cordon's, which alone attests guests: %s", strerror(errno));
}

void kvm_prepare(struct vm *vm)
{
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = RAM_BASE,
        .memory_size = vm->memory.size,
        .userspace_addr = (uint64_t)(uintptr_t)vm->memory.host,
    };

    must(vm->fd, KVM_SET_USER_MEMORY_REGION, &region, "take the guest's memory");
    set_registers(vm);
    personalise(vm);
}

void kvm_interrupt(const struct vm *vm, unsigned spi, bool level)
{
    struct kvm_irq_level line = {
        .irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (spi + 32),
        .level = level,
    };

    if (ioctl(vm->fd, KVM_IRQ_LINE, &line) < 0)
        complain("KVM cannot set an interrupt line: %s", strerror(errno));
}
