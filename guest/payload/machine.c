/* SPDX-License-Identifier: Apache-2.0 */
/* What the payload needs of the device tree, and words of the command line. */
#include "payload.h"

#define TREE_MAGIC 0xd00dfeedu
#define TREE_MOST 0x100000u
#define NODE_BEGIN 1u
#define NODE_END 2u
#define PROPERTY 3u
#define NOTHING 4u

extern uint8_t image_end[];

struct machine machine;

static uint32_t big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t big64(const uint8_t *at)
{
    return (uint64_t)big(at) << 32 | big(at + 4);
}

static bool begins(const char *text, const char *with)
{
    while (*with)
        if (*text++ != *with++)
            return false;
    return true;
}

static bool same(const char *a, const char *b)
{
    return begins(a, b) && begins(b, a);
}

/* A property of a node of the first level (or a CPU's). */
static void take(const char *node, const char *name, const uint8_t *value, uint32_t size)
{
    if (same(node, "chosen") && same(name, "bootargs"))
        machine.words = (const char *)value;
    if (begins(node, "memory@") && same(name, "reg") && size >= 16) {
        machine.ram = big64(value);
        machine.ram_size = big64(value + 8);
    }
    if (begins(node, "cpu@") && same(name, "reg"))
        machine.cpus++;
}

static void walk(const uint8_t *at, const uint8_t *end, const char *names)
{
    const char *node = "";

    while (at + 4 <= end) {
        uint32_t token = big(at);

        at += 4;
        if (token == NODE_BEGIN) {
            node = (const char *)at;
            while (*at)
                at++;
            at += 4 - ((uintptr_t)at & 3);
        } else if (token == PROPERTY) {
            uint32_t size = big(at);

            take(node, names + big(at + 4), at + 8, size);
            at += 8 + (size + 3) / 4 * 4;
        } else if (token != NODE_END && token != NOTHING) {
            return;
        }
    }
}

bool machine_read(const void *tree)
{
    const uint8_t *at = tree;
    uint64_t used;

    if (((uintptr_t)tree & 7) || big(at) != TREE_MAGIC || big(at + 4) > TREE_MOST)
        return false;
    machine.tree = at;
    machine.tree_size = big(at + 4);
    machine.words = "";
    walk(at + big(at + 8), at + machine.tree_size, (const char *)at + big(at + 12));
    used = (uint64_t)(uintptr_t)at + machine.tree_size;
    if (used < (uint64_t)(uintptr_t)image_end)
        used = (uint64_t)(uintptr_t)image_end;
    machine.free = (used + BLOCK - 1) / BLOCK * BLOCK;
    return machine.ram_size && machine.cpus && machine.cpus <= CPUS_MAX;
}

const char *machine_word(const char *name)
{
    const char *at = machine.words;

    while (*at) {
        if (begins(at, name)) {
            const char *end = at;

            while (*name && *end == *name)
                end++, name++;
            if (*end == '=')
                return end + 1;
            if (*end == ' ' || *end == 0)
                return end;
            name -= end - at;
        }
        while (*at && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return NULL;
}

uint64_t machine_number(const char *name, uint64_t otherwise)
{
    const char *at = machine_word(name);
    uint64_t value = 0;

    if (!at || *at < '0' || *at > '9')
        return otherwise;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}
