/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers, SMCCC TRNG 1.0 (Arm DEN 0098): what each call answers, and that nothing comes twice. */
#include "payload.h"

#define TRNG_VERSION 0x84000050u
#define TRNG_FEATURES 0x84000051u
#define TRNG_GET_UUID 0x84000052u
#define TRNG_RND32 0x84000053u
#define TRNG_RND64 0xc4000053u
#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define DRAWS 64u

static bool is_offered(void)
{
    return (int64_t)hvc(TRNG_VERSION, 0, 0, 0, 0).x0 != NOT_SUPPORTED;
}

/* All of them, or none. What the log says is looked at by who knows whether this machine has any. */
static void calls(void)
{
    static const uint32_t has[] = { TRNG_VERSION, TRNG_FEATURES, TRNG_GET_UUID, TRNG_RND32, TRNG_RND64 };

    say("random: %s", TEXT(is_offered() ? "offered" : "none"));
    for (uint32_t i = 0; i < sizeof(has) / sizeof(has[0]); i++) {
        if (is_offered())
            CHECK(hvc(TRNG_FEATURES, has[i], 0, 0, 0).x0 == 0, "%x is missing", has[i]);
        else
            CHECK((int64_t)hvc(has[i], 64, 0, 0, 0).x0 == NOT_SUPPORTED, "there is %x", has[i]);
    }
    if (!is_offered())
        return;
    CHECK(hvc(TRNG_VERSION, 0, 0, 0, 0).x0 == 0x10000, "version %x", hvc(TRNG_VERSION, 0, 0, 0, 0).x0);
    CHECK(smc(TRNG_VERSION, 0, 0, 0, 0).x0 == 0x10000, "version by SMC %x", smc(TRNG_VERSION, 0, 0, 0, 0).x0);
    CHECK((int64_t)hvc(TRNG_FEATURES, 0x84000054, 0, 0, 0).x0 == NOT_SUPPORTED, "FEATURES knows 0x84000054");
    CHECK((uint32_t)hvc(TRNG_GET_UUID, 0, 0, 0, 0).x0 != 0xffffffff, "the UUID is an error");
}

static bool is_cut(struct answer a, uint64_t bits)
{
    const uint64_t word[3] = { a.x3, a.x2, a.x1 };
    bool good = a.x0 == 0;

    for (uint64_t i = 0; i < 3; i++) {
        uint64_t n = bits > 64 * i ? bits - 64 * i : 0;

        good = good && (n >= 64 || word[i] >> n == 0);
    }
    return good;
}

static void bits(void)
{
    static const struct {
        uint32_t call;
        uint64_t n;
    } wrong[] = { { TRNG_RND32, 0 }, { TRNG_RND32, 97 }, { TRNG_RND64, 0 }, { TRNG_RND64, 193 }, { TRNG_RND64, ~0ull } };

    if (!is_offered())
        return;
    for (uint64_t n = 1; n <= 192; n++)
        CHECK(is_cut(hvc(TRNG_RND64, n, 0, 0, 0), n), "%u bits", n);
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK((int64_t)hvc(wrong[i].call, wrong[i].n, 0, 0, 0).x0 == INVALID_PARAMETERS, "%x gives %u bits", wrong[i].call, wrong[i].n);
}

static uint64_t drawn[2 * DRAWS][3];

static uint64_t draw_some(uint64_t first)
{
    for (uint64_t i = first; i < first + DRAWS; i++) {
        struct answer a = hvc(TRNG_RND64, 192, 0, 0, 0);

        drawn[i][0] = a.x1;
        drawn[i][1] = a.x2;
        drawn[i][2] = a.x3;
    }
    return 0;
}

/* On two vCPUs where there are two: each CPU of the machine has a generator of its own. */
static void draws(void)
{
    uint64_t *word = &drawn[0][0];

    if (!is_offered())
        return;
    draw_some(0);
    if (machine.cpus > 1)
        CHECK(cpu_start(1, draw_some, DRAWS) && cpu_join(1, NULL), "vCPU 1 draws nothing");
    else
        draw_some(DRAWS);
    for (uint32_t i = 0; i < 2 * DRAWS * 3; i++)
        for (uint32_t k = 0; k < i; k++)
            CHECK(word[i] != word[k], "word %u is word %u again: %x", i, k, word[i]);
    say("random: drew %x", word[0]);    /* another one in each guest: the log is looked at */
}

const struct test random_tests[] = {
    { "random", "random-calls", calls, NEEDS_CORDON },
    { "random", "random-bits", bits, NEEDS_CORDON },
    { "random", "random-draws", draws, NEEDS_CORDON },
    { NULL, NULL, NULL, 0 },
};
