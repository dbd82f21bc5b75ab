/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of machines that nobody has, on the developer's own: trees are made here, read, given a core and edited as at
 * boot. In each, every page that the tree has as memory must be the host's or Cordon's afterwards, no page both, and none of
 * Cordon's may be one that the tree names as used. The seeds in a tree are Cordon's, and the host has others.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "refuse.h"
#include "root.h"
#include "seed.h"

#define M UINT64_C(0x100000)
#define G UINT64_C(0x40000000)
#define IMAGE UINT64_C(0x40200000)

static jmp_buf refused;
static const char *reason;

_Noreturn void refuse_to_boot(const char *text)
{
    reason = text;
    longjmp(refused, 1);
}

/* ---- making a tree ---- */

static uint8_t blob[1 << 16];
static uint8_t structs[1 << 15];
static char strings[4096];
static size_t structs_size;
static size_t strings_size;
static uint64_t reserved[16];
static size_t reserveds;

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void word(uint32_t v)
{
    put32(structs + structs_size, v);
    structs_size += 4;
}

static void bytes(const void *data, size_t n)
{
    memcpy(structs + structs_size, data, n);
    structs_size += (n + 3) & ~(size_t)3;
}

static uint32_t string(const char *text)
{
    size_t at = 0;

    while (at < strings_size && strcmp(strings + at, text) != 0)
        at += strlen(strings + at) + 1;
    if (at == strings_size) {
        strcpy(strings + at, text);
        strings_size += strlen(text) + 1;
    }
    return (uint32_t)at;
}

static void begin(const char *name)
{
    word(1);
    bytes(name, strlen(name) + 1);
}

static void end(void)
{
    word(2);
}

static void prop(const char *name, const void *data, size_t n)
{
    word(3);
    word((uint32_t)n);
    word(string(name));
    bytes(data, n);
}

static void text(const char *name, const char *value)
{
    prop(name, value, strlen(value) + 1);
}

static void cell(const char *name, uint32_t v)
{
    uint8_t data[4];

    put32(data, v);
    prop(name, data, 4);
}

static void cells(const char *name, const uint32_t *v, size_t n)
{
    uint8_t data[512];

    for (size_t i = 0; i < n; i++)
        put32(data + i * 4, v[i]);
    prop(name, data, n * 4);
}

#define CELLS(name, ...) cells(name, (uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

/* n numbers of two cells. */
static void reg(const uint64_t *v, size_t n)
{
    uint8_t data[512];

    for (size_t i = 0; i < n; i++) {
        put32(data + i * 8, (uint32_t)(v[i] >> 32));
        put32(data + i * 8 + 4, (uint32_t)v[i]);
    }
    prop("reg", data, n * 8);
}

#define REG(...) reg((uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

static void memory_with(const char *status, int numa, const uint64_t *v, size_t n)
{
    begin("memory@0");
    text("device_type", "memory");
    if (status != NULL)
        text("status", status);
    if (numa >= 0)
        cell("numa-node-id", (uint32_t)numa);
    reg(v, n);
    end();
}

#define MEMORY(...) memory_with(NULL, -1, (uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)
#define MEMORY_WITH(status, numa, ...) \
    memory_with(status, numa, (uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

/* Two ITSs; without a phandle nothing leads to them. */
static const struct its_node {
    uint64_t base, size;
    uint32_t phandle;
    const char *status;
} no_itss[2] = { { 0x100000000, 0x20000, 0, NULL }, { 0x100020000, 0x20000, 0, NULL } }, *itss = no_itss;
/* A GICv2m frame, where its size is not 0. */
static struct its_node frame;
/* Of the GIC: 0 its children have the machine's addresses, 1 it does not say, 2 others. */
static unsigned own_ranges;

static void gic(void)
{
    begin("intc@8000000");
    text("compatible", "arm,gic-v3");
    REG(0x8000000, 0x10000, 0x80a0000, 0xf60000, 0x4000000000, 0x4000000);
    cell("#redistributor-regions", 2);
    if (own_ranges != 1)
        prop("ranges", "\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0", own_ranges * 12);
    for (int i = 0; i < 2; i++) {
        begin(i == 0 ? "its@100000000" : "other@100020000");
        text("compatible", "arm,gic-v3-its");
        REG(itss[i].base, itss[i].size);
        if (itss[i].phandle != 0)
            cell("phandle", itss[i].phandle);
        if (itss[i].status != NULL)
            text("status", itss[i].status);
        end();
    }
    if (frame.size != 0) {
        begin("v2m@8020000");
        text("compatible", "arm,gic-v2m-frame");
        REG(frame.base, frame.size);
        cell("phandle", frame.phandle);
        if (frame.status != NULL)
            text("status", frame.status);
        end();
    }
    end();
}

/* A node that the host does not get: its place is that of a new one. */
static void bus(void)
{
    begin("pcie@10000000");
    text("compatible", "pci-host-ecam-generic");
    REG(0x4010000000, 0x10000000);
    for (int i = 0; i < 8; i++)
        REG(1, 2, 3, 4);
    end();
}

static bool own_bus;     /* the tree has what it needs of PCI */

static void begin_tree(void)
{
    own_bus = false;
    memset(structs, 0, sizeof structs);
    memset(strings, 0, sizeof strings);
    structs_size = strings_size = reserveds = 0;
    begin("");
    cell("#address-cells", 2);
    cell("#size-cells", 2);
    gic();
}

static void reserve(uint64_t base, uint64_t size)
{
    reserved[reserveds++] = base;
    reserved[reserveds++] = size;
}

static struct fdt end_tree(void)
{
    const uint32_t at = 40 + (uint32_t)(reserveds + 2) * 8;
    const uint32_t header[10] = { 0xd00dfeed, 0, at, at + (uint32_t)sizeof structs, 40, 17, 16, 0, (uint32_t)strings_size, 0 };
    struct fdt f;

    if (!own_bus)
        bus();
    end();
    word(9);
    memset(blob, 0, sizeof blob);
    for (uint32_t i = 0; i < 10; i++)
        put32(blob + i * 4, header[i]);
    put32(blob + 4, at + (uint32_t)sizeof structs + (uint32_t)sizeof strings);
    put32(blob + 36, (uint32_t)structs_size);
    for (uint32_t i = 0; i < reserveds; i++) {
        put32(blob + 40 + i * 8, (uint32_t)(reserved[i] >> 32));
        put32(blob + 44 + i * 8, (uint32_t)reserved[i]);
    }
    memcpy(blob + at, structs, structs_size);
    memcpy(blob + at + sizeof structs, strings, strings_size);
    if (!fdt_open(&f, blob, sizeof blob)) {
        fprintf(stderr, "plan_test: a tree of the test's own is refused\n");
        exit(1);
    }
    return f;
}

static void begin_reserved(void)
{
    begin("reserved-memory");
    cell("#address-cells", 2);
    cell("#size-cells", 2);
    prop("ranges", "", 0);
}

/* ---- what is looked at ---- */

#define MOST 64

static const char *name;
static unsigned failures;

static void want(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "plan_test: %s: %s\n", name, what);
    failures++;
}

struct list {
    struct cordon_mem m[MOST];
    uint32_t n;
};

/* All that a tree has as memory that is in use. */
static void memory_of(const struct fdt *f, struct list *l)
{
    struct fdt_node node = { 0, 0, 0 };

    l->n = 0;
    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_value v = fdt_property(f, node, "reg");

        if (!fdt_value_has(fdt_property(f, node, "device_type"), "memory") || fdt_property(f, node, "status").data != 0)
            continue;
        for (uint32_t i = 0; i < v.size / 16; i++)
            l->m[l->n++] = (struct cordon_mem){ fdt_cells(v, i * 4, 2), fdt_cells(v, i * 4 + 2, 2) };
    }
}

