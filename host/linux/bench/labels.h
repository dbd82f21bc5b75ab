/* SPDX-License-Identifier: GPL-2.0 */
/* What `make bench` counts: each piece of work has a label, which the counting plugin sees. */
#ifndef BENCH_LABELS_H
#define BENCH_LABELS_H

/* X(NAME, number). bench/tcg/machine.py reads these lines; from 64 on they are a bare guest's (guest/payload/bench.h). */
#define BENCH_LABELS(X) \
	X(NULL_CALL, 1) \
	X(CALL, 2) \
	X(GRANT, 3) \
	X(TOUCH_GRANTED, 4) \
	X(REVOKE, 5) \
	X(REVOKE_UNTOUCHED, 6) \
	X(READ_EXIT, 7) \
	X(READ_ANSWER, 8) \
	X(WRITE_EXIT, 9) \
	X(WRITE_ANSWER, 10) \
	X(FAULT_EXIT, 11) \
	X(FAULT_MAP, 12) \
	X(FAULT_ANSWER, 13) \
	X(WAIT_EXIT, 14) \
	X(WAIT_ANSWER, 15) \
	X(SGI_EXIT, 16) \
	X(SGI_ANSWER, 17) \
	X(GUEST_NULL, 18) \
	X(RELINQUISH, 19) \
	X(RELINQUISH_ANSWER, 20) \
	X(INTERRUPT, 21) \
	X(STOP, 22) \
	X(CLEAR, 23) \
	X(TOUCH_PAGE, 24) \
	X(LOAD, 25) \
	X(LOAD_ZERO, 26) \
	X(PAGES_BUILD, 27) \
	X(PAGES_MAP, 28) \
	X(PAGES_END, 29) \
	X(BLOCKS_BUILD, 30) \
	X(BLOCKS_MAP, 31) \
	X(BLOCKS_JOIN, 32) \
	X(BLOCKS_END, 33) \
	X(TOUCH_BLOCK, 34) \
	X(GUEST_BOOT, 35) \
	X(DISK_ORDER, 36) \
	X(DISK_RANDOM, 37) \
	X(NET_STREAM, 38) \
	X(HACKBENCH, 39) \
	X(COMPILE, 40) \
	X(REDIS, 41) \
	X(GUESTS_1, 42) \
	X(GUESTS_2, 43) \
	X(GUESTS_4, 44) \
	X(GUESTS_8, 45) \
	X(GUESTS_1_IDLE, 46) \
	X(GUESTS_2_IDLE, 47) \
	X(GUESTS_4_IDLE, 48) \
	X(GUESTS_8_IDLE, 49)

enum bench_label {
#define BENCH_ENUM(name, number) BENCH_##name = (number),
	BENCH_LABELS(BENCH_ENUM)
#undef BENCH_ENUM
	BENCH_NOTHING = 0
};

/* From here on it is this that is counted; an instruction that does nothing, which the plugin knows. */
#define bench_label(name) asm volatile("movz xzr, #%0" : : "i"(BENCH_##name) : "memory")

#endif
