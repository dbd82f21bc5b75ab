// SPDX-License-Identifier: GPL-2.0
/*
 * Registers as user space names them. Before the start they have their values at reset; the entry and x0 of vCPU 0 are
 * all that can be chosen. After the start they are Cordon's, and read as zero. Another value than what is read is refused and not
 * ignored: but VMMs write back what they have read.
 */
#include <linux/kvm.h>
#include <linux/uaccess.h>
#include <asm/arch_timer.h>
#include <asm/sysreg.h>

#include "cordon/abi.h"
#include "cordon/status.h"
#include "hypercall.h"
#include "machine.h"
#include "regs.h"
#include "vcpu.h"

#define PSTATE_RESET 0x3c5		/* EL1h, with D, A, I and F masked */
#define PSTATE_FLAGS 0xf0000000		/* N, Z, C, V: unknown after a reset. The guest begins with none of them set */
#define MPIDR_RES1 (1UL << 31)
#define REG_MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)
#define REG_MIDR ARM64_SYS_REG(3, 0, 0, 0, 0)
#define REG_REVIDR ARM64_SYS_REG(3, 0, 0, 0, 6)
#define REG_CLIDR ARM64_SYS_REG(3, 1, 0, 0, 1)
#define REG_AIDR ARM64_SYS_REG(3, 1, 0, 0, 7)
#define REG_CTR ARM64_SYS_REG(3, 3, 0, 0, 1)
#define REG_FEATURE(crm, op2) ARM64_SYS_REG(3, 0, 0, crm, op2)
#define FEATURES_CRM 1			/* the first of them; there are eight for each CRm up to 7 */
#define FEATURES (7 * 8)
#define REG_CORE(name) KVM_REG_ARM_CORE_REG(name)
#define WORDS (sizeof(u64) / sizeof(u32))
#define PSCI_1_1 0x10001

/* What is listed: x0 .. x30, SP, PC, PSTATE, these, and the feature registers. */
#define CORE_LISTED (REG_CORE(sp_el1) / WORDS)
static const u64 others_listed[] = { REG_MIDR, REG_MPIDR, REG_REVIDR, REG_CLIDR, REG_AIDR, REG_CTR, KVM_REG_ARM_PSCI_VERSION, KVM_REG_ARM_TIMER_CTL, KVM_REG_ARM_TIMER_CVAL,
				     KVM_REG_ARM_TIMER_CNT };

/* A core register of 64 bits that can be set, or NULL. */
static u64 *settable(struct vcpu *v, u64 offset)
{
	switch (offset) {
	case REG_CORE(regs.regs[0]): return &v->x0;
	case REG_CORE(regs.pc): return &v->pc;
	default: return NULL;
	}
}

/* The bytes that a core register has, or 0: there is none at this offset. */
static u32 core_bytes(u64 offset)
{
	u64 vector = REG_CORE(fp_regs.vregs[0]);

	if (offset < REG_CORE(spsr[KVM_NR_SPSR]))
		return offset % WORDS == 0 ? sizeof(u64) : 0;
	if (offset >= vector && offset < REG_CORE(fp_regs.vregs[32]))
		return (offset - vector) % 4 == 0 ? sizeof(__uint128_t) : 0;
	return offset == REG_CORE(fp_regs.fpsr) || offset == REG_CORE(fp_regs.fpcr) ? sizeof(u32) : 0;
}

static int core_access(struct vcpu *v, u64 id, __uint128_t *value, bool set)
{
	u64 offset = id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | KVM_REG_ARM_CORE);
	__uint128_t reset = offset == REG_CORE(regs.pstate) ? PSTATE_RESET : 0;
	u64 *reg = settable(v, offset);

	if (core_bytes(offset) == 0)
		return -ENOENT;
	if (core_bytes(offset) != KVM_REG_SIZE(id))
		return -EINVAL;
	if (vcpu_is_hidden(v))
		reg = NULL;
	if (!set)
		*value = reg ? *reg : reset;
	else if (reg)
		*reg = *value;
	else if ((offset == REG_CORE(regs.pstate) ? *value & ~(__uint128_t)PSTATE_FLAGS : *value) != reset)
		return vcpu_is_hidden(v) ? -EPERM : -EINVAL;
	return 0;
}