static uint64_t sum(const struct list *l)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < l->n; i++)
        bytes += l->m[i].size;
    return bytes;
}

/* Bytes of m that lie in the list. */
static uint64_t common(const struct list *l, struct cordon_mem m)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < l->n; i++) {
        uint64_t first = m.base > l->m[i].base ? m.base : l->m[i].base;
        uint64_t last = m.base + m.size < l->m[i].base + l->m[i].size ? m.base + m.size : l->m[i].base + l->m[i].size;

        bytes += last > first ? last - first : 0;
    }
    return bytes;
}

static bool is_hidden(uint64_t address)
{
    for (uint32_t i = 0; i < board.hiddens; i++) {
        if (address >= board.hidden[i].base && address - board.hidden[i].base < board.hidden[i].size)
            return true;
    }
    return false;
}

static bool is_ram(uint64_t address)
{
    for (uint32_t i = 0; i < board.rams; i++) {
        if (address >= board.ram[i].base && address - board.ram[i].base < board.ram[i].size)
            return true;
    }
    return false;
}

static struct fdt plan(struct fdt f, uint64_t size)
{
    memset(&board, 0, sizeof board);
    plan_read(&f);
    board_take(0x42000000, 32 * M);
    plan_image(IMAGE, IMAGE + 2 * M);
    plan_hide_the_rest();
    board.core[1] = (struct cordon_mem){ plan_allocate(size), size };
    plan_edit(&f);
    return f;
}

/* The whole of it, for a tree that can be run. */
static void check(const char *test, struct fdt f, uint64_t size)
{
    struct list before;
    struct list after;

    name = test;
    if (setjmp(refused) != 0) {
        want(false, reason);
        return;
    }
    memory_of(&f, &before);
    f = plan(f, size);
    want(fdt_open(&f, blob, sizeof blob), "the edited tree is refused");
    memory_of(&f, &after);
    want(board.lost == 0 && sum(&after) + board.core[0].size + board.core[1].size == sum(&before), "memory is lost");
    for (uint32_t i = 0; i < after.n; i++)
        want(common(&before, after.m[i]) == after.m[i].size, "the host has what was no memory");
    for (uint32_t i = 0; i < 2; i++) {
        struct list core = { .m = { board.core[i] }, .n = 1 };

        want(common(&after, board.core[i]) == 0, "the host is told of Cordon's memory");
        want(common(&before, board.core[i]) == board.core[i].size, "Cordon's memory is none");
        for (uint32_t k = 0; k < board.reserveds; k++)
            want(common(&core, board.reserved[k]) == 0, "Cordon's memory is reserved");
        for (uint32_t k = 0; k < board.devices; k++)
            want(common(&core, board.device[k]) == 0, "Cordon's memory must not be mapped");
    }
}

static void refuses(const char *test, struct fdt f, const char *why)
{
    name = test;
    if (setjmp(refused) != 0) {
        want(strstr(reason, why) != NULL, reason);
        return;
    }
    (void)plan(f, 6 * M);
    want(false, "it is not refused");
}

