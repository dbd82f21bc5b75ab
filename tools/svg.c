/* SPDX-License-Identifier: Apache-2.0 */
#include "svg.h"

#include <inttypes.h>

#define COLUMNS 64
#define ROWS 40
#define CELL_W 12
#define CELL_H 18
#define LEFT 132            /* where the cells begin: the addresses stand before them */
#define MARGIN 24
#define WIDTH (LEFT + COLUMNS * CELL_W + MARGIN)
#define FOLD_H 20           /* the line that stands for folded rows */
#define LEGEND_H 24

/* For VMs in turn; told apart by people who see few colours, and white text is legible on each. */
static const char *const hues[] = {
    "#0065a3", "#b84e00", "#007d5c", "#a8467f", "#6b4fc0", "#7a6400", "#2f7d9c", "#96483a",
};
#define HUES (sizeof hues / sizeof hues[0])

struct canvas {
    FILE *out;              /* NULL: only measure */
    const struct picture *p;
    unsigned hue[PICTURE_OWNERS];
    unsigned y;             /* top of what comes next */
};

/* ---- parts ---- */

static void escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '<' || byte == '>' || byte == '&' || byte == '"')
            fprintf(out, "&#%u;", byte);
        else
            putc(byte >= 0x20 && byte < 0x7f ? byte : '?', out);
    }
}

static void fill(const struct canvas *v, struct picture_kind k)
{
    if (k.type == KIND_MIXED)
        fputs("url(#mixed)", v->out);
    else if (k.owner == PICTURE_CORE)
        fputs("#2e3440", v->out);
    else if (k.owner == 0)
        fputs(k.shared ? "url(#device)" : "#dde3ea", v->out);
    else if (k.shared)
        fprintf(v->out, "url(#shared%u)", v->hue[k.owner]);
    else
        fputs(hues[v->hue[k.owner]], v->out);
}

static void describe(const struct canvas *v, struct picture_kind k)
{
    char name[PICTURE_TEXT];

    if (k.type == KIND_MIXED)
        fputs("more than one kind in the cell", v->out);
    else
        fputs(picture_owner(name, k.owner), v->out);
    if (k.type == KIND_FRAMES && k.shared)
        fputs(k.owner == 0 ? ", a device maps it" : ", shared with the host", v->out);
    else if (k.type == KIND_FRAMES && k.owner != 0 && k.owner != PICTURE_CORE)
        fputs(", private", v->out);
}

