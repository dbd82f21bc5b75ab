/* SPDX-License-Identifier: Apache-2.0 */
/* `cordon map`: who owns which memory after a trace, in the terminal. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "picture.h"
#include "run.h"
#include "svg.h"
#include "terminal.h"

static const char help[] =
    "usage: cordon map [--svg OUT] FILE\n"
    "\n"
    "Runs the trace in FILE ('-': standard input) and draws who owns which memory at its\n"
    "end. Each cell stands for the same number of frames, a power of two that the picture\n"
    "names; a cell with more than one kind of frame is shown as mixed. Rows of one kind that\n"
    "repeat are folded. VMs are letters: small for private memory, capital for memory that\n"
    "the VM shares with the host.\n"
    "\n"
    "  --svg OUT   write the picture as SVG to OUT as well ('-': standard output, alone)\n"
    "\n"
    "The picture is as wide as the terminal, or 80 columns. Colours are used on a terminal\n"
    "unless NO_COLOR is set.\n"
    "\n"
    "Exit status: 0 done, 1 an invariant failed, 2 a wrong command line, a malformed trace,\n"
    "or a file that cannot be read or written.\n";

#define ROWS 24
#define INDENT 2
#define LETTERS 26

struct drawing {
    const struct picture *p;
    bool colour;
    int address_width;
    char letter[PICTURE_OWNERS];    /* of VMs that own memory; '@' for those after the 26th */
    unsigned hue[PICTURE_OWNERS];
};

/* Background colours for VMs; black text is legible on each. */
static const char *const hues[] = { "42", "46", "43", "45", "44;97", "41;97" };

static const char *style(const struct drawing *d, struct picture_kind k)
{
    static char text[32];

    if (k.type == KIND_NO_RAM)
        return "";
    if (k.type == KIND_MIXED)
        return "1;7";
    if (k.owner == PICTURE_CORE)
        return "100;97";
    if (k.owner == 0)
        return k.shared ? "1" : "2";
    snprintf(text, sizeof text, "%s30;%s", k.shared ? "4;" : "", hues[d->hue[k.owner]]);
    return text;
}

static char glyph(const struct drawing *d, struct picture_kind k)
{
    char letter;

    if (k.type == KIND_NO_RAM)
        return ' ';
    if (k.type == KIND_MIXED)
        return '*';
    if (k.owner == PICTURE_CORE)
        return '#';
    if (k.owner == 0)
        return k.shared ? '!' : '.';
    letter = d->letter[k.owner];
    if (letter == '@')
        return k.shared ? '&' : '@';
    return k.shared ? (char)(letter - 'a' + 'A') : letter;
}

static void paint(const struct drawing *d, struct picture_kind k, unsigned n)
{
    const char *sgr = d->colour ? style(d, k) : "";

    if (*sgr)
        printf("\033[%sm", sgr);
    while (n-- > 0)
        putchar(glyph(d, k));
    if (*sgr)
        fputs("\033[0m", stdout);
}

static void paint_cells(const struct drawing *d, const struct picture_row *row)
{
    unsigned end = d->p->columns;

    while (end > 0 && row->cell[end - 1].type == KIND_NO_RAM)
        end--;
    for (unsigned i = 0, n; i < end; i += n) {
        for (n = 1; i + n < end && picture_same(row->cell[i], row->cell[i + n]); n++)
            ;
        paint(d, row->cell[i], n);
    }
    putchar('\n');
}

static void print_row(const struct picture_row *row, void *arg)
{
    const struct drawing *d = arg;
    uint64_t row_frames = (uint64_t)d->p->columns << d->p->shift;
    char size[PICTURE_TEXT];

    for (uint64_t i = 0; i < (row->same == 1 ? 2 : 1); i++) {
        printf("%*s0x%0*" PRIx64 " ", INDENT, "", d->address_width, (row->pfn + i * row_frames) * CORDON_PAGE_SIZE);
        paint_cells(d, row);
    }
    if (row->same > 1)
        printf("%*s   ... %" PRIu64 " more rows like this, %s\n", INDENT + d->address_width, "", row->same,
               picture_size(size, row->same * row_frames));
}

static void print_legend_line(const struct drawing *d, struct picture_kind k, const char *what, uint64_t frames)
{
    char size[PICTURE_TEXT];

    printf("%*s", INDENT, "");
    paint(d, k, 1);
    printf("  %-36s %10" PRIu64 " %s  %9s\n", what, frames, frames == 1 ? "frame " : "frames",
           picture_size(size, frames));
}

static void print_owner(const struct drawing *d, uint32_t owner)
{
    const struct picture *p = d->p;
    struct picture_kind k = { .type = KIND_FRAMES, .owner = owner };
    char name[PICTURE_TEXT], text[64];

    picture_owner(name, owner);
    snprintf(text, sizeof text, "%s%s", name, owner == 0 || owner == PICTURE_CORE ? "" : ", private");
    print_legend_line(d, k, text, p->frames[owner] - p->shared[owner]);
    if (p->shared[owner] == 0)
        return;
    k.shared = true;
    snprintf(text, sizeof text, "%s, %s", name, owner == 0 ? "a device maps it" : "shared with the host");
    print_legend_line(d, k, text, p->shared[owner]);
}