static void sizes(void)
{
    begin_tree();
    MEMORY(0x40000000, G);
    check("1 GiB", end_tree(), 6 * M);
    begin_tree();
    MEMORY(0x40000000, 64 * G);
    check("64 GiB", end_tree(), 270 * M);
    want(board.core[1].base == 0x40000000 + 64 * G - 270 * M, "it is not at the end");
    begin_tree();
    MEMORY(0x40000000, 1024 * G);
    check("1 TiB", end_tree(), 4300 * M);
    begin_tree();
    MEMORY(0x40000000, 2 * G, 0x880000000, 30 * G, 0x8800000000, 480 * G, 0x10000000000, 512 * G);
    check("1 TiB in four ranges", end_tree(), 4300 * M);
    begin_tree();
    MEMORY_WITH(NULL, 0, 0x40000000, G);
    MEMORY_WITH(NULL, 1, 0x80000000, G);
    MEMORY_WITH(NULL, 2, 0xc0000000, 2 * G);
    check("three nodes", end_tree(), 6 * M);
    begin_tree();
    MEMORY(0x20000000, G, 0x80000000, G);
    check("the image in the middle of a range", end_tree(), 6 * M);
    begin_tree();
    MEMORY(0x40000000, 512 * M + 0x1000);
    check("an odd size", end_tree(), 6 * M);
    begin_tree();
    MEMORY(0x40000000, G, 0xfffff000000, 32 * M);
    refuses("beyond 16 TiB", end_tree(), "beyond 16 TiB");
    begin_tree();
    MEMORY(0x50000000, G);
    refuses("no memory at the image", end_tree(), "no memory where I am");
    begin_tree();
    refuses("no memory", end_tree(), "has no memory");
    begin_tree();
    for (uint64_t i = 0; i < MAX_RAMS + 1; i++)
        MEMORY(0x40000000 + i * G, 512 * M);
    refuses("too many ranges", end_tree(), "more ranges of memory");
}

static void reserved_ranges(void)
{
    begin_tree();
    MEMORY(0x40000000, G);
    reserve(0x7fc00000, 4 * M);
    reserve(0x7e000000, 0x1800);
    check("/memreserve/ at the end", end_tree(), 6 * M);
    want(board.reserveds == 2 && board.core[1].base + 6 * M <= 0x7fc00000, "it was not read");
    want(board.core[0].base == 0x40000000, "the gap below the image is not Cordon's");
    want(is_hidden(0) && is_hidden(0x3ffff000) && !is_hidden(0x40000000), "what is nobody's is not hidden");
    begin_tree();
    MEMORY(0x40000000, G);
    reserve(0x40100000, 0x1000);
    check("/memreserve/ below the image", end_tree(), 6 * M);
    want(board.core[0].base == IMAGE, "what is reserved is Cordon's");
    begin_tree();
    MEMORY_WITH(NULL, 0, 0x40000000, G);
    MEMORY_WITH(NULL, 1, 0x80000000, G);
    begin_reserved();
    begin("fb@b0000000");
    REG(0xb0000000, 256 * M);
    end();
    begin("secure@bfe00000");
    REG(0xaf000000, 0x3000);
    prop("no-map", "", 0);
    end();
    begin("pool");
    prop("size", "\0\0\0\0\4\0\0\0", 8);
    prop("reusable", "", 0);
    end();
    begin("outside@9000000000");
    REG(0x9000000000, 4 * M);
    prop("no-map", "", 0);
    end();
    begin("gone@a0000000");
    REG(0xa0000000, M);
    text("status", "disabled");
    end();
    end();
    check("/reserved-memory", end_tree(), 6 * M);
    want(!is_ram(0xaf000000) && !is_ram(0xaf002fff) && is_ram(0xaeffffff) && is_ram(0xaf003000), "no-map is not cut out");
    want(!is_hidden(0xaf000000) && !is_hidden(0xaf002fff), "no-map is hidden from the host");
    want(is_hidden(0x9000000000), "what is no memory is not hidden");
    want(is_ram(0xb0000000) && is_ram(0xa0000000), "a reserved range is no memory");
    want(board.core[1].base == 0xb0000000 - 6 * M, "it is not in the highest place that is free");
}

/* The tree that the last check has left: what of /reserved-memory the host sees. */
static void reserved_nodes(void)
{
    struct fdt f;
    struct fdt_node parent;
    struct fdt_node node = { 0, 0, 0 };
    unsigned n = 0;

    want(fdt_open(&f, blob, sizeof blob) && fdt_child(&f, fdt_root(&f), "reserved-memory", &parent), "it has lost /reserved-memory");
    while (fdt_next_child(&f, parent, &node)) {
        n++;
        want(strcmp(fdt_name(&f, node), "outside@9000000000") != 0, "the host is told of what is hidden");
    }
    want(n == 4, "a node of /reserved-memory is lost");
}

static void status(void)
{
    struct list after;
    struct fdt f;

    begin_tree();
    MEMORY_WITH("okay", 0, 0x40000000, G);
    MEMORY_WITH("disabled", 0, 0x80000000, G);
    f = end_tree();
    name = "a disabled node";
    if (setjmp(refused) != 0) {
        want(false, reason);
        return;
    }
    f = plan(f, 6 * M);
    want(board.rams == 1 && board.core[1].base < 0x80000000, "its memory is used");
    want(is_hidden(0x80000000), "its memory is the host's");
    memory_of(&f, &after);
    want(after.n == 0, "the host is told of it");      /* the one that is okay has a status, and is not in the list */
}

/* ---- PCI ---- */

#define SMMU UINT64_C(0x9050000)
#define ECAM UINT64_C(0x4010000000)

static void smmu(uint64_t base, uint32_t phandle, bool coherent)
{
    begin("smmuv3@9050000");
    text("compatible", "arm,smmu-v3");
    REG(base, 0x20000);
    cell("phandle", phandle);
    if (coherent)
        prop("dma-coherent", "", 0);
    end();
}

/* What of a bridge a test wants otherwise; zero: as on QEMU's board. */
struct bus {
    uint64_t ecam;
    uint64_t window;            /* of 32-bit memory, 0x2eff0000 bytes */
    const uint32_t *map;
    size_t maps;                /* cells */
    uint32_t mask;
    const char *status;
    const uint32_t *msi;
    size_t msis;                /* cells */
};

