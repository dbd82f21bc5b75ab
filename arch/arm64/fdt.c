/* SPDX-License-Identifier: Apache-2.0 */
#include "fdt.h"

#include "text.h"

#define MAGIC 0xd00dfeedu
#define HEADER_SIZE 40u
#define BEGIN_NODE 1u
#define END_NODE 2u
#define PROP 3u
#define NOP 4u
#define END 9u

static uint32_t load(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static uint8_t *at(const struct fdt *f, uint32_t offset)
{
    return f->blob + f->structs + offset;
}

static uint32_t align4(uint32_t x)
{
    return (x + 3) & ~3u;
}

/* ---- checking ---- */

/* Whether a text ends within n bytes; *size: with its end. */
static bool text_ends(const uint8_t *p, uint32_t n, uint32_t *size)
{
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] == 0) {
            *size = i + 1;
            return true;
        }
    }
    return false;
}

/* Size of the token at `offset` with what belongs to it; 0: it is malformed. */
static uint32_t token_size(const struct fdt *f, uint32_t offset)
{
    uint32_t left = f->structs_size - offset;
    uint32_t size;

    if (left < 4)
        return 0;
    switch (load(at(f, offset))) {
    case BEGIN_NODE:
        if (!text_ends(at(f, offset + 4), left - 4, &size) || align4(size) > left - 4)
            return 0;
        return 4 + align4(size);
    case PROP:
        if (left < 12 || load(at(f, offset + 4)) > left - 12 || align4(load(at(f, offset + 4))) > left - 12)
            return 0;
        if (load(at(f, offset + 8)) >= f->strings_size ||
            !text_ends(f->blob + f->strings + load(at(f, offset + 8)), f->strings_size - load(at(f, offset + 8)), &size))
            return 0;
        return 12 + align4(load(at(f, offset + 4)));
    case END_NODE:
    case NOP:
    case END:
        return 4;
    default:
        return 0;
    }
}

/* One root; nodes nested and closed; in each, properties before children; END behind all. */
static bool structure_is_sound(const struct fdt *f)
{
    bool children[FDT_DEPTH + 1] = { false };   /* whether the open node of a depth has had a child */
    uint32_t depth = 0;
    uint32_t roots = 0;

    for (uint32_t offset = 0; offset < f->structs_size;) {
        uint32_t size = token_size(f, offset);

        if (size == 0)
            return false;
        switch (load(at(f, offset))) {
        case BEGIN_NODE:
            if (depth == FDT_DEPTH || (depth == 0 && roots++ > 0))
                return false;
            children[depth++] = true;
            children[depth] = false;
            break;
        case END_NODE:
            if (depth-- == 0)
                return false;
            break;
        case PROP:
            if (depth == 0 || children[depth])
                return false;
            break;
        case END:
            return depth == 0 && roots == 1;
        }
        offset += size;
    }
    return false;
}

static bool block_is_inside(uint32_t offset, uint32_t size, uint32_t whole)
{
    return offset >= HEADER_SIZE && offset <= whole && size <= whole - offset;
}

bool fdt_open(struct fdt *f, void *blob, uint64_t limit)
{
    f->blob = blob;
    if (limit < HEADER_SIZE || load(f->blob) != MAGIC)
        return false;
    f->size = load(f->blob + 4);
    f->structs = load(f->blob + 8);
    f->strings = load(f->blob + 12);
    f->strings_size = load(f->blob + 32);
    f->structs_size = load(f->blob + 36);
    /* Version 17 is what all tools write; the last compatible one says whether a reader of 17 can read it. */
    if (f->size > limit || load(f->blob + 20) < 17 || load(f->blob + 24) > 17 || f->structs % 4 != 0 ||
        !block_is_inside(f->structs, f->structs_size, f->size) ||
        !block_is_inside(f->strings, f->strings_size, f->size))
        return false;
    return structure_is_sound(f);
}

/* ---- reading ---- */

static uint32_t skip_nops(const struct fdt *f, uint32_t offset)
{
    while (load(at(f, offset)) == NOP)
        offset += 4;
    return offset;
}

/* The node whose BEGIN_NODE is at `begin`. */
static struct fdt_node node_at(const struct fdt *f, uint32_t begin)
{
    struct fdt_node node = { begin, begin + token_size(f, begin), 0 };
    uint32_t depth = 1;

    for (node.end = node.body; depth > 0; node.end += token_size(f, node.end)) {
        switch (load(at(f, node.end))) {
        case BEGIN_NODE: depth++; break;
        case END_NODE: depth--; break;
        }
    }
    return node;
}

struct fdt_node fdt_root(const struct fdt *f)
{
    return node_at(f, skip_nops(f, 0));
}

bool fdt_next_child(const struct fdt *f, struct fdt_node parent, struct fdt_node *child)
{
    uint32_t offset = child->end != 0 ? child->end : parent.body;

    for (;; offset += token_size(f, offset)) {
        switch (load(at(f, offset))) {
        case BEGIN_NODE: *child = node_at(f, offset); return true;
        case END_NODE: return false;
        }
    }
}

const char *fdt_name(const struct fdt *f, struct fdt_node node)
{
    return (const char *)at(f, node.begin + 4);
}

struct fdt_value fdt_property(const struct fdt *f, struct fdt_node node, const char *name)
{
    for (uint32_t offset = node.body;; offset += token_size(f, offset)) {
        uint32_t token = load(at(f, offset));

        if (token == BEGIN_NODE || token == END_NODE)
            return (struct fdt_value){ 0, 0 };
        if (token == PROP && text_equal((const char *)f->blob + f->strings + load(at(f, offset + 8)), name))
            return (struct fdt_value){ at(f, offset + 12), load(at(f, offset + 4)) };
    }
}

static bool name_is(const char *full, const char *name)
{
    while (*name != '\0' && *full == *name) {
        full++;
        name++;
    }
    return *name == '\0' && (*full == '\0' || *full == '@');
}

bool fdt_child(const struct fdt *f, struct fdt_node parent, const char *name, struct fdt_node *child)
{
    *child = (struct fdt_node){ 0, 0, 0 };
    while (fdt_next_child(f, parent, child)) {
        if (name_is(fdt_name(f, *child), name))
            return true;
    }
    return false;
}

bool fdt_value_has(struct fdt_value v, const char *text)
{
    uint32_t size;

    for (uint32_t i = 0; v.data != 0 && i < v.size; i += size) {
        if (!text_ends(v.data + i, v.size - i, &size))
            return false;
        if (text_equal((const char *)v.data + i, text))
            return true;
    }
    return false;
}

uint64_t fdt_cells(struct fdt_value v, uint32_t index, uint32_t cells)
{
    uint64_t number = load(v.data + index * 4ul);

    return cells == 1 ? number : number << 32 | load(v.data + index * 4ul + 4);
}

/* ---- editing ---- */

void fdt_put_cells(struct fdt_value v, uint32_t index, uint32_t cells, uint64_t number)
{
    if (cells == 2)
        store(v.data + index * 4ul, (uint32_t)(number >> 32));
    store(v.data + (index + cells - 1) * 4ul, (uint32_t)number);
}

void fdt_delete_node(struct fdt *f, struct fdt_node node)
{
    for (uint32_t offset = node.begin; offset < node.end; offset += 4)
        store(at(f, offset), NOP);
}

void fdt_shorten(struct fdt *f, struct fdt_value v, uint32_t size)
{
    (void)f;
    for (uint32_t i = size; i < align4(v.size); i += 4)
        store(v.data + i, NOP);
    store(v.data - 8, size);
}
