/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was in memory before the machine was reset is not the host's to find: guests that ran then had their secrets
 * there. A reset keeps memory, and not every reset is one that Cordon hears of.
 */
#ifndef CORDON_SCRUB_H
#define CORDON_SCRUB_H

#include <stdint.h>

/*
 * Zeroes the memory in [begin, end), any bytes of RAM outside of the image's 2 MiB, and cleans it to the point of
 * coherency. A page that is zero is read and not written. Single-threaded, after board_start_core().
 */
void scrub_range(uint64_t begin, uint64_t end);

/* The same for all RAM that nothing uses (plan_used()). Says how it goes on large machines. */
void scrub_memory(void);

/*
 * Ends every VM that there is, before a reset or power-off that the host asks for: what VMs own is zeroed and cleaned, and so
 * is what was handed over as a root of trust. Waits at most a second for vCPUs that other CPUs run. What it cannot end is left
 * to the next boot's scrub_memory().
 */
void scrub_guests(void);

/*
 * Every frame that is neither the host's nor Cordon's own is zeroed: guests' memory, their vCPUs and tables; and the root of
 * trust's secrets. By the records alone, without locks, and nothing else is told: for a panic, after which nobody runs.
 */
void scrub_private(void);

#endif
