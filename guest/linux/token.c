// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/cordon-token: 64 bytes are written, a nonce; what is read then is the token with it, signed by the keeper (docs/ATTESTATION.md).
 * /dev/cordon-key: 33 bytes are written: which kind of key (0 or 1), and what tells it from others of the guest's; 32 are read then.
 * /dev/cordon-extend: 33 bytes are written: which of the guest's own measurements (0 to 3), and by what it is extended.
 *
 * What was asked for is the guest's, and not the file's: there is one request at a time. tsm.c asks for the kernel's own interface.
 */
#include <linux/arm-smccc.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "cordon_guest.h"

#define NONCE 64
#define NUMBERED (1 + 32)
#define POLL_MS 20

static DEFINE_MUTEX(asking);		/* nothing else is asked for until token_report() has all of its answer */

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

static int ask(struct arm_smccc_1_2_regs *r)
{
	mutex_lock(&asking);
	arm_smccc_1_2_hvc(r, r);
	mutex_unlock(&asking);
	return error_of(r->a0);
}

static ssize_t token_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct arm_smccc_1_2_regs r = { .a0 = CORDON_GUEST_TOKEN_ASK };

	if (size != NONCE)
		return -EINVAL;
	if (copy_from_user(&r.a1, from, NONCE))
		return -EFAULT;
	*at = 0;
	return ask(&r) ?: NONCE;
}

/* The piece at an offset, once it is signed. */
static int wait_for_piece(u64 at, struct arm_smccc_1_2_regs *r)
{
	for (;;) {
		*r = (struct arm_smccc_1_2_regs){ .a0 = CORDON_GUEST_ANSWER_READ, .a1 = at };
		arm_smccc_1_2_hvc(r, r);
		if (r->a0 != CORDON_AGAIN)
			return error_of(r->a0);
		if (msleep_interruptible(POLL_MS) != 0)
			return -ERESTARTSYS;
	}
}

static ssize_t answer_read(struct file *file, char __user *to, size_t size, loff_t *at)
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

static ssize_t report(const u8 *nonce, u8 *to, size_t room)
{
	struct arm_smccc_1_2_regs r = { .a0 = CORDON_GUEST_TOKEN_ASK };
	size_t at = 0, size;
	int ret;

	memcpy((u8 *)&r + offsetof(struct arm_smccc_1_2_regs, a1), nonce, NONCE);	/* to eight of them */
	arm_smccc_1_2_hvc(&r, &r);
	ret = error_of(r.a0);
	while (ret == 0 && (ret = wait_for_piece(at, &r)) == 0) {
		size = min((size_t)CORDON_TOKEN_PIECE, (size_t)(r.a1 - at));
		if (size > room - at)
			return -ENOSPC;
		memcpy(to + at, (u8 *)&r + offsetof(struct arm_smccc_1_2_regs, a2), size);
		at += size;
	}
	return ret == -EINVAL && at > 0 ? at : ret;	/* refused at its end */
}

ssize_t token_report(const u8 *nonce, u8 *to, size_t room)
{
	ssize_t size;

	mutex_lock(&asking);
	size = report(nonce, to, room);
	mutex_unlock(&asking);
	return size;
}
EXPORT_SYMBOL_GPL(token_report);

/* A call with a number in x1 and 32 bytes from x2 on. */
static ssize_t write_numbered(u32 function, const char __user *from, size_t size)
{
	struct arm_smccc_1_2_regs r = { .a0 = function };
	u8 number;

	if (size != NUMBERED)
		return -EINVAL;
	if (get_user(number, (const u8 __user *)from) || copy_from_user(&r.a2, from + 1, NUMBERED - 1))
		return -EFAULT;
	r.a1 = number;
	return ask(&r) ?: NUMBERED;
}

static ssize_t extend_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	return write_numbered(CORDON_GUEST_EXTEND, from, size);
}

static ssize_t key_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	*at = 0;
	return write_numbered(CORDON_GUEST_KEY_ASK, from, size);
}

static const struct file_operations token_operations = {
	.owner = THIS_MODULE,
	.write = token_write,
	.read = answer_read,
	.llseek = noop_llseek,
};

static const struct file_operations key_operations = {
	.owner = THIS_MODULE,
	.write = key_write,
	.read = answer_read,
	.llseek = noop_llseek,
};

static const struct file_operations extend_operations = {
	.owner = THIS_MODULE,
	.write = extend_write,
	.llseek = noop_llseek,
};

#define DEVICE(called, operations) { .minor = MISC_DYNAMIC_MINOR, .name = called, .fops = &(operations), .mode = 0600 }

static struct miscdevice devices[] = {
	DEVICE("cordon-token", token_operations),
	DEVICE("cordon-key", key_operations),
	DEVICE("cordon-extend", extend_operations),
};

void token_stop(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		if (devices[i].this_device)
			misc_deregister(&devices[i]);
	}
}

int token_start(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		int ret = misc_register(&devices[i]);

		if (ret != 0) {
			devices[i].this_device = NULL;
			token_stop();
			return ret;
		}
	}
	return 0;
}
