/* SPDX-License-Identifier: Apache-2.0 */
/* The end before there is a beginning. */
#ifndef CORDON_REFUSE_H
#define CORDON_REFUSE_H

/* A machine or a set-up that Cordon cannot run: one line that says what to change, no report. */
_Noreturn void refuse_to_boot(const char *text);

#endif
