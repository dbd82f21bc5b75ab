/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device tree parser against damaged trees, on the developer's own machine, under sanitizers. Each round damages a
 * good tree, opens it, and when it is accepted walks and edits all of it as the board's code does. An edited tree must
 * be one that is accepted again.
 *
 *   fuzz_fdt TREE ROUNDS [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdt.h"

static uint64_t state;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void die(const char *what, uint64_t round)
{
    fprintf(stderr, "fuzz_fdt: %s in round %llu\n", what, (unsigned long long)round);
    exit(1);
}

static void store32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Some bytes, some words that may be tokens or sizes, sometimes the header, sometimes the end cut off. */
static size_t damage(uint8_t *blob, size_t size)
{
    static const uint32_t words[] = { 0, 1, 2, 3, 4, 9, 5, 0xffffffff, 0x7fffffff, 0x80000000, 0xfffffffc, 16, 40, 4096 };
    unsigned n = (unsigned)(random64() % 8);

    for (unsigned i = 0; i < n; i++) {
        size_t where = random64() % 4 == 0 ? random64() % 40 : random64() % size;

        if (random64() % 2 == 0)
            blob[where] = (uint8_t)random64();
        else if ((where & ~(size_t)3) + 4 <= size)
            store32(blob + (where & ~(size_t)3), words[random64() % (sizeof words / sizeof words[0])]);
    }
    return random64() % 16 == 0 ? random64() % size : size;
}

static uint64_t look_at(const struct fdt *f, struct fdt_node node)
{
    static const char *const names[] = { "reg", "compatible", "device_type", "interrupts", "ranges", "#address-cells" };
    struct fdt_node child = { 0, 0, 0 };
    uint64_t sum = strlen(fdt_name(f, node));

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct fdt_value v = fdt_property(f, node, names[i]);

        sum += fdt_value_has(v, "arm,gic-v3");
        if (v.data != 0 && v.size >= 8)
            sum += fdt_cells(v, v.size / 4 - 2, 2);
    }
    while (fdt_next_child(f, node, &child))
        sum += look_at(f, child);
    return sum;
}

/* Children and properties are deleted, values shortened, at random. */
static void edit(struct fdt *f, struct fdt_node node)
{
    struct fdt_node child = { 0, 0, 0 };

    while (fdt_next_child(f, node, &child)) {
        struct fdt_value v = fdt_property(f, child, random64() % 2 == 0 ? "reg" : "interrupts");

        if (v.data != 0 && v.size >= 8 && random64() % 2 == 0) {
            fdt_put_cells(v, 0, 2, random64());
            fdt_shorten(f, v, (uint32_t)(random64() % (v.size / 4)) * 4);
        }
        if (random64() % 4 == 0)
            fdt_delete_property(f, fdt_property(f, child, random64() % 2 == 0 ? "ranges" : "dma-coherent"));
        if (random64() % 4 == 0)
            fdt_delete_node(f, child);
        else
            edit(f, child);
    }
}

static bool one_round(const uint8_t *good, size_t size, uint64_t round)
{
    uint8_t *blob = malloc(size);
    struct fdt f;
    struct fdt again;
    size_t left;
    bool accepted;

    memcpy(blob, good, size);
    left = damage(blob, size);
    blob = realloc(blob, left > 0 ? left : 1);      /* exactly as long as it may be read */
    accepted = fdt_open(&f, blob, left);
    if (accepted) {
        (void)look_at(&f, fdt_root(&f));
        edit(&f, fdt_root(&f));
        if (!fdt_open(&again, blob, left))
            die("an edited tree is refused", round);
        (void)look_at(&again, fdt_root(&again));
    }
    free(blob);
    return accepted;
}

int main(int argc, char **argv)
{
    static uint8_t good[1 << 20];
    uint64_t rounds = argc > 2 ? strtoull(argv[2], 0, 0) : 0;
    uint64_t accepted = 0;
    FILE *file = argc > 2 ? fopen(argv[1], "rb") : 0;
    size_t size = file != 0 ? fread(good, 1, sizeof good, file) : 0;

    if (size < 40 || rounds == 0) {
        fprintf(stderr, "usage: fuzz_fdt TREE ROUNDS [SEED]\n");
        return 2;
    }
    fclose(file);
    state = argc > 3 ? strtoull(argv[3], 0, 0) : 1;
    for (uint64_t i = 0; i < rounds; i++)
        accepted += one_round(good, size, i);
    printf("fuzz_fdt: %llu rounds, %llu trees accepted\n", (unsigned long long)rounds, (unsigned long long)accepted);
    return accepted > 0 ? 0 : 1;
}