static void begin_bridge(struct bus b)
{
    const uint64_t window = b.window != 0 ? b.window : 0x10000000;

    begin("pcie@10000000");
    text("compatible", "pci-host-ecam-generic");
    text("device_type", "pci");
    cell("#address-cells", 3);
    cell("#size-cells", 2);
    prop("dma-coherent", "", 0);
    REG(b.ecam != 0 ? b.ecam : ECAM, 0x10000000);
    CELLS("bus-range", 0, 255);
    CELLS("ranges", 0x1000000, 0, 0, 0, 0x3eff0000 + (b.ecam != 0 ? 0x100000 : 0), 0, 0x10000, 0x2000000, 0, 0x10000000,
          (uint32_t)(window >> 32), (uint32_t)window, 0, 0x2eff0000 - (b.ecam != 0 ? 0x2ef00000 : 0),
          0x3000000, 0x80, 0, 0x80 + (b.ecam != 0 ? 0x80 : 0), 0, 0x80, 0);
    CELLS("interrupt-map", 0, 0, 0, 1, 0x8002, 0, 0, 0, 3, 4);
    if (b.msis > 0)
        cells("msi-map", b.msi, b.msis);
    else
        CELLS("msi-map", 0, 0x8003, 0, 0x10000);
    cell("msi-parent", 0x8003);
    if (b.status != NULL)
        text("status", b.status);
}

static void bridge(struct bus b)
{
    begin_bridge(b);
    if (b.maps > 0)
        cells("iommu-map", b.map, b.maps);
    cell("iommu-map-mask", b.mask != 0 ? b.mask : 0xffff);
    end();
}

static const uint32_t whole[] = { 0, 0x8004, 0, 0x10000 };

static void begin_pci(void)
{
    begin_tree();
    own_bus = true;
    MEMORY(0x40000000, G);
}

static bool is_device(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < board.devices; i++) {
        if (board.device[i].base == base && board.device[i].size == size)
            return true;
    }
    return false;
}

/* The bridge's node that the last check has left: false, there is none. */
static bool bridge_left(struct fdt *f, struct fdt_node *node)
{
    return fdt_open(f, blob, sizeof blob) && fdt_child(f, fdt_root(f), "pcie", node);
}

static void pci_given(void)
{
    static const char *const gone[] = { "iommu-map", "iommu-map-mask", "msi-map", "msi-parent" };
    static const char *const left[] = { "compatible", "reg", "ranges", "interrupt-map", "bus-range", "dma-coherent" };
    struct fdt f;
    struct fdt_node node;

    begin_pci();
    bridge((struct bus){ .map = whole, .maps = 4 });
    smmu(SMMU, 0x8004, true);
    check("PCI behind an SMMU", end_tree(), 6 * M);
    want(board.pci.bridges == 1 && board.pci.smmus == 1 && board.pci.smmu[0].ranges == 1 && board.pci.smmu[0].base == SMMU &&
         board.pci.smmu[0].streams[0].first == 0 && board.pci.smmu[0].streams[0].count == 0x10000, "it is not read");
    want(board.pci.bridge[0].window[0].base == ECAM && board.pci.bridge[0].buses == 256, "its configuration space is not read");
    want(is_device(0x3eff0000, 0x10000) && is_device(0x10000000, 0x2eff0000) &&
         is_device(UINT64_C(0x8000000000), UINT64_C(0x8000000000)), "a window is not the host's");
    want(!is_device(ECAM, 0x10000000) && is_hidden(ECAM) && is_hidden(ECAM + 0xfffffff), "its configuration space is not hidden");
    want( !is_hidden(0x10000000) && is_hidden(SMMU) && is_hidden(SMMU + 0x10000), "what is hidden is another thing");
    want(bridge_left(&f, &node), "its node is gone");
    for (unsigned i = 0; i < sizeof gone / sizeof gone[0]; i++)
        want(fdt_property(&f, node, gone[i]).data == NULL, gone[i]);
    for (unsigned i = 0; i < sizeof left / sizeof left[0]; i++)
        want(fdt_property(&f, node, left[i]).data != NULL, left[i]);
    want(!fdt_child(&f, fdt_root(&f), "smmuv3", &node), "the host is told of the SMMU");
}

/* ---- the ITS ---- */

/* Whether the host is told of an ITS, by its node's name, and its bridge's devices of one. */
static bool told_of(const char *its)
{
    struct fdt f;
    struct fdt_node gic_node, node;

    return bridge_left(&f, &node) && fdt_child(&f, fdt_root(&f), "intc", &gic_node) && fdt_child(&f, gic_node, its, &node);
}

static bool maps_msis(void)
{
    struct fdt f;
    struct fdt_node node;

    return bridge_left(&f, &node) && fdt_property(&f, node, "msi-map").data != NULL && fdt_property(&f, node, "msi-parent").data == NULL;
}

static void with_its(const char *what, const struct its_node nodes[2], const uint32_t *msi, size_t n)
{
    itss = nodes;
    begin_pci();
    bridge((struct bus){ .map = whole, .maps = 4, .msi = msi, .msis = n });
    smmu(SMMU, 0x8004, true);
    check(what, end_tree(), 6 * M);
    itss = no_itss;
}

#define FIRST { 0x8080000, 0x20000, 0x8003, NULL }
#define SECOND { 0x8060000, 0x20000, 0x8007, NULL }