/* The guest's counter goes on when it is stopped, as its time is Cordon's: what a VMM sets it to later is not heeded. */
static int counter_access(__uint128_t *value, bool set)
{
	if (!set)
		*value = arch_timer_read_counter();
	return 0;
}

static int constant_access(u64 constant, __uint128_t *value, bool set)
{
	if (set)
		return *value == constant ? 0 : -EINVAL;
	*value = constant;
	return 0;
}

static bool is_feature(u64 id)
{
	u64 first = REG_FEATURE(FEATURES_CRM, 0);

	return id >= first && id < first + FEATURES;
}

/* Of features a guest sees what Cordon answers, and that it says to us as well. */
static int feature_access(u64 id, __uint128_t *value, bool set)
{
	u64 n = id - REG_FEATURE(0, 0);
	struct cordon_regs r = { { CORDON_CALL_VCPU_FEATURE, n / 8, n % 8 } };

	cordon_hvc(&r);
	return r.x[0] == CORDON_OK ? constant_access(r.x[1], value, set) : -ENOENT;
}

/* What nobody traps reads here as in a guest. */
static int identity_access(u64 id, __uint128_t *value, bool set)
{
	switch (id) {
	case REG_MIDR: return constant_access(read_sysreg(midr_el1), value, set);
	case REG_REVIDR: return constant_access(read_sysreg(revidr_el1), value, set);
	case REG_CLIDR: return constant_access(read_sysreg(clidr_el1), value, set);
	case REG_AIDR: return constant_access(read_sysreg(aidr_el1), value, set);
	case REG_CTR: return constant_access(read_sysreg(ctr_el0), value, set);
	default: return -ENOENT;
	}
}

static int any_access(struct vcpu *v, u64 id, __uint128_t *value, bool set)
{
	if (is_feature(id))
		return feature_access(id, value, set);
	if (id == REG_MPIDR)
		return constant_access(MPIDR_RES1 | v->index, value, set);
	if (id == KVM_REG_ARM_PSCI_VERSION)
		return constant_access(PSCI_1_1, value, set);
	if (id == KVM_REG_ARM_TIMER_CNT)
		return counter_access(value, set);
	if (id == KVM_REG_ARM_TIMER_CTL || id == KVM_REG_ARM_TIMER_CVAL)
		return constant_access(0, value, set);
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM_CORE)
		return core_access(v, id, value, set);
	return identity_access(id, value, set);
}

int regs_access(struct vcpu *v, const struct kvm_one_reg *reg, bool set)
{
	void __user *pointer = (void __user *)reg->addr;
	u32 bytes = KVM_REG_SIZE(reg->id);
	__uint128_t value = 0;
	int ret;

	if ((reg->id & KVM_REG_ARCH_MASK) != KVM_REG_ARM64 || bytes > sizeof(value))
		return -ENOENT;
	if (set && copy_from_user(&value, pointer, bytes))
		return -EFAULT;
	ret = any_access(v, reg->id, &value, set);
	if (ret != 0 || set)
		return ret;
	return copy_to_user(pointer, &value, bytes) ? -EFAULT : 0;
}

static u64 listed(u64 n)
{
	if (n < CORE_LISTED)
		return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | n * WORDS;
	n -= CORE_LISTED;
	if (n < ARRAY_SIZE(others_listed))
		return others_listed[n];
	return REG_FEATURE(FEATURES_CRM, 0) + (n - ARRAY_SIZE(others_listed));
}

int regs_list(struct kvm_reg_list __user *list)
{
	u64 n = CORE_LISTED + ARRAY_SIZE(others_listed) + FEATURES;
	u64 room;

	if (get_user(room, &list->n) || put_user(n, &list->n))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	for (u64 i = 0; i < n; i++) {
		if (put_user(listed(i), &list->reg[i]))
			return -EFAULT;
	}
	return 0;
}