/* Cells from..to-1 of a row, all of one kind. */
static void cells(const struct canvas *v, const struct picture_row *row, unsigned from, unsigned to)
{
    struct picture_kind k = row->cell[from];
    uint64_t first = (row->pfn + ((uint64_t)from << v->p->shift)) * CORDON_PAGE_SIZE;
    uint64_t last = (row->pfn + ((uint64_t)to << v->p->shift)) * CORDON_PAGE_SIZE - 1;
    unsigned x = LEFT + from * CELL_W, width = (to - from) * CELL_W;
    char name[PICTURE_TEXT];

    fprintf(v->out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"", x, v->y, width, CELL_H - 2);
    fill(v, k);
    fprintf(v->out, "\"><title>0x%" PRIx64 " .. 0x%" PRIx64 ": ", first, last);
    describe(v, k);
    fprintf(v->out, "</title></rect>\n<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"url(#grid)\" "
            "pointer-events=\"none\"/>\n", x, v->y, width, CELL_H - 2);
    if (k.type == KIND_FRAMES && k.owner != 0 && !k.shared && to - from >= 6)
        fprintf(v->out, "<text class=\"on\" pointer-events=\"none\" x=\"%u\" y=\"%u\">%s</text>\n",
                x + width / 2, v->y + CELL_H - 6, picture_owner(name, k.owner));
}

static void draw_row(const struct canvas *v, const struct picture_row *row, uint64_t pfn)
{
    fprintf(v->out, "<text class=\"addr\" x=\"%u\" y=\"%u\">0x%" PRIx64 "</text>\n", LEFT - 10, v->y + CELL_H - 5,
            pfn * CORDON_PAGE_SIZE);
    for (unsigned i = 0, end; i < COLUMNS; i = end) {
        for (end = i + 1; end < COLUMNS && picture_same(row->cell[i], row->cell[end]); end++)
            ;
        if (row->cell[i].type != KIND_NO_RAM)
            cells(v, row, i, end);
    }
}

static void row(const struct picture_row *row, void *arg)
{
    struct canvas *v = arg;
    uint64_t frames = (uint64_t)COLUMNS << v->p->shift;
    char size[PICTURE_TEXT];

    for (uint64_t i = 0; i < (row->same == 1 ? 2 : 1); i++) {
        if (v->out)
            draw_row(v, row, row->pfn + i * frames);
        v->y += CELL_H;
    }
    if (row->same <= 1)
        return;
    if (v->out)
        fprintf(v->out, "<text class=\"fold\" x=\"%u\" y=\"%u\">&#8942; %" PRIu64 " more rows like this, %s</text>\n",
                LEFT, v->y + 12, row->same, picture_size(size, row->same * frames));
    v->y += FOLD_H;
}

static void region(struct canvas *v, uint32_t i)
{
    const struct cordon_mem *ram = &v->p->layout->ram.range[i];
    char size[PICTURE_TEXT];

    v->y += 34;
    if (v->out)
        fprintf(v->out, "<text class=\"head\" x=\"%u\" y=\"%u\">RAM 0x%" PRIx64 " .. 0x%" PRIx64 ", %s</text>\n",
                MARGIN, v->y - 10, ram->base, ram->base + ram->size - 1,
                picture_size(size, ram->size / CORDON_PAGE_SIZE));
    picture_rows(v->p, i, row, v);
}

/* ---- legend ---- */

static void legend_line(struct canvas *v, struct picture_kind k, uint64_t frames)
{
    char size[PICTURE_TEXT];

    if (v->out) {
        fprintf(v->out, "<rect x=\"%u\" y=\"%u\" width=\"36\" height=\"16\" fill=\"", MARGIN, v->y);
        fill(v, k);
        fprintf(v->out, "\"/>\n<text x=\"%u\" y=\"%u\">", MARGIN + 48, v->y + 13);
        describe(v, k);
        if (k.type == KIND_FRAMES)
            fprintf(v->out, "</text>\n<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%" PRIu64 " %s</text>\n"
                    "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s", MARGIN + 400, v->y + 13, frames,
                    frames == 1 ? "frame" : "frames", MARGIN + 500, v->y + 13, picture_size(size, frames));
        fputs("</text>\n", v->out);
    }
    v->y += LEGEND_H;
}

static void legend(struct canvas *v)
{
    const struct picture *p = v->p;

    v->y += 24;
    for (unsigned n = 0; n < PICTURE_OWNERS; n++) {
        uint32_t owner = n == 0 ? 0 : n == 1 ? PICTURE_CORE : n - 1;    /* the host, the core, then the VMs */
        struct picture_kind k = { .type = KIND_FRAMES, .owner = owner };

        if (owner != 0 && p->frames[owner] == 0)
            continue;
        legend_line(v, k, p->frames[owner] - p->shared[owner]);
        k.shared = true;
        if (p->shared[owner] > 0)
            legend_line(v, k, p->shared[owner]);
    }
    if (p->mixed)
        legend_line(v, (struct picture_kind){ .type = KIND_MIXED }, 0);
}

/* ---- the document ---- */

static void patterns(FILE *out)
{
    fputs("<defs>\n"
          "<pattern id=\"grid\" width=\"12\" height=\"18\" x=\"132\" patternUnits=\"userSpaceOnUse\">"
          "<path d=\"M12 0V18\" stroke=\"#fff\" stroke-opacity=\".35\" stroke-width=\"1\"/></pattern>\n"
          "<pattern id=\"mixed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"6\" height=\"6\" fill=\"#fff\"/>"
          "<path d=\"M0 0h3v3h-3zM3 3h3v3h-3z\" fill=\"#555\"/></pattern>\n"
          "<pattern id=\"device\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"6\" height=\"6\" fill=\"#dde3ea\"/><path d=\"M0 3H6\" stroke=\"#444\"/></pattern>\n", out);
    for (unsigned i = 0; i < HUES; i++)
        fprintf(out, "<pattern id=\"shared%u\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#fff\"/>"
                "<rect width=\"3.4\" height=\"6\" fill=\"%s\"/></pattern>\n", i, hues[i]);
    fputs("</defs>\n", out);
}

static void head(FILE *out, unsigned height, const char *name)
{
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" role=\"img\" "
            "font-family=\"'DejaVu Sans', Verdana, sans-serif\" font-size=\"13\" fill=\"#1c2128\">\n"
            "<title>Who owns which memory after ",
            WIDTH, height, WIDTH, height);
    escaped(out, name);
    fputs("</title>\n<style>.addr{font-family:'DejaVu Sans Mono',monospace;font-size:12px;text-anchor:end}"
          ".on{fill:#fff;font-size:11px;text-anchor:middle}.fold{fill:#57606a;font-size:12px}"
          ".head{font-weight:bold}.name{font-size:18px;font-weight:bold}</style>\n", out);
    patterns(out);
    fprintf(out, "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n", WIDTH, height);
}

/* Draws, or with no stream only moves v->y to the end. */
static void body(struct canvas *v, const char *name)
{
    const struct picture *p = v->p;
    char cell[PICTURE_TEXT], row[PICTURE_TEXT];

    v->y = 62;
    if (v->out) {
        fprintf(v->out, "<text class=\"name\" x=\"%u\" y=\"36\">Who owns which memory after ", MARGIN);
        escaped(v->out, name);
        fprintf(v->out, "</text>\n<text x=\"%u\" y=\"60\">A cell is %" PRIu64 " %s (%s), a row %s. "
                "Hatched: the VM shares it with the host.</text>\n",
                MARGIN, UINT64_C(1) << p->shift, p->shift == 0 ? "frame" : "frames",
                picture_size(cell, UINT64_C(1) << p->shift), picture_size(row, (uint64_t)COLUMNS << p->shift));
    }
    for (uint32_t i = 0; i < p->layout->ram.count; i++)
        region(v, i);
    legend(v);
    v->y += MARGIN - 4;
}

void svg_write(FILE *out, struct picture *p, const char *name)
{
    struct canvas v = { .p = p };
    unsigned n = 0;

    picture_scale(p, COLUMNS, ROWS);
    for (uint32_t id = 1; id < PICTURE_CORE; id++) {
        if (p->frames[id] > 0)
            v.hue[id] = n++ % HUES;
    }
    body(&v, name);
    head(out, v.y, name);
    v.out = out;
    body(&v, name);
    fputs("</svg>\n", out);
}