static void its_kept(void)
{
    static const struct its_node one[2] = { FIRST, SECOND };
    static const struct its_node late[2] = { { 0x8080000, 0x20000, 0x8003, "disabled" }, SECOND };
    static const uint32_t parts[] = { 0, 0x8003, 0x1000, 0x8000, 0x8000, 0x8003, 0x20000, 0x8000 };
    static const uint32_t second[] = { 0, 0x8007, 0, 0x10000 };

    with_its("an ITS", one, NULL, 0);
    want(board.pci.msis_to == 0x8003 && board.its == 0x8080000 && board.gicd == 0x8000000, "it is not found");
    want(board.pci.msis == 1 && board.pci.msi[0].first == 0 && board.pci.msi[0].count == 0x10000, "its devices are not read");
    want(told_of("its") && maps_msis(), "the host is not told");
    want(!told_of("other"), "the host is told of another ITS");
    want(is_hidden(0x8080000) && is_hidden(0x8090000) && is_hidden(0x8060000), "its registers are the host's");
    with_its("an ITS with two ranges", one, parts, 8);
    want(board.pci.msis == 2 && board.pci.msi[1].first == 0x20000 && board.pci.msi[1].count == 0x8000 && maps_msis(), "its devices are not read");
    with_its("an ITS that is out of use", late, second, 4);
    want(board.pci.msis_to == 0x8007 && board.its == 0x8060000 && told_of("other") && !told_of("its") && maps_msis(), "the other is not taken");
}

static void its_gone(void)
{
    static const struct its_node one[2] = { FIRST, SECOND };
    static const struct its_node nowhere[][2] = {
        { { 0x8080000, 0x20000, 0, NULL }, SECOND }, { { 0x8080000, 0x10000, 0x8003, NULL }, { 0, 0x20000, 0, NULL } },
        { { 0x8081000, 0x20000, 0x8003, NULL }, { 0, 0x20000, 0, NULL } }, { { 0x8080000, 0x20000, 0x8003, "disabled" }, { 0, 0x20000, 0, NULL } },
        { { UINT64_C(1) << 44, 0x20000, 0x8003, NULL }, { 0, 0x20000, 0, NULL } } };
    static const uint32_t bad[][8] = { { 0, 0x8007, 0, 0x10000 }, { 0, 0x8003, 0, 0x8000, 0x8000, 0x8007, 0x8000, 0x8000 }, { 0, 0x8003, 0, 0 },
                                       { 0, 0x8003, 0xff0000, 0x10001 }, { 0, 0x8003, 0xffffffff, 0xffffffff } };
    static const uint32_t many[] = { 0, 0x8003, 0, 1, 1, 0x8003, 1, 1, 2, 0x8003, 2, 1, 3, 0x8003, 3, 1, 4, 0x8003, 4, 1 };

    for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        with_its("an ITS that is none", nowhere[i], NULL, 0);
        want(board.pci.msis_to == 0 && !told_of("its") && !told_of("other") && !maps_msis(), "the host is told");
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        with_its("devices that go elsewhere", one, bad[i], i == 1 ? 8 : 4);
        want(board.pci.msis_to == 0 && !told_of("its") && !told_of("other") && !maps_msis(), "the host is told");
    }
    for (own_ranges = 1; own_ranges < 3; own_ranges++) {
        with_its("an ITS at other addresses", one, NULL, 0);
        want(board.pci.msis_to == 0 && !told_of("its") && !maps_msis(), "the host is told");
    }
    own_ranges = 0;
    with_its("half an entry", one, bad[1], 6);
    want(board.pci.msis_to == 0 && !told_of("its") && !maps_msis(), "the host is told");
    with_its("too many ranges", one, many, 20);
    want(board.pci.msis_to == 0 && !told_of("its") && !maps_msis(), "the host is told");
}

/* ---- a GICv2m frame ---- */

#define FRAME { 0x8020000, 0x1000, 0x8003, NULL }

static void frame_kept(void)
{
    static const struct its_node one[2] = { { 0x8080000, 0x20000, 0x8007, NULL }, { 0, 0x20000, 0, NULL } };

    frame = (struct its_node)FRAME;
    with_its("a GICv2m frame", no_itss, NULL, 0);
    want(board.pci.msis_to == 0x8003 && board.frame == 0x8020000 && board.its == 0, "it is not found");
    want(told_of("v2m") && maps_msis() && !told_of("its"), "the host is not told");
    want(is_device(0x8020000, 0x1000) && !is_hidden(0x8020000) && is_hidden(0x8021000), "the host has it not, or more than it");
    frame.phandle = 0x8009;
    with_its("a GICv2m frame beside an ITS", one, (uint32_t[]){ 0, 0x8007, 0, 0x10000 }, 4);
    want(board.pci.msis_to == 0x8007 && board.its == 0x8080000 && board.frame == 0, "the ITS is not taken");
    want(told_of("its") && !told_of("v2m") && is_hidden(0x8020000), "the host has both");
    frame.size = 0;
}

static void frame_gone(void)
{
    static const struct its_node bad[] = { { 0x8020000, 0x800, 0x8003, NULL }, { 0x8020800, 0x1000, 0x8003, NULL }, { 0x8020000, 0x1000, 0, NULL },
                                           { 0x8020000, 0x1000, 0x8003, "disabled" }, { UINT64_C(1) << 44, 0x1000, 0x8003, NULL },
                                           { 0x8020000, 0x1000, 0x8007, NULL } };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        frame = bad[i];
        with_its("a GICv2m frame that is none, or of others", no_itss, NULL, 0);
        want(board.pci.msis_to == 0 && board.frame == 0 && !told_of("v2m") && !maps_msis() && is_hidden(0x8020000), "the host has it");
    }
    frame = (struct its_node)FRAME;
    own_ranges = 2;
    with_its("a GICv2m frame at other addresses", no_itss, NULL, 0);
    want(board.frame == 0 && !told_of("v2m") && is_hidden(0x8020000), "the host has it");
    own_ranges = 0;
    begin_pci();
    bridge((struct bus){ 0 });
    check("a GICv2m frame without an SMMU", end_tree(), 6 * M);
    want(board.frame == 0 && !told_of("v2m") && is_hidden(0x8020000), "the host has it");
    frame.size = 0;
}

