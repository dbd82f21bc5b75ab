/* SPDX-License-Identifier: Apache-2.0 */
/* How a guest comes out: why, in the machine's terms, and what the host is told of it. */
#ifndef CORDON_EXIT_H
#define CORDON_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include "cordon/abi.h"

/* Why the guest came out. */
enum trap_kind { TRAP_SYNC, TRAP_INTERRUPT, TRAP_SERROR };

struct trap {
    enum trap_kind kind;
    uint64_t esr;               /* ESR_EL2 */
    uint64_t far;               /* FAR_EL2 */
    uint64_t ipa;               /* of a stage-2 fault: HPFAR_EL2's page and FAR_EL2's offset */
};

/*
 * One run, where it came in and where it goes out: registers x0 .. x11 of CORDON_CALL_VCPU_RUN. What the host gave is read
 * before what it gets is written.
 */
struct __attribute__((may_alias)) run {
    uint64_t status;
    union {
        uint64_t handle;
        uint64_t exit;          /* enum cordon_exit */
    };
    union {
        struct {
            uint64_t index;
            uint64_t answer;    /* enum cordon_answer */
            uint64_t value[4];
        };
        struct {
            uint64_t detail[4];
            uint64_t deadline;
            uint64_t timer;
        };
    };
    uint64_t interrupt[CORDON_INTERRUPTS];  /* in and out */
};

_Static_assert(sizeof(struct run) == 12 * 8, "x0 .. x11");

/* The guest cannot go on before the host has done something: false, for who says whether it can. */
bool exit_to_host(struct run *r, enum cordon_exit exit, uint64_t first, uint64_t second, uint64_t third);

#endif
