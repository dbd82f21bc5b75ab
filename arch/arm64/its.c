/* SPDX-License-Identifier: Apache-2.0 */
#include "its.h"

#include "cpu.h"
#include "its_shadow.h"
#include "its_start.h"
#include "log.h"
#include "lpi.h"
#include "machine_el2.h"
#include "print.h"
#include "smmu_format.h"
#include "ticket.h"

static struct its its;
static bool there;                      /* the host has it */

/* Before all of the core's: what the host has done of its queue is bounded. */
static struct lock registers;

/* ---- boot ---- */

bool its_any(void)
{
    return there;
}

bool its_find(uint64_t base, const struct its_range *range, uint32_t ranges, uint32_t distributor, uint32_t cpus_there)
{
    its.base = base;
    its.ranges = ranges;
    for (uint32_t i = 0; i < ranges; i++)
        its.range[i] = range[i];
    there = its_identify(&its, distributor, cpus_there);
    return there;
}

uint64_t its_door(void)
{
    return there ? its.base + ITS_FRAME : 0;
}

uint64_t its_place_all(uint64_t at, uint32_t cpus_there)
{
    return there ? its_place(&its, at, cpus_there) : at;
}

void its_start_all(void)
{
    if (!there)
        return;
    its_start(&its);
    print("Cordon: the host has an ITS for its devices' interrupts; its tables are mine\n");
}

void its_add_redistributor(uint64_t redistributor)
{
    if (there)
        its_add_target(&its, redistributor);
}

/* ---- the host's accesses ---- */

/* After each of them: what was refused is counted, and an ITS that does not obey is told of, once. */
static void hear(bool was_live)
{
    this_cpu()->stat[CORDON_STAT_ITS_REFUSED] += its.refused;
    its.refused = 0;
    if (was_live && !its.live)
        log_event(CORDON_EVENT_ITS_CUT, its.base, its.failure);
}

bool its_access(uint64_t address, uint32_t bytes, bool write, uint64_t *value, bool *done)
{
    uint32_t offset = (uint32_t)(address - its.base);
    bool was_live;

    if (!there || address < its.base || address - its.base >= ITS_FRAME)
        return false;
    ticket_lock(&registers);
    was_live = its.live;
    *done = true;
    if (write)
        *done = its_shadow_write(&its, offset, bytes, *value);
    else
        *value = its_shadow_read(&its, offset, bytes);
    hear(was_live);
    ticket_unlock(&registers);
    return true;
}

/* ---- redistributors ---- */

/* That of an address in its first page; NULL: of none. */
static struct its_target *target_at(uint64_t address)
{
    for (uint32_t i = 0; there && i < its.targets; i++) {
        if (its.target[i].redistributor == (address & ~(CORDON_PAGE_SIZE - 1)))
            return &its.target[i];
    }
    return 0;
}

bool its_redistributor_read(uint64_t address, uint32_t *value)
{
    struct its_target *t = target_at(address);
    bool known;

    if (t == 0)
        return false;
    ticket_lock(&registers);
    known = lpi_read(t, address % CORDON_PAGE_SIZE, value);
    ticket_unlock(&registers);
    return known;
}

bool its_redistributor_write(uint64_t address, uint32_t value)
{
    struct its_target *t = target_at(address);
    bool known;

    if (t == 0)
        return false;
    ticket_lock(&registers);
    known = lpi_write(&its, t, address % CORDON_PAGE_SIZE, value);
    ticket_unlock(&registers);
    return known;
}

/* ---- the end ---- */

void its_stop_all(void)
{
    if (!there)
        return;
    ticket_lock(&registers);
    (void)its_stop(&its);
    ticket_unlock(&registers);
}

void its_cut_all(void)
{
    if (there)
        (void)its_stop(&its);
}
