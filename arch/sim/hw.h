/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores of the simulated hardware, which races with the core by its nature: hidden from race detectors.
 * Single-copy atomic, without order.
 */
#ifndef SIM_HW_H
#define SIM_HW_H

#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define SIM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIM_TSAN 1
#endif
#endif
#ifdef SIM_TSAN
uint64_t hw_load(const uint64_t *at);
void hw_store(uint64_t *at, uint64_t value);
uint32_t hw_load32(const uint32_t *at);
void hw_store32(uint32_t *at, uint32_t value);
uint8_t hw_load8(const uint8_t *at);
void hw_store8(uint8_t *at, uint8_t value);
#else
static inline uint64_t hw_load(const uint64_t *at) { return *(const volatile uint64_t *)at; }
static inline void hw_store(uint64_t *at, uint64_t value) { *(volatile uint64_t *)at = value; }
static inline uint32_t hw_load32(const uint32_t *at) { return *(const volatile uint32_t *)at; }
static inline void hw_store32(uint32_t *at, uint32_t value) { *(volatile uint32_t *)at = value; }
static inline uint8_t hw_load8(const uint8_t *at) { return *(const volatile uint8_t *)at; }
static inline void hw_store8(uint8_t *at, uint8_t value) { *(volatile uint8_t *)at = value; }
#endif
/* Orders them, unseen by race detectors too. */
static inline void hw_fence(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mfence" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dmb ish" ::: "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
