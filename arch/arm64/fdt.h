/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flattened device tree, read with distrust and edited in place: nodes and properties are taken out, values become
 * shorter, and a new node takes the place of one that is gone: nothing grows. Devicetree Specification, chapter 5. No part
 * of the machine is needed: it runs anywhere.
 *
 * fdt_open() goes through all of it once. What it accepts, the other functions may be used on without further checks,
 * and an edited tree is one that it accepts.
 */
#ifndef CORDON_FDT_H
#define CORDON_FDT_H

#include <stdbool.h>
#include <stdint.h>

/* Nodes nested deeper are refused. */
#define FDT_DEPTH 16

struct fdt {
    uint8_t *blob;
    uint32_t size;          /* of all of it, as its header says; at most what the caller allowed */
    uint32_t structs;       /* offset and size of the structure block */
    uint32_t structs_size;
    uint32_t strings;       /* of the strings block */
    uint32_t strings_size;
    uint32_t reserved;      /* the list of reserved memory, and how many entries it has */
    uint32_t reserveds;
};

/* Offsets in the structure block. */
struct fdt_node {
    uint32_t begin;         /* its FDT_BEGIN_NODE */
    uint32_t body;          /* behind its name */
    uint32_t end;           /* behind its FDT_END_NODE */
};

/* A property's value. data is NULL when there is no such property. */
struct fdt_value {
    uint8_t *data;
    uint32_t size;          /* bytes */
};

/* limit: bytes that may be read from blob on, at least 40. False: not a tree that can be used. */
bool fdt_open(struct fdt *f, void *blob, uint64_t limit);

struct fdt_node fdt_root(const struct fdt *f);

/* The next child behind *child, the first when child->end is 0. False: no more. */
bool fdt_next_child(const struct fdt *f, struct fdt_node parent, struct fdt_node *child);

const char *fdt_name(const struct fdt *f, struct fdt_node node);
struct fdt_value fdt_property(const struct fdt *f, struct fdt_node node, const char *name);

/* A child by name, the unit address left out: "memory" finds memory@40000000. False: none. */
bool fdt_child(const struct fdt *f, struct fdt_node parent, const char *name, struct fdt_node *child);

/* Entry i of the header's list of reserved memory; false: no more. */
bool fdt_reserved(const struct fdt *f, uint32_t i, uint64_t *base, uint64_t *size);

/* Whether a value is a list of strings and one of them is the text. */
bool fdt_value_has(struct fdt_value v, const char *text);

/* The number in `cells` cells (1 or 2) from cell `index` on; the caller has seen that they are there. */
uint64_t fdt_cells(struct fdt_value v, uint32_t index, uint32_t cells);
void fdt_put_cells(struct fdt_value v, uint32_t index, uint32_t cells, uint64_t number);

/* Takes a node out, with all that is in it. */
void fdt_delete_node(struct fdt *f, struct fdt_node node);
/* Takes a property out, by its value; nothing where data is NULL. */
void fdt_delete_property(struct fdt *f, struct fdt_value v);
/* Makes a value shorter: size is a multiple of 4 below its own. */
void fdt_shorten(struct fdt *f, struct fdt_value v, uint32_t size);

/*
 * Describes memory by a node of its own, where a child of the root's was taken out. numa: its node, UINT32_MAX for none.
 * False: there is no such place, or the tree has none of the names.
 */
bool fdt_add_memory(struct fdt *f, uint64_t base, uint64_t size, uint32_t numa);

#endif
