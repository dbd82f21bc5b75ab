/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixture of the unit tests: a small simulated machine, the core's operations on it, and snapshots of everything.
 *
 * Each op_ function is one call of the core between sim_begin() and sim_end(); it fails the test when the machine has
 * something to report. The run_ functions continue a bounded call to its end. machine_free() checks the whole machine.
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory/frame.h"
#include "sim.h"
#include "memory/stage2.h"
#include "cordon/cordon.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define PAGE CORDON_PAGE_SIZE

/* RAM of the small machine: 8 sections from 1 GiB on. The first 16 frames are the core's. */
#define RAM_BASE UINT64_C(0x40000000)
#define SMALL_SECTIONS 8
#define SMALL_RAM (SMALL_SECTIONS * 2 * MIB)
#define CORE_FRAMES 16
#define CPUS 4
#define VMS 8

/* Frame i of section s of RAM. */
#define FRAME(s, i) (RAM_BASE / PAGE + (uint64_t)(s) * 512 + (uint64_t)(i))
#define CORE_FRAME FRAME(0, 3)
/* A device page below all RAM; no RAM, not hidden. */
#define DEVICE_PA UINT64_C(0x09000000)
#define HIDDEN_PA UINT64_C(0x08000000)
#define HIDDEN_SIZE (64 * KIB)

struct machine {
    struct sim *sim;
    struct cordon *c;
    struct cordon_mem ram[4];
    uint32_t rams;
    uint64_t donor;         /* host frames below this one, in the last section, are still free to be donated */
};

/* ---- machines ---- */

/* The small machine's description, to be changed before machine_new(). */
struct sim_config machine_config(void);
struct machine *machine_new(const struct sim_config *config);
struct machine *machine_small(void);
/* RAM of so many bytes from RAM_BASE on, otherwise like the small one. */
struct machine *machine_of(uint64_t ram);
/* Fails the test when anything was reported or any invariant does not hold. */
void machine_free(struct machine *m);
/* Fails the test when anything was reported, or the whole machine does not keep its invariants. */
void machine_check(struct machine *m);

/* A live VM with `tables` free table frames, all of them, roots too, from the end of RAM. */
void machine_vm(struct machine *m, uint32_t id, uint64_t tables);
/* n more frames for its pool. */
void machine_feed(struct machine *m, uint32_t id, uint64_t n);
/* A small machine with VM 1 and 8 tables. */
struct machine *machine_with_vm(void);

/* The next panic of the core goes to *at instead of failing the test; NULL: it fails the test again. */
void machine_expect_panic(jmp_buf *at);

/* ---- one call of the core each ---- */

enum cordon_status op_create(struct machine *m, uint32_t vm, uint64_t root);
enum cordon_status op_donate(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n);
enum cordon_status op_destroy(struct machine *m, uint32_t vm);
enum cordon_status op_fault(struct machine *m, uint64_t addr);
enum cordon_status op_io(struct machine *m, uint32_t vm, uint64_t gpa, uint64_t pa);
enum cordon_status op_map(struct machine *m, uint32_t vm, uint64_t addr, uint64_t pte, uint32_t level,
                          enum cordon_contents contents);
struct cordon_progress op_clear(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n);
struct cordon_progress op_grant(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size);
struct cordon_progress op_revoke(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size);
struct cordon_progress op_map_range(struct machine *m, uint32_t vm, uint64_t addr, uint64_t frame, uint64_t n);

static inline enum cordon_status op_page(struct machine *m, uint32_t vm, uint64_t gfn, uint64_t frame)
{
    return op_map(m, vm, gfn * PAGE, frame * PAGE, 3, CORDON_KEEP);
}

static inline enum cordon_status op_block(struct machine *m, uint32_t vm, uint64_t gfn, uint64_t frame)
{
    return op_map(m, vm, gfn * PAGE, frame * PAGE, 2, CORDON_KEEP);
}

/* ---- bounded calls, to their end ---- */

struct totals {
    enum cordon_status status;
    uint64_t calls;
    uint64_t done;
    uint64_t changed;
    uint64_t unmapped;
    uint64_t not_owned;
    uint64_t saturated;
};

