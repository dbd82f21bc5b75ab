/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/window.h"

#include "base/lock.h"
#include "base/region.h"
#include "memory/stage2.h"

/* Entries that one call looks at in tables above level 3; of level 3 it goes through one table. */
#define WITHDRAW_ENTRIES 64

/*@ requires \valid_read(w) && n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> meets(w->first, w->pages, first, n);
  @*/
static bool meet(const struct window *w, uint64_t first, uint64_t n)
{
    return w->pages != 0 && (w->first < first ? first - w->first < w->pages : w->first - first < n);
}

bool window_has(const struct cordon *c, uint64_t first, uint64_t n)
{
    /*@ loop invariant 0 <= i <= 8;
      @ loop invariant \forall integer a, b; 0 <= a < i && 0 <= b < 6 ==> !in_windows(c, a, b, first, n);
      @ loop assigns i;
      @ loop variant 8 - i;
      @*/
    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        /*@ loop invariant 0 <= k <= 6;
          @ loop invariant \forall integer b; 0 <= b < k ==> !in_windows(c, i, b, first, n);
          @ loop assigns k;
          @ loop variant 6 - k;
          @*/
        for (uint32_t k = 0; k < CORDON_DEVICE_WINDOWS; k++) {
            if (meet(&c->device[i].window[k], first, n))
                return true;
        }
    }
    return false;
}

uint32_t window_owner(struct cordon *c, uint64_t frame, uint64_t *end)
{
    struct host_locked h = host_lock(c);
    uint32_t owner = 0;

    for (uint32_t i = 0; i < CORDON_DEVICES * CORDON_DEVICE_WINDOWS; i++) {
        const struct device *d = &c->device[i / CORDON_DEVICE_WINDOWS];
        const struct window *w = &d->window[i % CORDON_DEVICE_WINDOWS];
        bool inside = meet(w, frame, 1);
        uint64_t edge = inside ? w->first + w->pages : w->first;

        if (w->pages != 0 && edge > frame && edge < *end)
            *end = edge;
        if (inside)
            owner = d->vm;
    }
    host_unlock(h);
    return owner;
}

/*@ requires \valid_read(w);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> w->first < limit && w->first + w->pages <= limit;
  @*/
static bool below(const struct window *w, uint64_t limit)
{
    return w->first < limit && w->pages <= limit - w->first;
}

/* Whether nobody has a frame of it, and the host could have mapped all of it. */
/*@ requires arrays(c) && spans_fit(c) && c->pfn_limit <= 68719476736 && \valid_read(w) && w->pages >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures free: \result ==> \forall integer i, k; 0 <= i < 8 && 0 <= k < 6 ==> !in_windows(c, i, k, w->first, w->pages);
  @ ensures device: \result ==> \forall integer i; 0 <= i < c->spans ==> beside_span(c, i, w->first, w->pages);
  @*/
static bool can_take(const struct cordon *c, const struct window *w)
{
    return below(w, c->pfn_limit) && below(w, c->host.gfn_limit) && region_is_device(c, w->first, w->pages) &&
           !window_has(c, w->first, w->pages);
}

static void forget(struct device *d)
{
    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS; i++)
        d->window[i] = (struct window){ .pages = 0 };
}

bool window_take(struct cordon *c, struct device *d, const struct device *found)
{
    struct host_locked h = host_lock(c);
    bool good = true;

    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS && good; i++) {
        const struct window *w = &found->window[i];

        if (w->pages == 0)
            continue;
        good = can_take(c, w);
        if (good)
            d->window[i] = (struct window){ .first = w->first, .pages = w->pages };
    }
    if (!good)
        forget(d);
    host_unlock(h);
    return good;
}

/* Of n frames from `first` on, so many from the first on are in no entry of the host's any more; at least one. */
static uint64_t unmap_some(struct cordon *c, uint64_t first, uint64_t n)
{
    struct host_locked h = host_lock(c);
    struct owed o = OWED_NOTHING;
    bool table = false;
    uint64_t done = 0;

    for (uint32_t i = 0; i < WITHDRAW_ENTRIES && done < n && !table; i++) {
        uint64_t gfn = first + done;
        struct s2_pos p = s2_walk(c, &c->host, gfn);
        uint64_t pages = s2_pages(p.level);
        uint64_t rest = p.level == 3 ? 512 - p.index : pages - gfn % pages;     /* of the table, or of the entry */
        uint64_t k = rest < n - done ? rest : n - done;

        table = p.level == 3;
        if (table)
            o = s2_clear_run(c, p.row, p.index, gfn, k, o);
        else if (desc_valid(p.entry))
            o = s2_put(c, p.row, p.index, gfn - gfn % pages, p.level, p.entry, 0, o);
        done += k;
    }
    s2_settle(c, &c->host, o);
    host_unlock(h);
    return done;
}

bool window_withdraw(struct cordon *c, struct device *d)
{
    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS; i++) {
        struct window *w = &d->window[i];

        if (w->lost == w->pages)
            continue;
        w->lost += unmap_some(c, w->first + w->lost, w->pages - w->lost);
        if (w->lost < w->pages)
            return false;
    }
    return true;
}
