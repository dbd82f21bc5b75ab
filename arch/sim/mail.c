/* SPDX-License-Identifier: Apache-2.0 */
#include "mail.h"

#include <sched.h>

#include "hw.h"
#include "util.h"

#define LETTERS 4096u
#define BUSY (UINT64_C(1) << 63)

struct letter {
    uint64_t number;        /* 1 + its place in the order of all letters; BUSY while it is being written */
    uint64_t kinds;
    uint64_t vmid;
    uint64_t gfn, pages;
    uint64_t keep_gfn, keep_pages;
};

struct mail {
    uint64_t next;
    struct letter letter[LETTERS];
};

bool mail_create(struct sim *s)
{
    s->mail = sim_sparse(sizeof(*s->mail));
    return s->mail != NULL;
}

void mail_destroy(struct sim *s)
{
    sim_unsparse(s->mail, sizeof(*s->mail));
}

/* Whether the letter before `number`, or a later one in its place, is complete. */
static bool written(const struct letter *l, uint64_t number)
{
    uint64_t there = hw_load(&l->number);

    return (there & BUSY) == 0 && there >= number;
}

void mail_post(struct sim *s, const struct tlbi *op)
{
    uint64_t number = __atomic_fetch_add(&s->mail->next, 1, __ATOMIC_RELAXED);
    struct letter *l = &s->mail->letter[number % LETTERS];

    /* The one before must be there, or a reader would stop in front of it and miss this one. */
    while (number > 0 && !written(&s->mail->letter[(number - 1) % LETTERS], number))
        (void)sched_yield();
    hw_store(&l->number, (number + 1) | BUSY);
    hw_fence();
    hw_store(&l->kinds, op->kinds);
    hw_store(&l->vmid, op->vmid);
    hw_store(&l->gfn, op->gfn);
    hw_store(&l->pages, op->pages);
    hw_store(&l->keep_gfn, op->keep.gfn);
    hw_store(&l->keep_pages, op->keep.pages);
    hw_fence();
    hw_store(&l->number, number + 1);
    hw_fence();
}

void mail_wait(struct sim *s, const struct cpu *self)
{
    hw_fence();
    for (uint32_t i = 0; i < s->cpus; i++) {
        uint32_t before = hw_load32(&s->cpu[i].in_access);

        while (i != self->id && before % 2 == 1 && hw_load32(&s->cpu[i].in_access) == before)
            (void)sched_yield();
    }
    hw_fence();
}

/* Copies letter `number`. 0: not written yet. 1: here it is. -1: overwritten meanwhile. */
static int take(const struct letter *l, uint64_t number, struct tlbi *op)
{
    uint64_t there = hw_load(&l->number);

    if ((there & ~BUSY) <= number || there == ((number + 1) | BUSY))
        return 0;
    hw_fence();
    op->kinds = (uint32_t)hw_load(&l->kinds);
    op->vmid = (uint32_t)hw_load(&l->vmid);
    op->gfn = hw_load(&l->gfn);
    op->pages = hw_load(&l->pages);
    op->keep = (struct stretch){ op->vmid, hw_load(&l->keep_gfn), hw_load(&l->keep_pages) };
    hw_fence();
    return there == number + 1 && hw_load(&l->number) == there ? 1 : -1;
}

void mail_hear(struct sim *s, struct cpu *cpu)
{
    struct tlbi op;
    int got;

    while ((got = take(&s->mail->letter[cpu->heard % LETTERS], cpu->heard, &op)) != 0) {
        if (got > 0) {
            tlb_apply(cpu->tlb, &op);
            cpu->heard++;
            continue;
        }
        /* So far behind that letters are lost: without any translations this CPU can begin anew. */
        tlb_flush(cpu->tlb);
        cpu->heard = __atomic_load_n(&s->mail->next, __ATOMIC_RELAXED);
    }
}
