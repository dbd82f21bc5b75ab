/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that comes on demand, and addresses that are none. */
#include "payload.h"

#define STRIDE 0x10000ull           /* a page is looked at in each of these */
#define MOST (64ull << 20)          /* of memory that a test walks over */
#define RETURN 0xd65f03c0u          /* the instruction */
#define MOVE_42 0xd2800540u         /* mov x0, #42 */

static uint64_t walk_end(void)
{
    return machine_end() - machine.free > MOST ? machine.free + MOST : machine_end();
}

static void zero(void)
{
    uint64_t pages = 0;

    for (uint64_t at = machine.free; at < walk_end(); at += STRIDE) {
        CHECK(page_is_zero(at), "a new page is not zero: %x", at);
        *word_at(at) = at ^ 0x5a5a5a5a5a5a5a5a;
        *word_at(at + PAGE - 8) = at;
        pages++;
    }
    for (uint64_t at = machine.free; at < walk_end(); at += STRIDE)
        CHECK(*word_at(at) == (at ^ 0x5a5a5a5a5a5a5a5a) && *word_at(at + PAGE - 8) == at, "lost at %x: %x", at, *word_at(at));
    for (uint64_t at = machine.free; at < walk_end(); at += STRIDE)
        *word_at(at) = *word_at(at + PAGE - 8) = 0;
    CHECK(pages > 16, "only %u pages of memory", pages);
}

/* The last byte of memory is memory. */
static void last_page(void)
{
    CHECK(page_is_zero(machine_end() - PAGE), "the last page is not zero");
    *word_at(machine_end() - 8) = 1;
    CHECK(*word_at(machine_end() - 8) == 1, "the last word does not keep what is written");
    *word_at(machine_end() - 8) = 0;
}

/* Code in a page that was never touched: written, cleaned, run. */
static void run_new_code(void)
{
    uint64_t at = machine.free + STRIDE / 2;
    volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)at;
    uint64_t result;

    code[0] = MOVE_42;
    code[1] = RETURN;
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" : : "r"(code) : "memory");   /* it is fetched */
    result = ((uint64_t(*)(void))(uintptr_t)at)();
    CHECK(result == 42, "it returns %u", result);
}

/* Cache and translation instructions are the first access to a page. */
static void maintenance(void)
{
    uint64_t at = machine.free + STRIDE / 2 + PAGE;
    uint64_t par;
    uint32_t faults;

    faults = FAULTS_OF(__asm__ volatile("dc zva, %0" : : "r"(at) : "memory"));
    CHECK(faults == 0 && page_is_zero(at), "DC ZVA: %u exceptions, ESR %x", faults, this_cpu()->esr);
    faults = FAULTS_OF(__asm__ volatile("dc civac, %0" : : "r"(at + PAGE) : "memory"));
    CHECK(faults == 0, "DC CIVAC: %u exceptions, ESR %x", faults, this_cpu()->esr);
    faults = FAULTS_OF(__asm__ volatile("dc ivac, %0" : : "r"(at + 2 * PAGE) : "memory"));
    CHECK(faults == 0, "DC IVAC: %u exceptions, ESR %x", faults, this_cpu()->esr);
    faults = FAULTS_OF(__asm__ volatile("ic ivau, %0" : : "r"(at + 3 * PAGE) : "memory"));
    CHECK(faults == 0, "IC IVAU: %u exceptions, ESR %x", faults, this_cpu()->esr);
    faults = FAULTS_OF(__asm__ volatile("at s1e1r, %1\n isb\n mrs %0, par_el1" : "=r"(par) : "r"(at + 4 * PAGE) : "memory"));
    CHECK(faults == 0 && !(par & 1) && (par & 0xfffffffff000) == at + 4 * PAGE, "AT S1E1R: PAR %x", par);
}

/* The walker of the guest's own stage 1 is the first to touch a page: of zeros, which translate nothing. */
static void table_walk(void)
{
    uint64_t table = machine.free + STRIDE / 2 + 8 * PAGE;
    uint64_t tcr = READ_REGISTER(tcr_el1);
    uint64_t value = 0;
    uint32_t faults;

    WRITE_REGISTER(ttbr1_el1, table);
    WRITE_REGISTER(tcr_el1, (tcr & ~(1ull << 23)) | 25ull << 16 | 0xb5000000);
    faults = FAULTS_OF(__asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(0xffffff8000000000) : "memory"));
    WRITE_REGISTER(tcr_el1, tcr);
    __asm__ volatile("tlbi vmalle1\n dsb nsh\n isb" : : : "memory");     /* nothing of that table is left */
    CHECK(faults == 1 && EXCEPTION_CLASS(this_cpu()->esr) == EC_DATA && (this_cpu()->esr & 0x3f) == 5,
          "%u exceptions, ESR %x instead of a translation fault of level 1", faults, this_cpu()->esr);
}

static void hole_reads_zero(void)
{
    write64(HOLE, ~0ull);
    write8(HOLE + 3, 7);
    CHECK(read64(HOLE) == 0, "64 bits read as %x", read64(HOLE));
    CHECK(read32(HOLE) == 0 && read16(HOLE + 2) == 0 && read8(HOLE + 3) == 0, "fewer bits read otherwise");
}

static void hole_run(void)
{
    void (*code)(void) = (void (*)(void))(DEVICE_CODE + HOLE);
    uint32_t faults = FAULTS_OF(code());

    CHECK(faults == 1 && EXCEPTION_CLASS(this_cpu()->esr) == EC_FETCH, "%u exceptions, ESR %x", faults, this_cpu()->esr);
}

/* Accesses whose syndrome does not say which register: nobody can do them in the guest's place. */
static void hole_odd(void)
{
    uint64_t a = 0, b = 0, at = HOLE;
    uint32_t faults;

    faults = FAULTS_OF(__asm__ volatile("ldp %0, %1, [%2]" : "+r"(a), "+r"(b) : "r"(HOLE) : "memory"));
    CHECK(faults == 1 && EXCEPTION_CLASS(this_cpu()->esr) == EC_DATA && this_cpu()->far == HOLE,
          "LDP: %u exceptions, ESR %x, FAR %x", faults, this_cpu()->esr, this_cpu()->far);
    faults = FAULTS_OF(__asm__ volatile("str %1, [%0], #8" : "+r"(at) : "r"(a) : "memory"));
    CHECK(faults == 1 && EXCEPTION_CLASS(this_cpu()->esr) == EC_DATA, "STR with writeback: %u exceptions", faults);
    faults = FAULTS_OF(__asm__ volatile("dc zva, %0" : : "r"(DEVICE_CODE + HOLE) : "memory"));
    CHECK(faults <= 1, "DC ZVA: %u exceptions", faults);
}

const struct test memory_tests[] = {
    { "memory", "memory-zero", zero, 0 },
    { "memory", "memory-last-page", last_page, 0 },
    { "memory", "memory-run-new-code", run_new_code, 0 },
    { "memory", "memory-maintenance", maintenance, 0 },
    { "memory", "memory-table-walk", table_walk, 0 },
    { "memory", "memory-hole-reads-zero", hole_reads_zero, 0 },
    { "memory", "memory-hole-run", hole_run, 0 },
    { "memory", "memory-hole-odd", hole_odd, NEEDS_CORDON },
    { NULL, NULL, NULL, 0 },
};
