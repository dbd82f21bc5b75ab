// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/cordon-token: 64 bytes are written, a nonce; what is read then is the token with it, signed by the keeper (docs/ATTESTATION.md).
 * /dev/cordon-extend: 33 bytes are written: which of the guest's own measurements (0 to 3), and by what it is extended.
 *
 * The nonce and the token are the guest's, and not the file's: there is one at a time.
 */
#include <linux/arm-smccc.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "cordon_guest.h"

#define NONCE 64
#define EXTEND (1 + 32)
#define POLL_MS 20

static int error_of(u64 status)
{
	switch ((s64)status) {
	case CORDON_OK: return 0;
	case CORDON_NO_VM: return -EHOSTDOWN;		/* no keeper runs: the host can start one */
	case CORDON_STATE: return -ENODATA;		/* nothing was asked for */
	case CORDON_AGAIN: return -EAGAIN;
	case CORDON_NOT_SUPPORTED: return -EOPNOTSUPP;	/* this machine has no root of trust */
	default: return -EINVAL;
	}
}

static ssize_t token_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct arm_smccc_1_2_regs r = { .a0 = CORDON_GUEST_TOKEN_ASK };

	if (size != NONCE)
		return -EINVAL;
	if (copy_from_user(&r.a1, from, NONCE))
		return -EFAULT;
	arm_smccc_1_2_hvc(&r, &r);
	*at = 0;
	return r.a0 == CORDON_OK ? NONCE : error_of(r.a0);
}

/* The piece at an offset, once it is signed. */
static int wait_for_piece(u64 at, struct arm_smccc_1_2_regs *r)
{
	for (;;) {
		*r = (struct arm_smccc_1_2_regs){ .a0 = CORDON_GUEST_TOKEN_READ, .a1 = at };
		arm_smccc_1_2_hvc(r, r);
		if (r->a0 != CORDON_AGAIN)
			return error_of(r->a0);
		if (msleep_interruptible(POLL_MS) != 0)
			return -ERESTARTSYS;
	}
}

static ssize_t token_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	struct arm_smccc_1_2_regs r;
	int ret = wait_for_piece(*at, &r);

	if (ret == -EINVAL && *at > 0)
		return 0;				/* its end */
	if (ret != 0)
		return ret;
	size = min3(size, (size_t)CORDON_TOKEN_PIECE, (size_t)(r.a1 - *at));
	if (copy_to_user(to, &r.a2, size))
		return -EFAULT;
	*at += size;
	return size;
}

static ssize_t extend_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct arm_smccc_1_2_regs r = { .a0 = CORDON_GUEST_EXTEND };
	u8 which;

	if (size != EXTEND)
		return -EINVAL;
	if (get_user(which, (const u8 __user *)from) || copy_from_user(&r.a2, from + 1, EXTEND - 1))
		return -EFAULT;
	r.a1 = which;
	arm_smccc_1_2_hvc(&r, &r);
	return r.a0 == CORDON_OK ? EXTEND : error_of(r.a0);
}

static const struct file_operations token_operations = {
	.owner = THIS_MODULE,
	.write = token_write,
	.read = token_read,
	.llseek = noop_llseek,
};

static const struct file_operations extend_operations = {
	.owner = THIS_MODULE,
	.write = extend_write,
	.llseek = noop_llseek,
};

static struct miscdevice token_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "cordon-token",
	.fops = &token_operations,
	.mode = 0600,
};

static struct miscdevice extend_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "cordon-extend",
	.fops = &extend_operations,
	.mode = 0600,
};

int token_start(void)
{
	int ret = misc_register(&token_device);

	if (ret != 0)
		return ret;
	ret = misc_register(&extend_device);
	if (ret != 0)
		misc_deregister(&token_device);
	return ret;
}

void token_stop(void)
{
	misc_deregister(&extend_device);
	misc_deregister(&token_device);
}
