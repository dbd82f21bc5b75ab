/* SPDX-License-Identifier: Apache-2.0 */
/* The syndrome of a data or instruction abort, taken apart. Arm ARM D17.2.37, ESR_EL2: ISS for data aborts. */
#ifndef CORDON_ABORT_H
#define CORDON_ABORT_H

#include <stdbool.h>
#include <stdint.h>

#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define ESR_IL (UINT64_C(1) << 25)
#define ISS_ISV (UINT64_C(1) << 24)     /* the rest of the syndrome says what the instruction was */
#define ISS_SSE (UINT64_C(1) << 21)     /* a load that extends the sign */
#define ISS_SF (UINT64_C(1) << 15)      /* a register of 64 bits */
#define ISS_S1PTW (UINT64_C(1) << 7)    /* a walk of stage 1 met the fault */
#define ISS_CM (UINT64_C(1) << 8)       /* cache maintenance */
#define ISS_WNR (UINT64_C(1) << 6)      /* a write */
#define FSC_KIND 0x3c
#define FSC_TRANSLATION 0x04            /* levels 0 to 3: 0x04 to 0x07 */

/* Bytes that the instruction moves: 1, 2, 4 or 8. */
static inline uint64_t abort_bytes(uint64_t esr)
{
    return UINT64_C(1) << (esr >> 22 & 3);
}

/* The register that it moves them to or from: 31 is zero. */
static inline uint64_t abort_register(uint64_t esr)
{
    return esr >> 16 & 0x1f;
}

/* The lowest bytes of a value. */
static inline uint64_t abort_cut(uint64_t value, uint64_t bytes)
{
    return bytes == 8 ? value : value % (UINT64_C(1) << 8 * bytes);
}

/* What a load puts into its register when the bus gives a value. */
static inline uint64_t abort_extend(uint64_t esr, uint64_t value)
{
    uint64_t bytes = abort_bytes(esr);

    value = abort_cut(value, bytes);
    if ((esr & ISS_SSE) != 0 && bytes < 8 && (value >> (8 * bytes - 1) & 1) != 0)
        value |= ~UINT64_C(0) << 8 * bytes;
    return (esr & ISS_SF) != 0 ? value : value % (UINT64_C(1) << 32);
}

#endif