static void pci_hidden(void)
{
    struct fdt f;
    struct fdt_node node;

    begin_pci();
    bridge((struct bus){ 0 });
    check("PCI without an SMMU", end_tree(), 6 * M);
    want(board.pci.bridges == 0 && is_hidden(ECAM) && is_hidden(0x10000000) && !bridge_left(&f, &node), "the host has it");
    begin_pci();
    bridge((struct bus){ .map = whole, .maps = 4, .status = "disabled" });
    smmu(SMMU, 0x8004, true);
    check("PCI that is out of use", end_tree(), 6 * M);
    want(board.pci.bridges == 0 && is_hidden(ECAM) && !bridge_left(&f, &node), "the host has it");
    want(board.pci.smmu[0].ranges == 0, "its SMMU is used");
}

/* A requester ID of a bridge is that stream; SMMU 0: it is none of its own. */
static void pci_stream(uint32_t number, uint32_t id, uint64_t smmu_base, uint32_t wanted)
{
    uint64_t base = 0;
    uint32_t stream = 0;
    bool has = plan_pci_stream(&board.pci, &board.pci.bridge[number], id, &base, &stream);

    want(has == (smmu_base != 0) && (!has || (base == smmu_base && stream == wanted)), "a stream is another");
}

static void pci_two(void)
{
    static const uint32_t split[] = { 0, 0x8004, 0x10000, 0x8000, 0x8000, 0x8005, 0, 0x8000 };

    begin_pci();
    smmu(SMMU, 0x8004, true);
    smmu(0x9070000, 0x8005, true);
    bridge((struct bus){ .map = whole, .maps = 4 });
    bridge((struct bus){ .ecam = 0x5000000000, .window = 0x3f000000, .map = split, .maps = 8 });
    check("two bridges and two SMMUs", end_tree(), 6 * M);
    want(board.pci.bridges == 2 && board.pci.smmu[0].ranges == 2 && board.pci.smmu[1].ranges == 1, "they are not read");
    want(board.pci.smmu[0].streams[1].first == 0x10000 && board.pci.smmu[0].streams[1].count == 0x8000, "streams are not read");
    pci_stream(0, 0x1234, SMMU, 0x1234);
    pci_stream(0, 0xffff, SMMU, 0xffff);
    pci_stream(1, 0x7fff, SMMU, 0x17fff);
    pci_stream(1, 0x8001, 0x9070000, 1);
    pci_stream(0, 0x10000, 0, 0);
    want(!board.pci.bridge[1].memory[0] && !board.pci.bridge[1].memory[1] && board.pci.bridge[1].memory[2] && board.pci.bridge[1].memory[3] &&
         board.pci.bridge[1].address[2] == 0x10000000 && board.pci.bridge[1].window[2].base == 0x3f000000 &&
         board.pci.bridge[1].address[3] == UINT64_C(0x8000000000), "where the bus has its windows is not read");
    begin_pci();
    smmu(SMMU, 0x8004, true);
    bridge((struct bus){ .map = whole, .maps = 4 });
    bridge((struct bus){ .ecam = 0x5000000000, .window = 0x6000000800, .map = whole, .maps = 4 });
    check("two bridges with the same streams", end_tree(), 6 * M);
    pci_stream(0, 8, 0, 0);
    pci_stream(1, 8, 0, 0);
    want(board.pci.bridge[1].address[2] == 0xffff800 && board.pci.bridge[1].window[2].base == UINT64_C(0x6000000000), "a window that is no page");
    begin_pci();
    smmu(SMMU, 0x8004, true);
    bridge((struct bus){ .map = whole, .maps = 4, .mask = 0xff00 });
    check("several requester IDs a stream", end_tree(), 6 * M);
    pci_stream(0, 0x100, 0, 0);
}

static void pci_map_refused(const char *test, const uint32_t *map, size_t maps, const char *why)
{
    begin_pci();
    smmu(SMMU, 0x8004, true);
    bridge((struct bus){ .map = map, .maps = maps });
    refuses(test, end_tree(), why);
}

static void pci_window_refused(const char *test, struct bus b)
{
    b.map = whole;
    b.maps = 4;
    begin_pci();
    smmu(SMMU, 0x8004, true);
    begin("fw-cfg@9020000");
    REG(0x9020000, 0x18);
    end();
    bridge(b);
    refuses(test, end_tree(), "over something else");
}

