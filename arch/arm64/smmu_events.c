/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_events.h"

#include "log.h"
#include "smmu_access.h"
#include "smmu_registers.h"

#define TURN(s) ((2u << (s)->event_bits) - 1)   /* an index, and the bit that says which turn it is */

static uint32_t logged;     /* since the log was read: one of smmu.c's lock's, as all here */

void smmu_events_set_up(struct smmu *s)
{
    s->heard = 0;
    smmu_write(s->base, SMMU_EVENTQ_BASE, (uint32_t)s->events | s->event_bits);
    smmu_write(s->base, SMMU_EVENTQ_BASE + 4, (uint32_t)((s->events | BASE_ALLOCATE) >> 32));
    smmu_write(s->base, SMMU_EVENTQ_PROD, 0);
    smmu_write(s->base, SMMU_EVENTQ_CONS, 0);
}

/* Word 0: what it is in bits 7:0, the stream in 63:32; word 2 has the address, for all kinds that have one (7.3). */
static void tell(const volatile uint64_t *event)
{
    uint64_t kind = event[0] & 0xff;
    uint64_t stream = event[0] >> 32;

    if (logged >= EVENTS_LOGGED)
        return;
    logged++;
    log_event(CORDON_EVENT_DMA_DENIED, kind << 32 | stream, event[2]);
}

uint32_t smmu_events_take(struct smmu *s)
{
    uint32_t prod = smmu_read(s->base, SMMU_EVENTQ_PROD);
    uint32_t lost = prod & EVENTQ_OVERFLOW;
    uint32_t before = smmu_read(s->base, SMMU_EVENTQ_CONS) & EVENTQ_OVERFLOW;
    uint32_t n = (prod - s->heard) & TURN(s);

    if (n == 0 && lost == before)
        return 0;
    if (n > 1u << s->event_bits)
        n = 1u << s->event_bits;
    smmu_after_register();      /* events up to PROD are in memory */
    for (uint32_t i = 0; i < n; i++) {
        tell(smmu_memory(s->events + s->heard % (1u << s->event_bits) * (EVENT_WORDS * 8ul)));
        s->heard = (s->heard + 1) & TURN(s);
    }
    smmu_after_register();      /* they were read before the SMMU may write over them */
    smmu_write(s->base, SMMU_EVENTQ_CONS, s->heard | lost);
    return n + (lost != before);
}

void smmu_events_read(void)
{
    logged = 0;
}
