/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's registers as words: all of them, each in its place, and none that no guest can have. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "guest_debug.h"
#include "guest_gic.h"
#include "guest/vcpu.h"

#define AT(member) (offsetof(struct arch_vcpu, member) / 8)
#define ANY UINT64_C(0xfedcba9876543210)

static unsigned checks, failures;

static void check(bool good, const char *what, uint64_t at, uint64_t value)
{
    checks++;
    if (good)
        return;
    failures++;
    printf("guest_snapshot_test: %s: word %llu, %#llx\n", what, (unsigned long long)at, (unsigned long long)value);
}

static void fits(uint64_t at, uint64_t value, bool wanted)
{
    check(arch_vcpu_word_fits(NULL, at, value) == wanted, wanted ? "does not fit" : "fits", at, value);
}

static void words_are_the_registers(void)
{
    static struct vcpu u, again;
    size_t behind = offsetof(struct vcpu, arch) + ARCH_VCPU_WORDS * 8;

    memset(&u, 0xa5, sizeof u);
    memset(&again, 0x5a, sizeof again);
    for (uint64_t i = 0; i < ARCH_VCPU_WORDS; i++)
        arch_vcpu_set_word(&u, i, 1000 + i);
    for (uint64_t i = 0; i < ARCH_VCPU_WORDS; i++) {
        check(arch_vcpu_word(&u, i) == 1000 + i, "another word", i, arch_vcpu_word(&u, i));
        arch_vcpu_set_word(&again, i, arch_vcpu_word(&u, i));
    }
    check(memcmp(&u.arch, &again.arch, ARCH_VCPU_WORDS * 8) == 0, "not all is restored", 0, 0);
    check(u.arch.v[63] == 1063 && u.arch.fpsr == 1065 && u.arch.el1.tcr_el1 == 1089 && u.arch.key[9] == 1099, "the order", 0, 0);
    check(u.arch.cntv_ctl == 1100 && u.arch.vmcr == 1102 && u.arch.mdscr == 1111 && u.arch.watchpoint[15].control == 1176, "the order", 1, 0);
    for (size_t i = 0; i < sizeof u; i++) {
        if (i < offsetof(struct vcpu, arch) || i >= behind)
            check(((uint8_t *)&u)[i] == 0xa5, "a byte beside them", i, ((uint8_t *)&u)[i]);
    }
}

/* Which of these bits a word may have. */
static void bits_are(uint64_t at, uint64_t mask)
{
    fits(at, mask, true);
    fits(at, 0, true);
    for (unsigned bit = 0; bit < 64; bit++)
        fits(at, UINT64_C(1) << bit, (mask >> bit & 1) != 0);
}

static void what_a_guest_writes_itself_fits(void)
{
    for (uint64_t i = 0; i < AT(cntv_ctl); i++)
        fits(i, ANY, i != AT(el1.mdscr));
    fits(AT(cntv_cval), ANY, true);
    for (uint64_t i = 0; i < DEBUG_PAIRS; i++) {
        fits(AT(breakpoint[i].value), ANY, true);
        fits(AT(watchpoint[i].value), ANY, true);
    }
}

static void what_is_not_the_guests_does_not(void)
{
    bits_are(AT(el1.mdscr), MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE);
    bits_are(AT(mdscr), MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE);
    bits_are(AT(cntv_ctl), 7);
    bits_are(AT(vmcr), 0xfffc021b);
    bits_are(AT(debug_locked), 1);
    for (uint64_t i = 0; i < 4; i++) {
        bits_are(AT(ap0r[i]), UINT32_MAX);
        bits_are(AT(ap1r[i]), UINT32_MAX);
    }
    for (uint64_t i = 0; i < DEBUG_PAIRS; i++) {
        bits_are(AT(watchpoint[i].control), 0x1f1f1fff);
        for (unsigned bit = 0; bit < 64; bit++)     /* of its type, bits 20 to 23, those below 4 */
            fits(AT(breakpoint[i].control), UINT64_C(1) << bit, (UINT64_C(0x003f01e7) >> bit & 1) != 0);
    }
}

static void a_guest_is_at_el0_or_el1(void)
{
    for (uint64_t mode = 0; mode < 32; mode++) {
        bool good = mode == 0 || mode == 4 || mode == 5;

        check(arch_pstate_fits(NULL, mode) == good, "mode", mode, good);
        check(arch_pstate_fits(NULL, UINT64_C(0xf03003c0) | mode) == good, "mode, with flags", mode, good);
    }
}

int main(void)
{
    words_are_the_registers();
    what_a_guest_writes_itself_fits();
    what_is_not_the_guests_does_not();
    a_guest_is_at_el0_or_el1();
    printf("guest_snapshot_test: %u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