static void pci_refused(void)
{
    static const uint32_t half[] = { 0, 0x8004, 0, 0x8000 };
    static const uint32_t hole[] = { 0, 0x8004, 0, 0x8000, 0x8100, 0x8004, 0x8100, 0x8000 };
    static const uint32_t late[] = { 0x100, 0x8004, 0x100, 0xff00 };
    static const uint32_t other[] = { 0, 0x9999, 0, 0x10000 };
    static const uint32_t odd[] = { 0, 0x8004, 0x80, 0x10000 };

    pci_map_refused("a bus that goes past", NULL, 0, "default-bus-bypass-iommu");
    pci_map_refused("half a bus", half, 4, "default-bus-bypass-iommu");
    pci_map_refused("a bus with a hole", hole, 8, "default-bus-bypass-iommu");
    pci_map_refused("a bus without its first devices", late, 4, "default-bus-bypass-iommu");
    pci_map_refused("another IOMMU", other, 4, "an IOMMU that I do not know");
    pci_map_refused("streams at odd numbers", odd, 4, "iommu-map that I cannot use");
    begin_pci();
    smmu(SMMU, 0x8004, true);
    bridge((struct bus){ .map = whole, .maps = 4 });
    bridge((struct bus){ .ecam = 0x5000000000, .window = 0x3f000000 });
    refuses("a second bridge that goes past", end_tree(), "default-bus-bypass-iommu");
    begin_pci();
    smmu(SMMU, 0x8004, false);
    bridge((struct bus){ .map = whole, .maps = 4 });
    refuses("an SMMU that is not coherent", end_tree(), "dma-coherent");
    pci_window_refused("a window over memory", (struct bus){ .window = 0x7ff00000 });
    pci_window_refused("a window that ends in memory", (struct bus){ .window = 0x11010000 + 0x1000 });
    pci_window_refused("configuration space over memory", (struct bus){ .ecam = 0x40000000, .window = 0x3f000000 });
    pci_window_refused("a window over the distributor", (struct bus){ .ecam = 0x5000000000, .window = 0x7f90000 });
    pci_window_refused("a window over redistributors", (struct bus){ .ecam = 0x5000000000, .window = 0x8fe0000 });
    pci_window_refused("a window over the ITS", (struct bus){ .ecam = 0x5000000000, .window = 0x100010000 });
    pci_window_refused("a window over the SMMU", (struct bus){ .ecam = 0x5000000000, .window = 0x9060000 });
    pci_window_refused("a window on the page of a hidden device", (struct bus){ .ecam = 0x5000000000, .window = 0x9020100 });
    pci_window_refused("a window over its own", (struct bus){ .ecam = 0x5000000000, .window = 0x3f0f0000 });
}

/* ---- seeds ---- */

static struct fdt tree_with_seeds(const uint8_t *rng, size_t rng_size, const uint8_t *kaslr, size_t kaslr_size)
{
    begin_tree();
    begin("chosen");
    text("bootargs", "quiet");
    if (rng != NULL)
        prop("rng-seed", rng, rng_size);
    if (kaslr != NULL)
        prop("kaslr-seed", kaslr, kaslr_size);
    end();
    return end_tree();
}

/* The key that comes of a tree's seeds, and how many bytes they were worth. */
static struct generator key_of(const uint8_t *rng, size_t rng_size, const uint8_t *kaslr, size_t kaslr_size, uint32_t worth)
{
    struct fdt f = tree_with_seeds(rng, rng_size, kaslr, kaslr_size);
    struct generator g = { { 0 } };

    want(seed_take(&f, &g) == worth, "seeds are worth something else");
    return g;
}