/* All VMs after the 26th together. */
static void print_other_vms(const struct drawing *d)
{
    struct picture_kind k = { .type = KIND_FRAMES };
    uint64_t frames = 0, shared = 0;

    for (uint32_t id = 1; id < PICTURE_CORE; id++) {
        if (d->letter[id] != '@')
            continue;
        k.owner = id;
        frames += d->p->frames[id];
        shared += d->p->shared[id];
    }
    if (frames == 0)
        return;
    print_legend_line(d, k, "all other VMs, private", frames - shared);
    k.shared = true;
    if (shared > 0)
        print_legend_line(d, k, "all other VMs, shared with the host", shared);
}

static void print_empty_vms(const struct picture *p)
{
    unsigned empty = 0;
    uint32_t last = 0;

    for (uint32_t id = 1; id < PICTURE_CORE; id++) {
        if (p->exists[id] && p->frames[id] == 0) {
            empty++;
            last = id;
        }
    }
    if (empty == 1)
        printf("%*s   VM %" PRIu32 " owns no memory\n", INDENT, "", last);
    else if (empty > 1)
        printf("%*s   %u VMs own no memory\n", INDENT, "", empty);
}

static void print_legend(const struct drawing *d)
{
    putchar('\n');
    print_owner(d, 0);
    if (d->p->exists[PICTURE_CORE])
        print_owner(d, PICTURE_CORE);
    for (uint32_t id = 1; id < PICTURE_CORE; id++) {
        if (d->letter[id] >= 'a')
            print_owner(d, id);
    }
    print_other_vms(d);
    if (d->p->mixed) {
        printf("%*s", INDENT, "");
        paint(d, (struct picture_kind){ .type = KIND_MIXED }, 1);
        puts("  more than one of these in the cell");
    }
    print_empty_vms(d->p);
}

static void choose_letters(struct drawing *d)
{
    unsigned n = 0;

    for (uint32_t id = 1; id < PICTURE_CORE; id++) {
        if (d->p->frames[id] == 0)
            continue;
        d->letter[id] = n < LETTERS ? (char)('a' + n) : '@';
        d->hue[id] = n % (sizeof hues / sizeof hues[0]);
        n++;
    }
}

static int hex_digits(uint64_t v)
{
    int n = 1;

    while (v >>= 4)
        n++;
    return n;
}

/* Cells that fit beside the address: a power of two, so that rows begin at round addresses. */
static unsigned choose_columns(int address_width)
{
    unsigned width = terminal_width(), used = INDENT + 2 + (unsigned)address_width + 1, columns = 8;

    while (columns * 2 + used <= width && columns * 2 <= PICTURE_COLUMNS)
        columns *= 2;
    return columns;
}

static void draw(struct picture *p, const char *name)
{
    struct drawing d = { .p = p, .colour = terminal_colour() };
    const struct layout_ranges *ram = &p->layout->ram;
    char cell[PICTURE_TEXT], row[PICTURE_TEXT];

    d.address_width = hex_digits(ram->range[ram->count - 1].base + ram->range[ram->count - 1].size - 1);
    picture_scale(p, choose_columns(d.address_width), ROWS);
    choose_letters(&d);
    printf("Who owns which memory after %s\n", name);
    printf("A cell is %" PRIu64 " %s (%s), a row %s.\n", UINT64_C(1) << p->shift, p->shift == 0 ? "frame" : "frames",
           picture_size(cell, UINT64_C(1) << p->shift), picture_size(row, (uint64_t)p->columns << p->shift));
    for (uint32_t i = 0; i < ram->count; i++) {
        printf("\nram 0x%" PRIx64 " .. 0x%" PRIx64 ", %s\n", ram->range[i].base,
               ram->range[i].base + ram->range[i].size - 1, picture_size(cell, ram->range[i].size / CORDON_PAGE_SIZE));
        picture_rows(p, i, print_row, &d);
    }
    print_legend(&d);
}

static enum cli_status write_svg(struct picture *p, const char *name, const char *path)
{
    bool to_stdout = strcmp(path, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(path, "w");
    bool failed;

    if (out)
        svg_write(out, p, name);
    if (to_stdout)
        return CLI_OK;
    failed = !out || ferror(out);
    if ((out && fclose(out) != 0) || failed) {
        fprintf(stderr, "%s: the SVG cannot be written: %s\n", path, errno ? strerror(errno) : "output error");
        return CLI_BAD;
    }
    return CLI_OK;
}

static enum cli_status map(const char *path, const char *svg_path)
{
    static struct lines lines;
    struct run run = { .out = NULL };
    struct picture picture;
    enum cli_status status, svg_status = CLI_OK;

    if (!lines_open(&lines, path)) {
        lines_complain(&lines, LINES_IO);
        return CLI_BAD;
    }
    status = run_trace(&run, &lines);
    if (status != CLI_BAD && !picture_take(&picture, run.sim, &run.layout)) {
        fputs("cordon map: out of memory\n", stderr);
        status = CLI_BAD;
    }
    if (status != CLI_BAD) {
        if (!svg_path || strcmp(svg_path, "-") != 0)
            draw(&picture, lines.name);
        if (svg_path)
            svg_status = write_svg(&picture, lines.name, svg_path);
        picture_free(&picture);
    }
    run_free(&run);
    lines_close(&lines);
    return svg_status != CLI_OK ? svg_status : status;
}

enum cli_status cmd_map(int argc, char **argv)
{
    const char *path, *svg_path = NULL;
    const struct cli_option options[] = { { "--svg", NULL, &svg_path }, { NULL, NULL, NULL } };
    enum cli_status status;

    if (!cli_parse(argc, argv, help, options, &path, &status))
        return status;
    return map(path, svg_path);
}
