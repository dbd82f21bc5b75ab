/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is granted to the host, taken back, and given back; the host tries to reach it by its own means. */
#include "payload.h"

#define SHARE_MAX 100u              /* grants of a page: CORDON_SHARE_MAX */
#define SECRET 0x7365637265742121ull
#define FROM_HOST 0x1122334455667788ull

/* Memory of these tests, away from that of others. */
static uint64_t area(void)
{
    return machine.free + 4 * BLOCK;
}

static bool host_reads(uint64_t operation, uint64_t at, uint64_t *value)
{
    struct answer a = host(operation, at, 0, 0);

    *value = a.x1;
    return (int64_t)a.x0 != VMM_ANSWER_FAULT;
}

/* The host gets at nothing of this page, in any way. A reason, or NULL. */
static const char *reachable(uint64_t at)
{
    uint64_t value;

    if (host_reads(VMM_CALL_PEEK, at, &value))
        return "the launcher can read it";
    if (host_reads(VMM_CALL_SYSCALL_PEEK, at, &value))
        return "the host's kernel can read it";
    if ((int64_t)host(VMM_CALL_POKE, at, FROM_HOST, 0).x0 != VMM_ANSWER_FAULT)
        return "the launcher can write it";
    if ((int64_t)host(VMM_CALL_SYSCALL_POKE, at, FROM_HOST, 0).x0 != VMM_ANSWER_FAULT)
        return "the host's kernel can write it";
    if ((int64_t)host(VMM_CALL_SUM, at, PAGE, 0).x0 != VMM_ANSWER_FAULT)
        return "the launcher can read all of it";
    if ((int64_t)host(VMM_CALL_FILL, at, PAGE, FROM_HOST).x0 != VMM_ANSWER_FAULT)
        return "the launcher can fill it";
    return NULL;
}

static struct answer query(uint64_t at)
{
    return hvc(CORDON_GUEST_QUERY, at, 0, 0, 0);
}

static void grant_page(void)
{
    uint64_t at = area();
    struct answer a;
    uint64_t value;

    *word_at(at) = SECRET;
    CHECK(!reachable(at), "before the grant %s", TEXT(reachable(at)));
    CHECK(*word_at(at) == SECRET, "the host has changed it to %x", *word_at(at));
    a = hvc(CORDON_GUEST_GRANT, at, PAGE, 0, 0);
    CHECK(a.x0 == 0 && a.x1 == 1 && a.x2 == 1 && a.x3 == 0, "grant: %d, done %u, changed %u, skipped %u", a.x0, a.x1, a.x2, a.x3);
    CHECK(query(at).x2 == 1, "%u grants stand", query(at).x2);
    CHECK(host_reads(VMM_CALL_PEEK, at, &value) && value == SECRET, "the host reads %x", value);
    CHECK(host_reads(VMM_CALL_SYSCALL_PEEK, at, &value) && value == SECRET, "its kernel reads %x", value);
    CHECK(host(VMM_CALL_POKE, at + 8, FROM_HOST, 0).x0 == 0 && *word_at(at + 8) == FROM_HOST, "what it writes is not seen");
    CHECK(host(VMM_CALL_SYSCALL_POKE, at + 16, 77, 0).x0 == 0 && *word_at(at + 16) == 77, "what its kernel writes is not seen");
    CHECK(!reachable(at + PAGE) || query(at + PAGE).x1 == 0, "the page behind it: %s", TEXT(reachable(at + PAGE)));
}

static void revoke_page(void)
{
    uint64_t at = area();
    struct answer a = hvc(CORDON_GUEST_REVOKE, at, PAGE, 0, 0);

    CHECK(a.x0 == 0 && a.x1 == 1 && a.x2 == 1 && a.x3 == 0,
          "revoke: %d, done %u, changed %u, skipped %u", a.x0, a.x1, a.x2, a.x3);
    CHECK(query(at).x2 == 0, "%u grants stand", query(at).x2);
    CHECK(!reachable(at), "after the revoke %s", TEXT(reachable(at)));
    CHECK(*word_at(at) == SECRET && *word_at(at + 8) == FROM_HOST, "the contents became %x, %x", *word_at(at), *word_at(at + 8));
    a = hvc(CORDON_GUEST_REVOKE, at, PAGE, 0, 0);
    CHECK(a.x0 == 0 && a.x2 == 0 && a.x3 == 1, "once more: %d, changed %u, skipped %u", a.x0, a.x2, a.x3);
}