static bool same(struct generator a, struct generator b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Each byte of a seed is one of the key's; zeros are worth nothing. */
static void seeds_taken(void)
{
    static const uint8_t zeros[64];
    uint8_t rng[64], kaslr[8];
    struct generator g;
    struct fdt f;

    name = "seeds";
    for (unsigned i = 0; i < 64; i++)
        rng[i] = kaslr[i % 8] = (uint8_t)(i * 37 + 11);
    g = key_of(rng, 64, kaslr, 8, 72);
    for (unsigned i = 0; i < 72; i++) {
        uint8_t *at = i < 64 ? &rng[i] : &kaslr[i - 64];

        *at ^= 0x10;
        want(!same(g, key_of(rng, 64, kaslr, 8, 72)), "a byte of a seed does not count");
        *at ^= 0x10;
    }
    want(same(g, key_of(rng, 64, kaslr, 8, 72)), "one tree gives two keys");
    (void)key_of(NULL, 0, NULL, 0, 0);
    (void)key_of(zeros, 64, kaslr, 8, 8);
    (void)key_of(zeros, 64, zeros, 8, 0);
    (void)key_of(rng, 5, NULL, 0, 5);
    begin_tree();
    f = end_tree();
    want(seed_take(&f, &g) == 0, "seeds without a place for them");
}

/* The host's are others, drawn after everything was mixed in; the tree is a tree, and no longer. */
static void seeds_replaced(void)
{
    static const size_t size[] = { 1, 8, 31, 32, 33, 64 };

    name = "the host's seeds";
    for (unsigned i = 0; i < sizeof size / sizeof size[0]; i++) {
        uint8_t old[64];
        struct generator g = { { i } };
        struct fdt f;
        struct fdt_node chosen;
        struct fdt_value rng, kaslr;
        unsigned kept = 0;

        memset(old, 0x5a, sizeof old);
        f = tree_with_seeds(old, size[i], old, 8);
        seed_replace(&f, &g);
        want(fdt_open(&f, blob, sizeof blob) && fdt_child(&f, fdt_root(&f), "chosen", &chosen), "the tree is none");
        rng = fdt_property(&f, chosen, "rng-seed");
        kaslr = fdt_property(&f, chosen, "kaslr-seed");
        want(rng.size == size[i] && kaslr.size == 8, "a seed has another length");
        for (unsigned k = 0; k < rng.size; k++)
            kept += rng.data[k] == 0x5a;
        for (unsigned k = 0; k < 8; k++)
            kept += kaslr.data[k] == 0x5a;
        want(kept <= 1 + size[i] / 8, "the host has the loader's seed");
        want(size[i] < 8 || memcmp(rng.data, kaslr.data, 8) != 0, "two seeds are one");
        want(fdt_value_has(fdt_property(&f, chosen, "bootargs"), "quiet"), "something else has changed");
    }
}

/* ---- the root of trust ---- */

#define HANDED UINT64_C(0x41f00000)

static struct fdt tree_with_hand_overs(unsigned n, uint64_t base, uint64_t size)
{
    begin_tree();
    MEMORY(0x40000000, 1 * G);
    begin_reserved();
    for (unsigned i = 0; i < n; i++) {
        begin(i == 0 ? "dice@41f00000" : "dice@41e00000");
        text("compatible", "google,open-dice");
        prop("no-map", "", 0);
        REG(base - i * M, size);
        end();
    }
    begin("other@41000000");
    REG(0x41000000, 0x1000);
    end();
    end();
    return end_tree();
}

/* Its node is gone from the tree, and its memory the host's like any other. */
static void root_found(void)
{
    struct fdt f = tree_with_hand_overs(1, HANDED, 0x1000);
    struct cordon_mem where = { 0, 0 };
    struct fdt_node parent;
    struct fdt_node node;

    name = "a hand-over";
    want(root_find(&f, &where) && where.base == HANDED && where.size == 0x1000, "it is not found");
    want(fdt_open(&f, blob, sizeof blob) && fdt_child(&f, fdt_root(&f), "reserved-memory", &parent), "the tree is none");
    want(!fdt_child(&f, parent, "dice", &node) && fdt_child(&f, parent, "other", &node), "another node is gone, or none");
    want(!root_find(&f, &where), "it is found twice");
    f = plan(f, 4 * M);
    want(is_ram(HANDED) && !is_hidden(HANDED), "its memory is nobody's");
    f = tree_with_hand_overs(0, 0, 0);
    want(!root_find(&f, &where), "it is found where there is none");
}

static void root_refused(unsigned n, uint64_t base, uint64_t size)
{
    struct fdt f = tree_with_hand_overs(n, base, size);
    struct cordon_mem where;

    reason = NULL;
    if (setjmp(refused) == 0)
        (void)root_find(&f, &where);
    want(reason != NULL, "a hand-over that cannot be told is taken");
}

static uint64_t hand_over(uint8_t *to, const void *chain, uint64_t chain_size)
{
    static const uint8_t first[] = { 0xa3, 1, 0x58, 32 }, second[] = { 2, 0x58, 32 };

    memcpy(to, first, 4);
    memset(to + 4, 0x11, 32);
    memcpy(to + 36, second, 3);
    memset(to + 39, 0x22, 32);
    to[71] = 3;
    memcpy(to + 72, chain, chain_size);
    return 72 + chain_size;
}

static bool is_empty(const struct root *r)
{
    for (size_t i = 0; i < sizeof *r; i++) {
        if (((const uint8_t *)r)[i] != 0)
            return false;
    }
    return true;
}

/* All kinds of items: [{1: -2, "ab": h'010203'}, tag 18 [h'', 2^40], false], and bytes behind it that are not its own. */
static const uint8_t some_chain[] = { 0x83, 0xa2, 0x01, 0x21, 0x62, 'a', 'b', 0x43, 1, 2, 3, 0xd2, 0x82, 0x40, 0x1b, 0, 0, 1, 0, 0, 0, 0, 0, 0xf4 };

/* Cut off at each byte, with nothing behind it that could be read by mistake. */
static void root_cut_off(const void *chain, uint64_t chain_size)
{
    uint8_t data[256];
    uint64_t size = hand_over(data, chain, chain_size);
    struct root r;

    for (uint64_t i = 0; i <= size; i++) {
        uint8_t *copy = malloc(i + (i == 0));

        memcpy(copy, data, i);
        want(root_take(&r, copy, i) == (i == size) && (i == size || is_empty(&r)), "one that is cut off is taken, or leaves something");
        free(copy);
    }
}

static void root_taken(void)
{
    static uint8_t data[8192];
    struct root r;
    uint64_t size = hand_over(data, some_chain, sizeof some_chain);

    name = "a hand-over's bytes";
    want(root_take(&r, data, sizeof data) && r.chain_size == sizeof some_chain && memcmp(r.chain, some_chain, sizeof some_chain) == 0, "the chain is another");
    want(r.attest[0] == 0x11 && r.attest[31] == 0x11 && r.seal[0] == 0x22 && r.seal[31] == 0x22, "the secrets are others");
    root_cut_off(some_chain, sizeof some_chain);
    root_cut_off("\x44\1\2\3\4", 5);
    root_cut_off("\x1b\0\0\0\0\0\0\0\1", 9);
    want(root_take(&r, data, size), "one that ends where the memory ends is not taken");
    for (unsigned i = 0; i < 4; i++) {
        static const unsigned at[] = { 0, 1, 37, 71 };

        data[at[i]] ^= 1;
        want(!root_take(&r, data, size) && is_empty(&r), "one of another shape is taken, or leaves something");
        data[at[i]] ^= 1;
    }
    memcpy(data + 72, "\x9f\x01\xff", 3);
    want(!root_take(&r, data, sizeof data), "an array without a length is taken");
    memcpy(data + 72, "\x59\x07\xfd", 3);
    want(root_take(&r, data, sizeof data) && r.chain_size == ROOT_CHAIN_MOST, "the largest chain is not taken");
    memcpy(data + 72, "\x59\x07\xfe", 3);
    want(!root_take(&r, data, sizeof data) && is_empty(&r), "a chain that is too large is taken");
    memcpy(data + 72, "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9);
    want(!root_take(&r, data, sizeof data), "an array beyond all memory is taken");
    size = hand_over(data, some_chain, sizeof some_chain);
    want(root_take(&root, data, size), "it is not taken");
    root_forget();
    want(is_empty(&root), "it is not forgotten");
}

int main(void)
{
    sizes();
    reserved_ranges();
    reserved_nodes();
    status();
    pci_given();
    its_kept();
    its_gone();
    frame_kept();
    frame_gone();
    pci_hidden();
    pci_two();
    pci_refused();
    seeds_taken();
    seeds_replaced();
    root_found();
    name = "hand-overs that are refused";
    root_refused(2, HANDED, 0x1000);
    root_refused(1, HANDED, 0);
    root_refused(1, HANDED, ROOT_RANGE_MOST + 0x1000);
    root_refused(1, UINT64_MAX - 0xfff, 0x1000);
    root_taken();
    printf("plan_test: %u failures\n", failures);
    return failures == 0 ? 0 : 1;
}
