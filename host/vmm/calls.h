/* SPDX-License-Identifier: Apache-2.0 */
/* What a test guest asks of its host: test_calls.h. */
#ifndef VMM_CALLS_H
#define VMM_CALLS_H

#include <stdint.h>

struct vm;

struct test_call {
    uint64_t argument[4];       /* the guest's x1 .. x4 */
    uint64_t answer[4];         /* its x0 .. x3 */
};

/* Does what a test guest asks. */
void calls_do(const struct vm *vm, struct test_call *call);

#endif
