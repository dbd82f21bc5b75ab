/* SPDX-License-Identifier: Apache-2.0 */
#include "root.h"

#include "cbor_size.h"
#include "refuse.h"
#include "tree.h"

/* The two secrets come first, in strings of 32 bytes: {1: CDI_Attest, 2: CDI_Seal, 3: the chain}. */
#define MAP_OF_3 0xa3
#define STRING_NEXT_BYTE 0x58
#define ENTRY_SIZE (3 + ROOT_SECRET)

struct root root;

/* ---- the tree ---- */

bool root_find(struct fdt *f, struct cordon_mem *where)
{
    struct fdt_node parent;
    struct fdt_node node = { 0, 0, 0 };
    uint32_t found = 0;

    if (!fdt_child(f, fdt_root(f), "reserved-memory", &parent))
        return false;
    while (fdt_next_child(f, parent, &node)) {
        if (!tree_is(f, node, "google,open-dice"))
            continue;
        if (!tree_reg(fdt_property(f, node, "reg"), 0, where) || where->size == 0 || where->size > ROOT_RANGE_MOST || found > 0)
            refuse_to_boot("the device tree has a hand-over of secrets that I cannot read, or two of them");
        fdt_delete_node(f, node);
        found++;
    }
    return found > 0;
}

/* ---- the hand-over ---- */

static bool take_secret(const uint8_t *data, uint8_t key, uint8_t secret[ROOT_SECRET])
{
    if (data[0] != key || data[1] != STRING_NEXT_BYTE || data[2] != ROOT_SECRET)
        return false;
    for (uint32_t i = 0; i < ROOT_SECRET; i++)
        secret[i] = data[3 + i];
    return true;
}

static bool take_all(struct root *r, const uint8_t *data, uint64_t size)
{
    const uint8_t *chain = data + 2 + 2 * ENTRY_SIZE;
    uint64_t n;

    if (size < 3 + 2 * ENTRY_SIZE || data[0] != MAP_OF_3 || !take_secret(data + 1, 1, r->attest) ||
        !take_secret(data + 1 + ENTRY_SIZE, 2, r->seal) || chain[-1] != 3)
        return false;
    n = cbor_item_size(chain, size - 2 - 2 * ENTRY_SIZE);
    if (n == 0 || n > ROOT_CHAIN_MOST)
        return false;
    for (uint64_t i = 0; i < n; i++)
        r->chain[i] = chain[i];
    r->chain_size = (uint32_t)n;
    return true;
}

bool root_take(struct root *r, const uint8_t *data, uint64_t size)
{
    root_erase((volatile uint8_t *)r, sizeof *r);
    if (take_all(r, data, size))
        return true;
    root_erase((volatile uint8_t *)r, sizeof *r);
    return false;
}

void root_erase(volatile uint8_t *at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        at[i] = 0;
}

void root_forget(void)
{
    root_erase((volatile uint8_t *)&root, sizeof root);
}
