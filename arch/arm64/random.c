/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources, from the best to the worst: the CPU's own (RNDR), the firmware's (SMCCC TRNG), what the loader put in the tree,
 * and the counter's jitter. All that are there are mixed, so a bad one does no harm. The last counts for nothing: where it is
 * the only one, guests are told that there are no random numbers. docs/BOOT.md says how good each is.
 *
 * Each CPU has a generator of its own. EL2 is not interrupted, so it needs no lock, and no guest waits for another's draws.
 */
#include "random.h"

#include "cpu.h"
#include "print.h"
#include "seed.h"
#include "smc.h"
#include "guest/smccc.h"

#define ENOUGH 16u      /* bytes of the loader's that a generator can be built on */
#define TRIES 16u       /* of RNDR, which may have nothing for a moment */
#define BOOT_ROUNDS 4u  /* of 32 bytes, from each source at boot */

static bool offered;

/* ---- sources ---- */

/* ID_AA64ISAR0_EL1.RNDR, of this CPU: not all need to be alike. */
static bool has_rndr(void)
{
    return id_field(sysreg_read(id_aa64isar0_el1), 60) != 0;
}

static bool rndr(uint64_t *word)
{
    uint64_t there = 0;

    for (uint32_t i = 0; i < TRIES && there == 0; i++)
        __asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne" : "=r"(*word), "=r"(there) : : "cc");
    return there != 0;
}

/* 32 bytes of the CPU's. False: it had less, and what it had is mixed in all the same. */
static bool mix_cpu(struct generator *g)
{
    uint64_t data[GENERATOR_WORDS] = { 0 };
    bool all = has_rndr();

    for (uint32_t i = 0; i < GENERATOR_WORDS && all; i++)
        all = rndr(&data[i]);
    generator_mix(g, data);
    return all;
}

static bool firmware_has_random(void)
{
    return firmware_has_features() && (int32_t)firmware(TRNG_VERSION, 0, 0, 0) >= TRNG_1_0 &&
           (int32_t)firmware(TRNG_FEATURES, TRNG_RND64, 0, 0) >= 0;
}

static bool mix_firmware(struct generator *g)
{
    struct smc_answer a = smc_call(TRNG_RND64, 192, 0, 0);
    const uint64_t data[GENERATOR_WORDS] = { a.x1, a.x2, a.x3, 0 };

    if ((int64_t)a.x0 != TRNG_SUCCESS)
        return false;
    generator_mix(g, data);
    return true;
}

static void mix_jitter(struct generator *g)
{
    for (uint32_t round = 0; round < 16; round++) {
        uint64_t data[GENERATOR_WORDS];

        for (uint32_t i = 0; i < GENERATOR_WORDS; i++) {
            isb();      /* the counter is read when its turn comes */
            data[i] = sysreg_read(cntpct_el0);
        }
        generator_mix(g, data);     /* takes a time of its own */
    }
}

/* ---- set-up ---- */

/* Everything into one key; true when somebody who knows this image and its board still cannot guess it. */
static bool gather(const struct fdt *f, struct generator *g)
{
    uint32_t loader = seed_take(f, g);
    bool firmware = firmware_has_random();
    bool cpu = true;

    mix_jitter(g);
    for (uint32_t i = 0; i < BOOT_ROUNDS; i++) {
        cpu = mix_cpu(g) && cpu;
        firmware = firmware && mix_firmware(g);
    }
    print("Cordon: guests' random numbers begin with %s, %s and %u bytes of the loader's\n",
          cpu ? "the CPU's own" : "none of the CPU's", firmware ? "the firmware's" : "none of the firmware's", (uint64_t)loader);
    return cpu || firmware || loader >= ENOUGH;
}

void random_set_up(const struct fdt *f)
{
    struct generator g = { { 0 } };

    offered = gather(f, &g);
    if (!offered)
        print("Cordon: that can be guessed: guests are offered none\n");
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t key[GENERATOR_WORDS];

        generator_draw(&g, key);
        generator_mix(&cpus[i].random, key);
    }
    seed_replace(f, &g);
}

/* ---- for guests ---- */

bool arch_has_random(const struct cordon *c)
{
    (void)c;
    return offered;
}

/* Where the CPU has its own, each draw begins with as much of it as it gives. */
void arch_random(struct cordon *c, uint64_t word[3])
{
    struct generator *g = &this_cpu()->random;
    uint64_t drawn[GENERATOR_WORDS];

    (void)c;
    if (has_rndr())
        (void)mix_cpu(g);
    generator_draw(g, drawn);
    for (uint32_t i = 0; i < 3; i++)
        word[i] = drawn[i];
}
