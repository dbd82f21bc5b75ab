/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest may tell the launcher by CORDON_GUEST_HOST: x1 of the call is the operation, x2 .. x4 its arguments, x0 is the answer. Plain C for
 * any compiler: the launcher and the Linux guest's module share it. The calls of test guests (test_calls.h) have other numbers.
 */
#ifndef VMM_GUEST_CALLS_H
#define VMM_GUEST_CALLS_H

#define GUEST_CALL_GAVE_BACK 64     /* guest address, bytes: whole pages that the guest has relinquished; 0, or -22 if they are no such memory */

#endif
