/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as its users see it: creation, accesses, caches, two stages, the log, looking in from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cache.h"

#define GIB (UINT64_C(1) << 30)
#define BASE UINT64_C(0x40000000)

static struct sim *make(struct sim_config f)
{
    char why[128] = "";
    struct sim *s = sim_create(&f, why, sizeof(why));

    if (s == NULL)
        fail_msg("%s", why);
    return s;
}

static struct sim *small(void)
{
    static const struct cordon_mem ram = { BASE, UINT64_C(16) << 20 };

    return make((struct sim_config){ .ram = &ram, .rams = 1 });
}

static void clean_end(struct sim *s)
{
    for (unsigned i = 0; i < sim_reports(s); i++)
        print_error("%s\n", sim_report(s, i));
    assert_int_equal(sim_check_all(s), 0);
    assert_int_equal(sim_reports(s), 0);
    sim_destroy(s);
}

static void map(struct sim *s, uint32_t vm, uint64_t gpa, uint64_t addr, enum cordon_contents contents)
{
    assert_int_equal(sim_vm_feed(s, vm, 4), CORDON_OK);
    sim_begin(s, "map");
    assert_int_equal(cordon_prot_and_map_vm_s2pt(sim_core(s), vmid(vm), ipa(gpa), addr, 3, contents), CORDON_OK);
    assert_int_equal(sim_end(s), 0);
}

/* ---- creation ---- */

