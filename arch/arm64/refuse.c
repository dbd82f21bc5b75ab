/* SPDX-License-Identifier: Apache-2.0 */
#include "refuse.h"

#include "print.h"
#include "smc.h"

_Noreturn void refuse_to_boot(const char *text)
{
    print("Cordon: %s\n", text);
    switch_off();
}
