/* SPDX-License-Identifier: Apache-2.0 */
#include "hw.h"

#ifdef SIM_TSAN
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

UNSEEN uint64_t hw_load(const uint64_t *at) { return *(const volatile uint64_t *)at; }
UNSEEN void hw_store(uint64_t *at, uint64_t value) { *(volatile uint64_t *)at = value; }
UNSEEN uint32_t hw_load32(const uint32_t *at) { return *(const volatile uint32_t *)at; }
UNSEEN void hw_store32(uint32_t *at, uint32_t value) { *(volatile uint32_t *)at = value; }
UNSEEN uint8_t hw_load8(const uint8_t *at) { return *(const volatile uint8_t *)at; }
UNSEEN void hw_store8(uint8_t *at, uint8_t value) { *(volatile uint8_t *)at = value; }
#endif
