/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of the board that the host gets. Everything else is neither mapped nor in its device tree: what is not on the
 * list cannot be a way round stage 2. docs/THREATS.md says for each device of the board why it is here or not.
 */
#include "plat.h"
#include "text.h"

static const char *const harmless[] = {
    "arm,pl011",        /* UART: no DMA on this board */
    "arm,pl031",        /* real-time clock */
    "arm,pl061",        /* GPIO: the power button */
};

bool plat_host_may_have(const char *compatible)
{
    for (uint32_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (text_equal(compatible, harmless[i]))
            return true;
    }
    return false;
}
