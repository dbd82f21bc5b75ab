// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens by the kernel's own interface: a folder NAME is made in /sys/kernel/config/tsm/report, 64 bytes are written to NAME/inblob,
 * a nonce, and the token is read from NAME/outblob (Documentation/ABI/testing/configfs-tsm-report). A module of its own,
 * cordon_tsm, since one that needs tsm_report cannot be loaded without it; Kbuild has it for kernels with CONFIG_TSM_REPORTS.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/tsm.h>

#include "cordon_guest.h"

#define MOST_TOKEN SZ_16K

static int report_new(struct tsm_report *report, void *data)
{
	ssize_t size;
	u8 *token;

	if (report->desc.inblob_len != TSM_REPORT_INBLOB_MAX)
		return -EINVAL;
	token = kvzalloc(MOST_TOKEN, GFP_KERNEL);
	if (!token)
		return -ENOMEM;
	size = token_report(report->desc.inblob, token, MOST_TOKEN);
	if (size < 0) {
		kvfree(token);
		return size;
	}
	report->outblob = token;	/* freed by who asked */
	report->outblob_len = size;
	return 0;
}

static bool attribute_visible(int n)
{
	return n == TSM_REPORT_GENERATION || n == TSM_REPORT_PROVIDER;
}

static bool blob_visible(int n)
{
	return n == TSM_REPORT_INBLOB || n == TSM_REPORT_OUTBLOB;
}

static const struct tsm_report_ops provider = {
	.name = "cordon",
	.report_new = report_new,
	.report_attr_visible = attribute_visible,
	.report_bin_attr_visible = blob_visible,
};

static int __init tsm_init(void)
{
	return tsm_report_register(&provider, NULL);
}

static void __exit tsm_exit(void)
{
	tsm_report_unregister(&provider);
}

module_init(tsm_init);
module_exit(tsm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Attestation tokens of a guest under Cordon, by tsm_report");