static void counted(void)
{
    uint64_t at = area();
    uint64_t value;
    struct answer a;

    *word_at(at) = SECRET;
    for (uint32_t i = 0; i < SHARE_MAX; i++) {
        a = hvc(CORDON_GUEST_GRANT, at, PAGE, 0, 0);
        CHECK(a.x0 == 0 && a.x2 == 1 && query(at).x2 == i + 1, "grant %u: %d, changed %u", i, a.x0, a.x2);
    }
    a = hvc(CORDON_GUEST_GRANT, at, PAGE, 0, 0);
    CHECK(a.x0 == 0 && a.x2 == 0 && a.x3 == 1, "one too many: %d, changed %u, skipped %u", a.x0, a.x2, a.x3);
    for (uint32_t i = 0; i < SHARE_MAX; i++) {
        CHECK(host_reads(VMM_CALL_PEEK, at, &value) && value == SECRET, "with %u grants the host cannot read it", SHARE_MAX - i);
        CHECK(hvc(CORDON_GUEST_REVOKE, at, PAGE, 0, 0).x2 == 1, "revoke %u changes nothing", i);
    }
    CHECK(!reachable(at), "without grants %s", TEXT(reachable(at)));
}

#define HOLES_PAGES 16u

/* Every other page is not there: the rest is granted, the holes are counted. */
static void holes(void)
{
    uint64_t at = area() + BLOCK;
    struct answer a;
    uint64_t value;

    for (uint32_t i = 0; i < HOLES_PAGES; i++)
        *word_at(at + i * PAGE) = SECRET + i;
    for (uint32_t i = 1; i < HOLES_PAGES; i += 2)
        CHECK(hvc(CORDON_GUEST_RELINQUISH, at + i * PAGE, PAGE, 0, 0).x0 == 0, "a hole cannot be made at %u", i);
    a = range_call(CORDON_GUEST_GRANT, at, HOLES_PAGES * PAGE - 1);     /* a part of a page counts as the page */
    CHECK(a.x0 == 0 && a.x1 == HOLES_PAGES && a.x2 == HOLES_PAGES / 2 && a.x3 == HOLES_PAGES / 2,
          "grant: %d, done %u, changed %u, skipped %u", a.x0, a.x1, a.x2, a.x3);
    for (uint32_t i = 0; i < HOLES_PAGES; i += 2)
        CHECK(host_reads(VMM_CALL_PEEK, at + i * PAGE, &value) && value == SECRET + i, "page %u reads as %x", i, value);
    for (uint32_t i = 1; i < HOLES_PAGES; i += 2) {
        *word_at(at + i * PAGE) = SECRET;
        CHECK(!reachable(at + i * PAGE), "page %u: %s", i, TEXT(reachable(at + i * PAGE)));
    }
    a = range_call(CORDON_GUEST_REVOKE, at, HOLES_PAGES * PAGE);
    CHECK(a.x0 == 0 && a.x2 == HOLES_PAGES / 2, "revoke: %d, changed %u, skipped %u", a.x0, a.x2, a.x3);
}

/* More than one call does; blocks and pages. */
static void long_range(void)
{
    uint64_t at = area() + 2 * BLOCK;
    uint64_t pages = 3 * BLOCK / PAGE;
    struct answer a;
    uint64_t value;

    for (uint64_t i = 0; i < pages; i++)
        *word_at(at + i * PAGE) = i;
    a = range_call(CORDON_GUEST_GRANT, at, pages * PAGE);
    CHECK(a.x0 == 0 && a.x1 == pages && a.x2 == pages, "grant: %d, done %u, changed %u", a.x0, a.x1, a.x2);
    for (uint64_t i = 0; i < pages; i += 37)
        CHECK(host_reads(VMM_CALL_PEEK, at + i * PAGE, &value) && value == i, "page %u reads as %x", i, value);
    a = range_call(CORDON_GUEST_REVOKE, at, pages * PAGE);
    CHECK(a.x0 == 0 && a.x1 == pages && a.x2 == pages, "revoke: %d, done %u, changed %u", a.x0, a.x1, a.x2);
    for (uint64_t i = 0; i < pages; i += 37)
        CHECK(!reachable(at + i * PAGE) && *word_at(at + i * PAGE) == i, "page %u is not as before", i);
}

