/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns which memory, as rows of cells: the model that the terminal picture and the SVG draw.
 *
 * Every cell stands for the same power of two of frames, aligned to it. Rows that are all of one kind and follow one
 * another fold into one, so that large RAM keeps a fine scale as long as few rows differ.
 */
#ifndef CORDON_TOOL_PICTURE_H
#define CORDON_TOOL_PICTURE_H

#include "layout.h"
#include "sim.h"

#define PICTURE_COLUMNS 256     /* cells of a row, at most */
#define PICTURE_OWNERS 257      /* the host, VM ids, and the core */
#define PICTURE_CORE 256u

/* What a cell shows. Of the host, shared means that a device maps the frame; of a VM, that the host may. */
struct picture_kind {
    enum { KIND_NO_RAM, KIND_FRAMES, KIND_MIXED } type;
    uint32_t owner;             /* 0 the host, a VM, or PICTURE_CORE */
    bool shared;
};

struct picture_run {
    uint64_t pfn, n;
    struct picture_kind kind;
};

struct picture {
    const struct layout *layout;
    struct picture_run *runs;           /* ascending, maximal, all frames but the host's unshared ones */
    size_t count, room;
    bool out_of_memory;
    bool exists[PICTURE_OWNERS];
    uint64_t frames[PICTURE_OWNERS];    /* owned, the shared ones included */
    uint64_t shared[PICTURE_OWNERS];
    bool mixed;                         /* a cell of the chosen scale is */
    unsigned columns;                   /* cells of a row: a power of two */
    unsigned shift;                     /* frames of a cell: 2^shift */
};

struct picture_row {
    uint64_t pfn;                       /* of the first cell */
    uint64_t same;                      /* rows that follow and look just like it */
    struct picture_kind cell[PICTURE_COLUMNS];
};

/* Takes the picture of a machine. false: out of memory. */
bool picture_take(struct picture *p, struct sim *s, const struct layout *y);
void picture_free(struct picture *p);

/* Chooses the finest scale that fits about `rows` rows of `columns` (a power of two) cells. */
void picture_scale(struct picture *p, unsigned columns, unsigned rows);

/* The rows of one RAM region, ascending. */
void picture_rows(const struct picture *p, uint32_t region, void (*each)(const struct picture_row *row, void *arg),
                  void *arg);

bool picture_same(struct picture_kind a, struct picture_kind b);

/* "4 KiB", "2 MiB", "1.25 GiB" */
#define PICTURE_TEXT 32
const char *picture_size(char text[PICTURE_TEXT], uint64_t frames);
/* "host", "core", "VM 7" */
const char *picture_owner(char text[PICTURE_TEXT], uint32_t owner);

#endif