struct totals run_clear(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n);
struct totals run_grant(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size);
struct totals run_revoke(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size);
struct totals run_map_range(struct machine *m, uint32_t vm, uint64_t addr, uint64_t frame, uint64_t n);
/* Calls until the answer is something else than AGAIN, which is returned; *calls may be NULL. */
enum cordon_status run_destroy(struct machine *m, uint32_t vm, uint64_t *calls);

/* ---- states that only device operations lead to, made under the locks as they would ---- */

/* The VM owns the frame at gfn and does not map it; or it is pending. */
void machine_assign(struct machine *m, uint32_t vm, uint64_t gfn, uint64_t frame, bool pending);
/* A device maps the host's frame / does no longer. */
void machine_pin(struct machine *m, uint64_t frame, bool pinned);

/* ---- what is ---- */

struct frame record_of(struct machine *m, uint64_t frame);
struct section *section_of(struct machine *m, uint64_t frame);
/* RAM frames that the records say are the host's. */
uint64_t host_frames(struct machine *m);
uint64_t mappings_of(struct machine *m, uint32_t who);

/* ---- accesses through MMU and TLB ---- */

/* Whether a read, which may be served by a host fault, gets through on this CPU. */
bool can_read(struct machine *m, uint32_t who, uint64_t addr);
/* These fail the test when the access does not get through. */
uint64_t read_at(struct machine *m, uint32_t who, uint64_t addr);
uint64_t read_uncached(struct machine *m, uint32_t who, uint64_t addr);
void write_at(struct machine *m, uint32_t who, uint64_t addr, uint64_t value);
/* Every CPU's TLB has the translation afterwards. */
void warm(struct machine *m, uint32_t who, uint64_t addr);
/* On no CPU does the access get through. */
bool is_gone(struct machine *m, uint32_t who, uint64_t addr);

/* ---- assertions ---- */

void status_is(enum cordon_status expected, enum cordon_status actual, const char *what, const char *file, int line);
#define assert_status(expected, call) status_is((expected), (call), #call, __FILE__, __LINE__)
#define assert_ok(call) assert_status(CORDON_OK, (call))

/* holder: a VM, HOLDER_HOST, HOLDER_CORE ... */
void record_is(struct machine *m, uint64_t frame, uint32_t holder, uint32_t count, const char *file, int line);
#define assert_record(m, frame, holder, count) record_is((m), (frame), (holder), (count), __FILE__, __LINE__)

void mapping_is(struct machine *m, uint32_t who, uint64_t gfn, uint64_t frame, uint32_t level, bool device, const char *file,
                int line);
#define assert_maps(m, who, gfn, frame, level) mapping_is((m), (who), (gfn), (frame), (level), false, __FILE__, __LINE__)
#define assert_device(m, who, gfn, frame, level) mapping_is((m), (who), (gfn), (frame), (level), true, __FILE__, __LINE__)
/* level 0: not mapped at all */
#define assert_unmapped(m, who, gfn) mapping_is((m), (who), (gfn), 0, 0, false, __FILE__, __LINE__)

/* ---- snapshots ---- */

/* Records, sections, VMs, pools, every table, the devices' too, and the contents of RAM. */
struct snapshot;
struct snapshot *snapshot_take(struct machine *m);
/* NULL when all is as it was, otherwise what is not. */
const char *snapshot_differs(struct machine *m, const struct snapshot *s);
void snapshot_free(struct snapshot *s);
/* Fails the test unless all is as it was; frees the snapshot. */
void unchanged_since(struct machine *m, struct snapshot *s, const char *what, const char *file, int line);

/* The call is refused so, and nothing has changed (S1). */
#define assert_refused(m, status, call) \
    do { \
        struct snapshot *before_ = snapshot_take(m); \
        status_is((status), (call), #call, __FILE__, __LINE__); \
        unchanged_since((m), before_, #call, __FILE__, __LINE__); \
    } while (0)
/* The call succeeds and nothing has changed. */
#define assert_no_change(m, call) assert_refused((m), CORDON_OK, (call))

#endif