static void refusals(void)
{
    static const uint32_t calls[] = { CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE, CORDON_GUEST_RELINQUISH };
    uint64_t at = area();
    uint64_t status;

    *word_at(at) = SECRET;
    for (uint32_t i = 0; i < 3; i++) {
        status = hvc(calls[i], at + 8, PAGE, 0, 0).x0;
        CHECK(status == CORDON_UNALIGNED, "%x, not aligned: %d", calls[i], status);
        status = hvc(calls[i], at, 0, 0, 0).x0;
        CHECK(status == CORDON_EMPTY, "%x, empty: %d", calls[i], status);
        status = hvc(calls[i], at, ~0ull - PAGE + 1, 0, 0).x0;
        CHECK(status == CORDON_RANGE, "%x, overflow: %d", calls[i], status);
        status = hvc(calls[i], 1ull << 60, PAGE, 0, 0).x0;
        CHECK(status == CORDON_RANGE, "%x, beyond all addresses: %d", calls[i], status);
    }
    CHECK(*word_at(at) == SECRET && query(at).x2 == 0 && !reachable(at), "something was done all the same");
}

/* As a kernel does it that knows KVM's protected guests: a page that is not there yet is brought, and is shared or not. */
static void as_kvm(void)
{
    uint64_t at = area() + 5 * BLOCK;
    uint64_t value;

    CHECK((hvc(KVM_FEATURES, 0, 0, 0, 0).x0 & 0x1c) == 0x1c && hvc(KVM_HYP_MEMINFO, 0, 0, 0, 0).x0 == PAGE, "it has no such calls");
    for (uint32_t turn = 0; turn < 10; turn++) {
        struct answer (*call)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) = turn % 2 ? smc : hvc;

        CHECK(hvc(CORDON_GUEST_RELINQUISH, at, PAGE, 0, 0).x0 == 0 && query(at).x1 == 0, "turn %u: it is there", turn);
        CHECK((int64_t)call(KVM_MEM_UNSHARE, at, 0, 0, 0).x0 == KVM_INVALID && query(at).x1 == 0, "turn %u: a hole is not shared", turn);
        CHECK(call(KVM_MEM_SHARE, at, 0, 0, 0).x0 == 0 && query(at).x2 == 1, "turn %u: no share", turn);
        CHECK((int64_t)call(KVM_MEM_SHARE, at, 0, 0, 0).x0 == KVM_INVALID && query(at).x2 == 1, "turn %u: shared twice", turn);
        *word_at(at) = SECRET + turn;
        CHECK(host_reads(VMM_CALL_PEEK, at, &value) && value == SECRET + turn, "turn %u: the host reads %x", turn, value);
        CHECK(call(KVM_MEM_UNSHARE, at, 0, 0, 0).x0 == 0 && query(at).x2 == 0, "turn %u: it stays shared", turn);
        CHECK(!reachable(at), "turn %u: when it is private %s", turn, TEXT(reachable(at)));
        CHECK((int64_t)call(KVM_MEM_UNSHARE, at, 0, 0, 0).x0 == KVM_INVALID, "turn %u: private twice", turn);
        CHECK(*word_at(at) == SECRET + turn, "turn %u: the guest reads %x", turn, *word_at(at));
    }
    CHECK((int64_t)hvc(KVM_MEM_SHARE, HOLE, 0, 0, 0).x0 == KVM_INVALID && hvc(KVM_MMIO_GUARD, HOLE, 0, 0, 0).x0 == 0, "a device is memory");
    CHECK((int64_t)hvc(KVM_MMIO_GUARD, at, 0, 0, 0).x0 == KVM_INVALID, "memory is a device");
}

/* Another process of the host, through the launcher's /proc/PID/mem: its kernel then goes round the launcher's mapping. */
static void process(void)
{
    uint64_t at = area();
    uint64_t value;

    *word_at(at) = SECRET;
    CHECK(!host_reads(VMM_CALL_PROCESS_PEEK, at, &value), "without a grant it reads %x", value);
    CHECK(hvc(CORDON_GUEST_GRANT, at, PAGE, 0, 0).x2 == 1, "no grant");
    (void)host_reads(VMM_CALL_PROCESS_PEEK, at, &value);    /* a driver may keep other processes out altogether */
    CHECK(value == SECRET || value == 0, "with a grant it reads %x", value);
    CHECK(hvc(CORDON_GUEST_REVOKE, at, PAGE, 0, 0).x2 == 1, "no revoke");
    CHECK(!host_reads(VMM_CALL_PROCESS_PEEK, at, &value), "after the revoke it reads %x", value);
}

