/* SPDX-License-Identifier: GPL-2.0 */
/* What sweep.S and main.c have in common. */
#ifndef SWEEP_H
#define SWEEP_H

/* op0 - 2, op1, CRn, CRm and op2, as an instruction has them. */
#define NUMBER(op0, op1, crn, crm, op2) (((op0) - 2) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* struct around */
#define AROUND_COMMAND 0
#define AROUND_LIST 8
#define AROUND_COUNT 16
#define AROUND_BEFORE 24
#define AROUND_MIDDLE 32
#define AROUND_AFTER 40
#define AROUND_PATTERN 48
#define AROUND_CALL 56

#endif
