/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/exit.h"

bool exit_to_host(struct run *r, enum cordon_exit exit, uint64_t first, uint64_t second, uint64_t third)
{
    r->exit = exit;
    r->detail[0] = first;
    r->detail[1] = second;
    r->detail[2] = third;
    return false;
}
