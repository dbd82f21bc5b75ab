/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions on invariants of our own. No value that a caller chooses may reach one that fails.
 * They may be compiled out (-DCORDON_NO_ASSERT): the checks on callers never are, they are ordinary code.
 */
#ifndef CORDON_CHECK_H
#define CORDON_CHECK_H

#include "arch.h"

#ifdef CORDON_NO_ASSERT
#define core_assert(c, condition) ((void)sizeof(condition), (void)(c))
#else
#define core_assert(c, condition) ((condition) ? (void)0 : arch_panic((c), __FILE__, __LINE__, #condition))
#endif

#define MUST_USE __attribute__((warn_unused_result))

/* Before a loop over the pages of a batch: several pages a turn. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll_count(8)")
#elif defined(__GNUC__) && !defined(__FRAMAC__)
#define UNROLL _Pragma("GCC unroll 8")
#else
#define UNROLL
#endif

/* For what every page or every call goes through: measured to be worth it, see make bench. */
#define HOT inline __attribute__((always_inline))

/* For what is rare beside others in the same place: kept out of their way. */
#define COLD __attribute__((noinline, cold))

#endif
