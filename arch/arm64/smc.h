/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the firmware below us (Arm DEN 0028). */
#ifndef CORDON_SMC_H
#define CORDON_SMC_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/smccc.h"

struct smc_answer {
    uint64_t x0, x1, x2, x3;
};

static inline struct smc_answer smc_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                       "memory");
    return (struct smc_answer){ x0, x1, x2, x3 };
}

/* The same where the answer is one number. */
static inline int64_t firmware(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    return (int64_t)smc_call(function, a, b, c).x0;
}

/* Whether it has version 1.1 of the convention, and so its features. Firmware without PSCI 1.0 need not know the question. */
static inline bool firmware_has_features(void)
{
    return (int32_t)firmware(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS &&
           (int32_t)firmware(SMCCC_VERSION, 0, 0, 0) >= SMCCC_1_1;
}

/* Switches the machine off. Where the firmware does not, this CPU waits for ever. */
_Noreturn static inline void switch_off(void)
{
    (void)firmware(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

#endif
