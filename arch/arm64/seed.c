/* SPDX-License-Identifier: Apache-2.0 */
#include "seed.h"

#define SEEDS 2
#define MIXED 256u      /* bytes of a seed that are looked at: a longer one is no better */

/* The i-th seed; its data is NULL when there is none. */
static struct fdt_value seed_of(const struct fdt *f, uint32_t i)
{
    static const char *const name[SEEDS] = { "rng-seed", "kaslr-seed" };
    struct fdt_node chosen;

    if (!fdt_child(f, fdt_root(f), "chosen", &chosen))
        return (struct fdt_value){ 0, 0 };
    return fdt_property(f, chosen, name[i]);
}

/* Bytes first .. first+31 of a seed, or as many as it has. False: nothing but zeros. */
static bool mix_some(struct fdt_value seed, uint32_t first, struct generator *g)
{
    uint64_t data[GENERATOR_WORDS] = { 0 };
    uint32_t any = 0;

    for (uint32_t i = 0; i < sizeof data && first + i < seed.size; i++) {
        data[i / 8] |= (uint64_t)seed.data[first + i] << 8 * (i % 8);
        any |= seed.data[first + i];
    }
    generator_mix(g, data);
    return any != 0;
}

uint32_t seed_take(const struct fdt *f, struct generator *g)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < SEEDS; i++) {
        struct fdt_value seed = seed_of(f, i);
        uint32_t size = seed.data == 0 ? 0 : seed.size < MIXED ? seed.size : MIXED;
        bool any = false;

        for (uint32_t at = 0; at < size; at += 32)
            any = mix_some(seed, at, g) || any;
        bytes += any ? size : 0;
    }
    return bytes;
}

void seed_replace(const struct fdt *f, struct generator *g)
{
    for (uint32_t i = 0; i < SEEDS; i++) {
        struct fdt_value seed = seed_of(f, i);
        uint64_t word[GENERATOR_WORDS];

        for (uint32_t at = 0; seed.data != 0 && at < seed.size; at++) {
            if (at % sizeof word == 0)
                generator_draw(g, word);
            seed.data[at] = (uint8_t)(word[at % sizeof word / 8] >> 8 * (at % 8));
        }
    }
}
