/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher says, on standard error as "cordon-vmm: ...", and the status that it leaves with. Another command has another name. */
#ifndef VMM_MESSAGE_H
#define VMM_MESSAGE_H

#include <stdbool.h>

#define STATUS_OK 0             /* the guest powered off */
#define STATUS_FAILED 1         /* the guest could not go on, or was ended from outside */
#define STATUS_USAGE 2          /* wrong arguments, or something that the launcher needs is not there */
#define STATUS_RESET 3          /* the guest asked for a reset */

/* Before any thread: the command's name, if it is not cordon-vmm; and whether --verbose or --quiet were given. */
void message_name(const char *name);
const char *message_command(void);
void message_set(bool is_verbose, bool is_quiet);

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Leaves with STATUS_USAGE. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* What only --verbose wants to know, and what --quiet does not. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
