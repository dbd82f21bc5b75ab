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

/* Pairs of 64 bits, up to one of zeros. */
static bool reserved_is_sound(struct fdt *f)
{
    f->reserveds = 0;
    if (f->reserved < HEADER_SIZE || f->reserved % 8 != 0)
        return false;
    for (uint64_t offset = f->reserved; offset + 16 <= f->size; offset += 16) {
        uint32_t any = 0;

        for (uint32_t i = 0; i < 16; i++)
            any |= f->blob[offset + i];
        if (any == 0)
            return true;
        f->reserveds++;
    }
    return false;
}

bool fdt_open(struct fdt *f, void *blob, uint64_t limit)
{
    f->blob = blob;
    if (limit < HEADER_SIZE || load(f->blob) != MAGIC)
        return false;
    f->size = load(f->blob + 4);
    f->structs = load(f->blob + 8);
    f->strings = load(f->blob + 12);
    f->reserved = load(f->blob + 16);
    f->strings_size = load(f->blob + 32);
    f->structs_size = load(f->blob + 36);
    /* Version 17 is what all tools write; the last compatible one says whether a reader of 17 can read it. */
    if (f->size > limit || load(f->blob + 20) < 17 || load(f->blob + 24) > 17 || f->structs % 4 != 0 ||
        !block_is_inside(f->structs, f->structs_size, f->size) ||
        !block_is_inside(f->strings, f->strings_size, f->size))
        return false;
    return reserved_is_sound(f) && structure_is_sound(f);
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

bool fdt_reserved(const struct fdt *f, uint32_t i, uint64_t *base, uint64_t *size)
{
    struct fdt_value v = { f->blob + f->reserved + i * 16ul, 16 };

    if (i >= f->reserveds)
        return false;
    *base = fdt_cells(v, 0, 2);
    *size = fdt_cells(v, 2, 2);
    return true;
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

/* Its tag, size and name come before the value. */
void fdt_delete_property(struct fdt *f, struct fdt_value v)
{
    (void)f;
    for (uint32_t i = 0; v.data != 0 && i < 12 + align4(v.size); i += 4)
        store(v.data - 12 + i, NOP);
}

void fdt_shorten(struct fdt *f, struct fdt_value v, uint32_t size)
{
    (void)f;
    for (uint32_t i = size; i < align4(v.size); i += 4)
        store(v.data + i, NOP);
    store(v.data - 8, size);
}

/* Where a name begins in the strings block; false: it is not there. */
static bool string_offset(const struct fdt *f, const char *name, uint32_t *offset)
{
    uint32_t size;

    for (*offset = 0; *offset < f->strings_size; ++*offset) {
        const uint8_t *p = f->blob + f->strings + *offset;

        if (text_ends(p, f->strings_size - *offset, &size) && text_equal((const char *)p, name))
            return true;
    }
    return false;
}

/* `size` bytes of NOPs among the root's children, behind one of them: no property of the root's comes after it. 0: none. */
static uint32_t find_gap(const struct fdt *f, uint32_t size)
{
    struct fdt_node child = { 0, 0, 0 };

    while (fdt_next_child(f, fdt_root(f), &child)) {
        uint32_t end = skip_nops(f, child.end);

        if (end - child.end >= size)
            return child.end;
    }
    return 0;
}

static uint8_t *put(uint8_t *p, uint32_t word)
{
    store(p, word);
    return p + 4;
}

static uint8_t *put_property(uint8_t *p, uint32_t size, uint32_t name)
{
    return put(put(put(p, PROP), size), name);
}

static uint8_t *put_text(uint8_t *p, const char *text, uint32_t room)
{
    for (uint32_t i = 0; i < room; i++) {
        *p++ = (uint8_t)*text;
        if (*text != '\0')
            text++;
    }
    return p;
}

bool fdt_add_memory(struct fdt *f, uint64_t base, uint64_t size, uint32_t numa)
{
    const uint32_t bytes = 4 + 24 + (12 + 8) + (12 + 16) + 4 + (numa != UINT32_MAX ? 16 : 0);
    uint32_t gap = find_gap(f, bytes);
    char name[24] = "memory@";
    uint32_t type_name;
    uint32_t reg_name;
    uint32_t numa_name = 0;
    uint8_t *p = at(f, gap);

    if (gap == 0 || !string_offset(f, "device_type", &type_name) || !string_offset(f, "reg", &reg_name) ||
        (numa != UINT32_MAX && !string_offset(f, "numa-node-id", &numa_name)))
        return false;
    for (uint32_t i = 0; i < 16; i++)
        name[7 + i] = "0123456789abcdef"[base >> (60 - 4 * i) & 15];
    p = put_text(put(p, BEGIN_NODE), name, sizeof name);
    p = put_text(put_property(p, 7, type_name), "memory", 8);
    p = put_property(p, 16, reg_name);
    fdt_put_cells((struct fdt_value){ p, 16 }, 0, 2, base);
    fdt_put_cells((struct fdt_value){ p, 16 }, 2, 2, size);
    p += 16;
    if (numa != UINT32_MAX)
        p = put(put_property(p, 4, numa_name), numa);
    (void)put(p, END_NODE);
    return true;
}