/* ---- given back ---- */

static void relinquish_page(void)
{
    uint64_t at = area() + 6 * BLOCK;
    struct answer a;
    uint64_t value;

    for (uint32_t turn = 0; turn < 50; turn++) {
        *word_at(at) = SECRET;
        *word_at(at + PAGE - 8) = SECRET;
        a = hvc(CORDON_GUEST_RELINQUISH, at, PAGE, 0, 0);
        CHECK(a.x0 == 0 && a.x1 == 1 && a.x2 == 1, "turn %u: %d, done %u, changed %u", turn, a.x0, a.x1, a.x2);
        CHECK(query(at).x1 == 0, "turn %u: it is there still", turn);
        CHECK(!host_reads(VMM_CALL_PEEK, at, &value) || value == 0, "turn %u: the host reads %x", turn, value);
        (void)host(VMM_CALL_FILL, at, PAGE, FROM_HOST);     /* the host's page now, if it is one: it may leave anything there */
        CHECK(page_is_zero(at), "turn %u: it comes back as %x", turn, *word_at(at));
        CHECK(query(at).x1 != 0 && !reachable(at), "turn %u: the new page is not private", turn);
    }
}

/* What was granted is the host's alone afterwards; the new page is granted to nobody. */
static void relinquish_granted(void)
{
    uint64_t at = area() + 6 * BLOCK + PAGE;
    uint64_t value;
    struct answer a;

    *word_at(at) = SECRET;
    CHECK(hvc(CORDON_GUEST_GRANT, at, PAGE, 0, 0).x2 == 1, "no grant");
    CHECK(host_reads(VMM_CALL_PEEK, at, &value) && value == SECRET, "the host reads %x", value);
    a = hvc(CORDON_GUEST_RELINQUISH, at, PAGE, 0, 0);
    CHECK(a.x0 == 0 && a.x2 == 1, "%d, changed %u", a.x0, a.x2);
    CHECK(!host_reads(VMM_CALL_PEEK, at, &value) || value == 0, "the host reads %x", value);
    CHECK(page_is_zero(at) && query(at).x2 == 0 && !reachable(at), "the new page is not new");
}

static void relinquish_range(void)
{
    uint64_t at = area() + 8 * BLOCK;
    uint64_t pages = BLOCK / PAGE + 100;
    struct answer a;

    for (uint64_t i = 0; i < pages; i++)
        *word_at(at + i * PAGE) = SECRET + i;
    a = range_call(CORDON_GUEST_RELINQUISH, at, pages * PAGE);
    CHECK(a.x0 == 0 && a.x1 == pages && a.x2 == pages, "%d, done %u, changed %u, skipped %u", a.x0, a.x1, a.x2, a.x3);
    for (uint64_t i = 0; i < pages; i++)
        CHECK(page_is_zero(at + i * PAGE), "page %u comes back as %x", i, *word_at(at + i * PAGE));
    a = hvc(CORDON_GUEST_RELINQUISH, HOLE, PAGE, 0, 0);
    CHECK(a.x2 == 0, "a device's address was given back");
}

const struct test share_tests[] = {
    { "grant", "grant-page", grant_page, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-revoke", revoke_page, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-counted", counted, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-holes", holes, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-long-range", long_range, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-refusals", refusals, NEEDS_CORDON | NEEDS_HOST },
    { "grant", "grant-as-kvm", as_kvm, NEEDS_CORDON | NEEDS_HOST },
    { "process", "process-peek", process, NEEDS_CORDON | NEEDS_HOST | NEEDS_NAME },
    { "relinquish", "relinquish-page", relinquish_page, NEEDS_CORDON | NEEDS_HOST },
    { "relinquish", "relinquish-granted", relinquish_granted, NEEDS_CORDON | NEEDS_HOST },
    { "relinquish", "relinquish-range", relinquish_range, NEEDS_CORDON | NEEDS_HOST },
    { NULL, NULL, NULL, 0 },
};
