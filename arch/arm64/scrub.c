/* SPDX-License-Identifier: Apache-2.0 */
#include "scrub.h"

#include "arch.h"
#include "base/lock.h"
#include "base/vm.h"
#include "cordon/cordon.h"
#include "guest/device.h"
#include "memory/frame.h"
#include "machine_el2.h"
#include "phys.h"
#include "plan.h"
#include "print.h"
#include "root.h"
#include "sysreg.h"

/* What is looked through before it is cleaned as one, and after how much there is a word on the UART. */
#define CHUNK UINT64_C(0x200000)
#define PROGRESS (UINT64_C(4) << 30)

static uint64_t pages_written;
static uint64_t bytes_done;

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Eight words a turn: loads in pairs, one branch a cache line. */
static bool page_is_zero(uint64_t pa)
{
    const uint64_t *p = phys(pa);
    uint64_t any = 0;

    for (uint32_t i = 0; i < 512; i += 8)
        any |= p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] | p[i + 5] | p[i + 6] | p[i + 7];
    return any == 0;
}

/*
 * Whole pages, at most a chunk. All lines are cleaned and invalidated before they are read: a page may read as zero because
 * of clean lines of zeros in a cache that the reset has kept, above a secret in memory, which a guest with its caches off
 * has written past them. The host reads memory itself when its caches are off. What is zeroed then is cleaned as well.
 */
static void scrub_pages(uint64_t begin, uint64_t end)
{
    uint64_t before = pages_written;

    arch_clean_frames(&machine, begin / CORDON_PAGE_SIZE, (end - begin) / CORDON_PAGE_SIZE);
    for (uint64_t at = begin; at < end; at += CORDON_PAGE_SIZE) {
        if (page_is_zero(at))
            continue;       /* not written: an emulator, or a machine below this one, has no memory for it yet */
        arch_zero_frames(&machine, at / CORDON_PAGE_SIZE, 1);
        pages_written++;
    }
    if (pages_written == before)
        return;     /* zeros that were read from memory are in memory */
    __asm__ volatile("dsb sy" ::: "memory");    /* the zeros are written before their lines are cleaned */
    arch_clean_frames(&machine, begin / CORDON_PAGE_SIZE, (end - begin) / CORDON_PAGE_SIZE);
}

/* Part of one page, next to something that stays. */
static void scrub_bytes(uint64_t begin, uint64_t end)
{
    volatile uint8_t *p = phys(begin);

    for (uint64_t i = 0; i < end - begin; i++)
        p[i] = 0;
    __asm__ volatile("dsb sy" ::: "memory");    /* the zeros are written before their lines are cleaned */
    if (begin < end)
        arch_clean_frames(&machine, begin / CORDON_PAGE_SIZE, 1);
}

static void progress(uint64_t bytes)
{
    if (bytes_done / PROGRESS != (bytes_done + bytes) / PROGRESS)
        print("Cordon: %u GiB of memory are zero\n", (bytes_done + bytes) / PROGRESS * (PROGRESS >> 30));
    bytes_done += bytes;
}

void scrub_range(uint64_t begin, uint64_t end)
{
    uint64_t first = smaller(page_up(begin), end);
    uint64_t last = page_down(end);

    if (begin >= end)
        return;
    scrub_bytes(begin, first);
    for (uint64_t at = first; at < last;) {
        uint64_t next = smaller(at - at % CHUNK + CHUNK, last);

        scrub_pages(at, next);
        progress(next - at);
        at = next;
    }
    if (last >= first)
        scrub_bytes(last, end);
}

/* The first range in [at, end) that stays as it is; an empty one at the end when there is none. */
static struct cordon_mem next_kept(uint64_t at, uint64_t end)
{
    struct cordon_mem kept = { end, 0 };
    struct cordon_mem m;

    for (uint32_t i = 0; plan_used(i, &m); i++) {
        if (m.base + m.size > at && m.base < kept.base)
            kept = m;
    }
    return kept;
}

void scrub_memory(void)
{
    for (uint32_t i = 0; i < board.rams; i++) {
        uint64_t at = board.ram[i].base;
        uint64_t end = at + board.ram[i].size;

        while (at < end) {
            struct cordon_mem kept = next_kept(at, end);

            scrub_range(at, kept.base);
            at = kept.base + kept.size;
        }
    }
    if (pages_written != 0)
        print("Cordon: %u pages of memory held something from before, and are zero now\n", pages_written);
}

/* Memory outlives a reset. */
static void scrub_root(void)
{
    root_forget();
    clean_to_memory(&root, sizeof root);
}

/* Linux stops its other CPUs first, which brings guests out: only a host that does not makes this wait. */
static void end_guest(vmid_t vm, uint64_t deadline)
{
    enum cordon_status status;

    do {
        status = cordon_vm_destroy(&machine, vm);
    } while (status == CORDON_AGAIN || (status == CORDON_BUSY && sysreg_read(cntpct_el0) < deadline));
}

/* The VM that has device i, and its name; 0: nobody. */
static uint32_t owner_of_device(uint32_t i, uint64_t *frame)
{
    struct host_locked h = host_lock(&machine);
    uint32_t vm = machine.device[i].vm;

    *frame = machine.device[i].frame;
    host_unlock(h);
    return vm;
}

/* Goes on with the return of all devices that VMs have: true when none has one. A device that is on its way there, too. */
static bool return_devices(void)
{
    bool all = true;

    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        uint64_t frame;
        uint32_t vm = owner_of_device(i, &frame);
        struct vm_locked v;

        if (vm == 0 || vm_enter(&machine, vmid(vm), &v) != CORDON_OK)
            continue;
        all = device_detach(&machine, v, frame) != CORDON_AGAIN && all;
        vm_unlock(&machine, v);
    }
    return all;
}

/* Devices first, all at once: what they are reset from is the guests', and the tables that they walked do not go before. */
void scrub_guests(void)
{
    uint64_t deadline = sysreg_read(cntpct_el0) + sysreg_read(cntfrq_el0);

    while (!return_devices() && sysreg_read(cntpct_el0) < deadline)
        continue;
    for (uint32_t id = 1; id <= machine.vms; id++)
        end_guest(vmid(id), deadline);
    scrub_root();
}

/* ---- when nothing can be trusted any more ---- */

/* Cordon's own arrays and stacks: what follows runs on them. */
static bool is_of_the_image(uint64_t address)
{
    for (uint32_t i = 0; i < sizeof board.core / sizeof board.core[0]; i++) {
        if (address >= board.core[i].base && address - board.core[i].base < board.core[i].size)
            return true;
    }
    return false;
}

static bool is_private(struct frame f, uint64_t number)
{
    return f.holder != HOLDER_HOST && f.holder != HOLDER_INVALID && !is_of_the_image(number * CORDON_PAGE_SIZE);
}

static void scrub_span(const struct span *span)
{
    const struct frame *record = machine.frame + span->base * 512;

    for (uint64_t i = 0; i < span->count * 512; i++) {
        uint64_t number = span->first * 512 + i;

        if (is_private(record[i], number))
            scrub_pages(number * CORDON_PAGE_SIZE, (number + 1) * CORDON_PAGE_SIZE);
    }
}

void scrub_private(void)
{
    scrub_root();
    for (uint32_t i = 0; i < machine.spans; i++)
        scrub_span(&machine.span[i]);
}