static void refused_configurations(void **state)
{
    static const struct cordon_mem ram[2] = { { BASE, GIB }, { BASE + GIB / 2, GIB } };
    static const struct cordon_mem outside = { BASE + 4 * GIB, 4096 };
    static const struct cordon_mem odd = { BASE + 1, GIB };
    const struct sim_config f[] = {
        { .ram = ram, .rams = 0 }, { .ram = ram, .rams = 2 }, { .ram = &odd, .rams = 1 },
        { .ram = ram, .rams = 1, .core = &outside, .cores = 1 }, { .ram = ram, .rams = 1, .vms = 100000 },
        { .ram = ram, .rams = 1, .host = { 20, 0 } }, { .ram = ram, .rams = 1, .vm = { 48, 2 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
        char why[128] = "";

        assert_null(sim_create(&f[i], why, sizeof(why)));
        assert_string_not_equal(why, "");
    }
}

static void every_geometry(void **state)
{
    static const struct cordon_mem ram = { BASE, UINT64_C(8) << 20 };
    static const struct cordon_geometry g[] = { { 32, 1 }, { 32, 2 }, { 34, 2 }, { 36, 1 }, { 39, 1 }, { 40, 1 }, { 40, 0 },
                                                { 43, 1 }, { 44, 0 }, { 48, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof(g) / sizeof(g[0]); i++) {
        struct sim *s = make((struct sim_config){ .ram = &ram, .rams = 1, .host = g[i], .vm = g[i] });
        uint64_t last = (UINT64_C(1) << g[i].ipa_bits) - 4096;
        uint64_t value = 0;

        assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
        map(s, 1, last, BASE + 0x3000, CORDON_ZERO);
        assert_int_equal(sim_write(s, 1, last + 8, 99, false, NULL), SIM_DONE);
        assert_int_equal(sim_peek(s, BASE / 4096 + 3, 1), 99);
        assert_int_equal(sim_read(s, 0, BASE, &value, false, NULL), SIM_DONE);
        assert_int_equal(sim_vm_destroy(s, 1), CORDON_OK);
        clean_end(s);
    }
}

static void sixty_four_gib(void **state)
{
    static const struct cordon_mem ram = { BASE, 64 * GIB };
    struct sim *s = make((struct sim_config){ .ram = &ram, .rams = 1 });
    uint64_t value;

    (void)state;
    for (uint64_t at = BASE; at < BASE + 64 * GIB; at += GIB)
        assert_int_equal(sim_write(s, 0, at, at, false, NULL), SIM_DONE);
    for (uint64_t at = BASE; at < BASE + 64 * GIB; at += GIB) {
        assert_int_equal(sim_read(s, 0, at, &value, false, NULL), SIM_DONE);
        assert_int_equal(value, at);
    }
    clean_end(s);
}

static void ram_above_the_private_base(void **state)
{
    static const struct cordon_mem ram[2] = { { BASE, GIB }, { UINT64_C(1) << 41, GIB } };
    struct sim *s = make((struct sim_config){ .ram = ram, .rams = 2, .pa_bits = 44 });

    (void)state;
    assert_int_equal(sim_write(s, 0, ram[1].base + GIB - 8, 5, false, NULL), SIM_DONE);
    assert_int_equal(sim_vm_create(s, 255), CORDON_OK);
    map(s, 255, 0, ram[1].base, CORDON_ZERO);
    clean_end(s);
}

static void vms_come_and_go(void **state)
{
    struct sim *s = small();

    (void)state;
    assert_int_equal(sim_vm_create(s, 0), CORDON_NO_VM);
    assert_int_equal(sim_vm_create(s, 256), CORDON_NO_VM);
    assert_int_equal(sim_vm_feed(s, 9, 1), CORDON_NO_VM);
    for (unsigned round = 0; round < 20; round++) {
        for (uint32_t vm = 1; vm <= 5; vm++) {
            assert_int_equal(sim_vm_create(s, vm), CORDON_OK);
            map(s, vm, vm * 0x1000, BASE + vm * 0x1000, CORDON_ZERO);
        }
        assert_int_equal(sim_vm_create(s, 3), CORDON_EXISTS);
        for (uint32_t vm = 1; vm <= 5; vm++)
            assert_int_equal(sim_vm_destroy(s, vm), CORDON_OK);
    }
    assert_true(s->private_next - s->private.first <= 5 * 33 + 32);     /* lent again and again, not used up */
    clean_end(s);
}

/* ---- accesses ---- */

static void refused_accesses(void **state)
{
    struct sim *s = small();
    enum cordon_status status;
    uint64_t value;

    (void)state;
    assert_int_equal(sim_read(s, 0, BASE + 4, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_UNALIGNED);
    assert_int_equal(sim_read(s, 1, 0, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_NO_VM);
    assert_int_equal(sim_read(s, 300, 0, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_NO_VM);
    assert_int_equal(sim_read(s, 0, UINT64_C(1) << 40, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_RANGE);
    assert_int_equal(sim_read(s, 0, UINT64_MAX - 7, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_RANGE);
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_read(s, 1, UINT64_C(1) << 48, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_RANGE);
    assert_int_equal(sim_read(s, 1, 0, &value, false, &status), SIM_FAULT);
    clean_end(s);
}

static void private_memory(void **state)
{
    struct sim *s = small();
    enum cordon_status status;
    uint64_t value;

    (void)state;
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_write(s, 0, BASE, 1, false, NULL), SIM_DONE);
    map(s, 1, 0x1000, BASE, CORDON_KEEP);
    assert_int_equal(sim_read(s, 1, 0x1000, &value, false, NULL), SIM_DONE);
    assert_int_equal(value, 1);
    assert_int_equal(sim_write(s, 1, 0x1000, 2, false, NULL), SIM_DONE);
    assert_int_equal(sim_read(s, 0, BASE, &value, false, &status), SIM_REFUSED);
    assert_int_equal(status, CORDON_PRIVATE);
    assert_int_equal(sim_vm_destroy(s, 1), CORDON_OK);
    assert_int_equal(sim_read(s, 0, BASE, &value, false, NULL), SIM_DONE);
    assert_int_equal(value, 0);
    clean_end(s);
}

static void devices_read_as_zero(void **state)
{
    struct sim *s = small();
    uint64_t value = 7;

    (void)state;
    assert_int_equal(sim_write(s, 0, 0x9000000, 5, false, NULL), SIM_DONE);
    assert_int_equal(sim_read(s, 0, 0x9000000, &value, false, NULL), SIM_DONE);
    assert_int_equal(value, 0);
    clean_end(s);
}

static void caches_hide_and_are_cleaned(void **state)
{
    struct sim *s = small();
    uint64_t value;

    (void)state;
    assert_int_equal(sim_write(s, 0, BASE, 1, true, NULL), SIM_DONE);
    assert_int_equal(sim_write(s, 0, BASE, 2, false, NULL), SIM_DONE);
    assert_int_equal(sim_read(s, 0, BASE, &value, true, NULL), SIM_DONE);
    assert_int_equal(value, 1);
    assert_int_equal(sim_read(s, 0, BASE, &value, false, NULL), SIM_DONE);
    assert_int_equal(value, 2);
    arch_clean_frames(sim_core(s), BASE / 4096, 1);
    assert_int_equal(sim_read(s, 0, BASE, &value, true, NULL), SIM_DONE);
    assert_int_equal(value, 2);
    /* Zeros that were not cleaned leave the old contents in memory. */
    arch_zero_frames(sim_core(s), BASE / 4096 + 5, 1);
    assert_int_equal(sim_write(s, 0, BASE + 0x1000, 3, false, NULL), SIM_DONE);
    assert_int_equal(sim_read(s, 0, BASE + 0x1000, &value, true, NULL), SIM_DONE);
    assert_int_equal(value, 0);
    assert_true(cache_hides(s, BASE / 4096 + 1));
    sim_destroy(s);
}

/* A VM with its own stage 1: two levels of tables in its memory, one page, mapped at another virtual address. */
static void two_stages(void **state)
{
    struct sim *s = small();
    uint64_t value;
    uint64_t va = UINT64_C(7) << 30 | 1 << 21 | 9 << 12;

    (void)state;
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    for (uint64_t i = 0; i < 4; i++)
        map(s, 1, 0x10000 + i * 0x1000, BASE + i * 0x1000, CORDON_ZERO);
    assert_int_equal(sim_write(s, 1, 0x10000 + 8 * 7, 0x11000 | 3, false, NULL), SIM_DONE);
    assert_int_equal(sim_write(s, 1, 0x11000 + 8 * 1, 0x12000 | 3, false, NULL), SIM_DONE);
    assert_int_equal(sim_write(s, 1, 0x12000 + 8 * 9, 0x13000 | 0x400 | 3, false, NULL), SIM_DONE);
    sim_stage1(s, 1, 0x10000, 39);
    assert_int_equal(sim_write(s, 1, va + 16, 0xabc, false, NULL), SIM_DONE);
    assert_int_equal(sim_peek(s, BASE / 4096 + 3, 2), 0xabc);
    assert_int_equal(sim_read(s, 1, va + 4096, &value, false, NULL), SIM_FAULT);
    /* The frame goes: the combined translation of another address must go too. */
    sim_begin(s, "clear");
    assert_int_equal(cordon_clear_vm_range(sim_core(s), vmid(1), pfn(BASE / 4096 + 3), 1).status, CORDON_OK);
    assert_int_equal(sim_end(s), 0);
    assert_int_equal(sim_read(s, 1, va + 16, &value, false, NULL), SIM_FAULT);
    sim_stage1(s, 1, 0, 0);
    assert_int_equal(sim_read(s, 1, 0x12000 + 8 * 9, &value, false, NULL), SIM_DONE);
    clean_end(s);
}

/* ---- from outside ---- */

struct seen {
    unsigned n;
    struct sim_mapping m[8];
    uint64_t word[8];
};

static bool see_mapping(const struct sim_mapping *m, void *arg)
{
    struct seen *seen = arg;

    seen->m[seen->n++] = *m;
    return seen->n < 8;
}

static bool see_word(uint64_t frame, uint64_t word, void *arg)
{
    struct seen *seen = arg;

    seen->m[seen->n].pfn = frame;
    seen->word[seen->n++] = word;
    return seen->n < 8;
}

static void listings(void **state)
{
    struct sim *s = small();
    struct seen seen = { 0 };
    struct sim_mapping m;

    (void)state;
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    map(s, 1, 0x9000, BASE + 0x1000, CORDON_ZERO);
    map(s, 1, UINT64_C(0x7f0000000000), BASE + 0x2000, CORDON_ZERO);
    sim_mappings(s, 1, see_mapping, &seen);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.m[0].gfn, 9);
    assert_int_equal(seen.m[1].gfn, 0x7f0000000);
    assert_int_equal(seen.m[1].pfn, BASE / 4096 + 2);
    assert_int_equal(seen.m[1].level, 3);
    assert_true(sim_lookup(s, 1, 9, &m));
    assert_int_equal(m.pfn, BASE / 4096 + 1);
    assert_false(sim_lookup(s, 1, 10, &m));
    assert_false(sim_lookup(s, 2, 9, &m));
    seen.n = 0;
    assert_int_equal(sim_write(s, 1, 0x9000, 11, false, NULL), SIM_DONE);
    assert_int_equal(sim_write(s, 0, BASE, 22, false, NULL), SIM_DONE);
    sim_poke(s, BASE / 4096 + 4095, 0, 33);
    sim_nonzero(s, see_word, &seen);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.word[0], 22);
    assert_int_equal(seen.word[1], 11);
    assert_int_equal(seen.m[2].pfn, BASE / 4096 + 4095);
    clean_end(s);
}

static void steps_are_logged(void **state)
{
    static const struct cordon_mem ram = { BASE, UINT64_C(16) << 20 };
    char *text = NULL;
    size_t size = 0;
    FILE *log = open_memstream(&text, &size);
    struct sim *s = make((struct sim_config){ .ram = &ram, .rams = 1, .log = log });
    static const char *const lines[] = { " cpu0 begin map\n", " cpu0 lock vm 1\n", " cpu0 lock section 0\n", " cpu0 pte row=0x",
                                         " cpu0 dsb ishst\n", " cpu0 tlbi ipas2e1is vmid=0 gfn=0x40000 pages=512\n",
                                         " cpu0 tlbi vmalle1is vmid=0\n", " cpu0 dsb ish\n", " cpu0 clean pfn=0x40000 n=1\n",
                                         " cpu0 frame pfn=0x40000 holder=0x0>0x1 count=0>0 gfn=0x0>0x1\n",
                                         " cpu0 unlock vm 1\n", " cpu0 end\n" };
    const char *at;

    (void)state;
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_write(s, 0, BASE, 1, false, NULL), SIM_DONE);
    map(s, 1, 0x1000, BASE, CORDON_KEEP);
    clean_end(s);
    (void)fclose(log);
    at = text;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        at = strstr(at, lines[i]);
        if (at == NULL)
            fail_msg("not in the log, or not in this order: %s", lines[i]);
    }
    free(text);
}

static void many_machines(void **state)
{
    struct sim *a = small();
    struct sim *b = small();

    (void)state;
    assert_int_equal(sim_write(a, 0, BASE, 1, false, NULL), SIM_DONE);
    assert_int_equal(sim_write(b, 0, BASE, 2, false, NULL), SIM_DONE);
    assert_int_equal(sim_peek(a, BASE / 4096, 0), 1);
    clean_end(a);
    for (unsigned i = 0; i < 200; i++)
        clean_end(small());
    clean_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_configurations), cmocka_unit_test(every_geometry), cmocka_unit_test(sixty_four_gib),
        cmocka_unit_test(ram_above_the_private_base), cmocka_unit_test(vms_come_and_go), cmocka_unit_test(refused_accesses),
        cmocka_unit_test(private_memory), cmocka_unit_test(devices_read_as_zero), cmocka_unit_test(caches_hide_and_are_cleaned),
        cmocka_unit_test(two_stages), cmocka_unit_test(listings), cmocka_unit_test(steps_are_logged),
        cmocka_unit_test(many_machines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
