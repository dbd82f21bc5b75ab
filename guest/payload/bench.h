/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of a bare guest: each operation has a label, which the emulator's counting plugin sees. */
#ifndef PAYLOAD_BENCH_H
#define PAYLOAD_BENCH_H

/* X(NAME, number). bench/tcg/machine.py reads these lines; the host's own labels are below 64. */
#define BENCH_LABELS(X) \
    X(OP_CALL, 64) \
    X(OP_KERNEL_DEVICE, 65) \
    X(OP_USER_DEVICE, 66) \
    X(OP_IPI, 67) \
    X(OP_EOI, 68) \
    X(OP_TIMER, 69) \
    X(OP_SLEEP, 70)

enum bench_label {
#define BENCH_ENUM(name, number) BENCH_##name = (number),
    BENCH_LABELS(BENCH_ENUM)
#undef BENCH_ENUM
    BENCH_NOTHING = 0
};

/* From here on it is this that is counted; an instruction that does nothing, which the plugin knows. */
#define bench_label(name) __asm__ volatile("movz xzr, #%0" : : "i"(BENCH_##name) : "memory")

#endif
