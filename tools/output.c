/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <inttypes.h>
#include <string.h>

#include "facts.h"

/* Parts of a dump in the order in which they stand in it. */
enum part { PART_NONE, PART_FRAME, PART_MAP, PART_MEM };

struct reader {
    struct facts_judge judge;       /* first: the judge is the reader */
    struct lines *lines;
    struct facts dump[2];           /* this one and the one before */
    unsigned now;
    enum part part;                 /* of this dump, that the last line belonged to */
    bool had_dump;                  /* dump[!now] is one */
    bool written;                   /* since it: something may have written to memory */
    uint64_t dumps, violations;
};

static const char *const first_words[] = { "frame", "map", "mem", "ok", "refused", "value", "fault" };

bool output_is(const struct lines *l)
{
    for (size_t i = 0; i < sizeof first_words / sizeof first_words[0]; i++) {
        if (strcmp(l->word[0], first_words[i]) == 0)
            return true;
    }
    return false;
}

static void complain(struct facts_judge *j, uint64_t line, const char *rule, const char *why)
{
    struct reader *r = (struct reader *)(void *)j;

    fprintf(stderr, "%s:%" PRIu64 ": %s violated: %s\n", r->lines->name, line, rule, why);
    r->violations++;
}

/* ---- fields: NAME=VALUE ---- */

static enum lines_status value_of(struct lines *l, size_t i, const char *name, const char **value)
{
    size_t length = strlen(name);

    if (i >= l->words)
        return lines_bad(l, "missing field %s=", name);
    if (strncmp(l->word[i], name, length) != 0 || l->word[i][length] != '=')
        return lines_bad(l, "field %zu is '%.40s', not %s=...", i, l->word[i], name);
    *value = l->word[i] + length + 1;
    return LINES_OK;
}

static enum lines_status number_of(struct lines *l, size_t i, const char *name, uint64_t limit, uint64_t *value)
{
    const char *text;
    enum lines_status status = value_of(l, i, name, &text);

    if (status == LINES_OK)
        status = lines_number(l, name, text, value);
    if (status == LINES_OK && *value >= limit)
        status = lines_bad(l, "number too large: %s=%.40s", name, text);
    return status;
}

/* A principal: `host`, a VM's id, and where `core` is allowed, that. */
static enum lines_status owner_of(struct lines *l, size_t i, const char *name, bool core, uint32_t *owner)
{
    const char *text;
    uint64_t id = 0;
    enum lines_status status = value_of(l, i, name, &text);

    if (status != LINES_OK)
        return status;
    if (strcmp(text, "host") == 0) {
        *owner = FACTS_HOST;
    } else if (core && strcmp(text, "core") == 0) {
        *owner = FACTS_CORE;
    } else {
        status = lines_number(l, name, text, &id);
        if (status == LINES_OK && (id == 0 || id >= FACTS_CORE))
            status = lines_bad(l, "%s=%.40s is no VM", name, text);
        *owner = (uint32_t)id;
    }
    return status;
}

static enum lines_status no_more(struct lines *l, size_t words)
{
    return l->words > words ? lines_bad(l, "extra field '%.40s'", l->word[words]) : LINES_OK;
}

static enum lines_status check_run(struct lines *l, uint64_t n)
{
    return n == 0 ? lines_bad(l, "an empty run: n=0") : LINES_OK;
}

#define TRY(call) do { enum lines_status try_ = (call); if (try_ != LINES_OK) return try_; } while (0)
#define FRAME_LIMIT (UINT64_C(1) << 36)
#define ANY UINT64_MAX

/* ---- dumps ---- */

static void end_dump(struct reader *r)
{
    if (r->part == PART_NONE)
        return;
    facts_judge(&r->dump[r->now], &r->judge);
    if (r->had_dump && !r->written)
        facts_judge_step(&r->dump[!r->now], &r->dump[r->now], &r->judge);
    r->dumps++;
    r->had_dump = true;
    r->written = false;
    r->part = PART_NONE;
    r->now = !r->now;
    facts_clear(&r->dump[r->now]);
}

/* A line that cannot follow the one before begins another dump. */
static struct facts *enter(struct reader *r, enum part part, bool follows)
{
    if (part < r->part || (part == r->part && !follows))
        end_dump(r);
    r->part = part;
    return &r->dump[r->now];
}

static enum lines_status kept(struct lines *l, bool ok)
{
    return ok ? LINES_OK : lines_bad(l, "out of memory");
}

static enum lines_status frame_line(struct reader *r, struct lines *l)
{
    struct fact_frame f = { .line = l->number };
    const struct facts *d = &r->dump[r->now];
    const struct fact_frame *last = d->frames > 0 ? &d->frame[d->frames - 1] : NULL;
    const char *gfn;

    TRY(number_of(l, 1, "pfn", FRAME_LIMIT, &f.pfn));
    TRY(number_of(l, 2, "n", FRAME_LIMIT, &f.n));
    TRY(check_run(l, f.n));
    TRY(owner_of(l, 3, "owner", true, &f.owner));
    TRY(number_of(l, 4, "count", ANY, &f.count));
    TRY(value_of(l, 5, "gfn", &gfn));
    if (f.owner != FACTS_HOST && f.owner != FACTS_CORE)
        TRY(number_of(l, 5, "gfn", FRAME_LIMIT, &f.gfn));
    else if (strcmp(gfn, "-") != 0)
        return lines_bad(l, "gfn=%.40s: only a VM's frame has one, write gfn=-", gfn);
    TRY(no_more(l, 6));
    if (r->part == PART_FRAME && last && f.pfn > last->pfn && f.pfn < last->pfn + last->n)
        return lines_bad(l, "pfn 0x%" PRIx64 " has two records: line %" PRIu64 " is the other", f.pfn, last->line);
    return kept(l, facts_add_frame(enter(r, PART_FRAME, !last || f.pfn > last->pfn), &f));
}

static enum lines_status map_line(struct reader *r, struct lines *l)
{
    struct fact_map m = { .line = l->number };
    const struct facts *d = &r->dump[r->now];
    const struct fact_map *last = d->maps > 0 ? &d->map[d->maps - 1] : NULL;
    const char *type;
    uint64_t level;

    TRY(owner_of(l, 1, "who", false, &m.who));
    TRY(number_of(l, 2, "gfn", FRAME_LIMIT, &m.gfn));
    TRY(number_of(l, 3, "n", FRAME_LIMIT, &m.n));
    TRY(check_run(l, m.n));
    TRY(number_of(l, 4, "pfn", FRAME_LIMIT, &m.pfn));
    TRY(number_of(l, 5, "level", 4, &level));
    TRY(value_of(l, 6, "type", &type));
    m.level = (unsigned)level;
    m.device = strcmp(type, "device") == 0;
    if (level < 2 || (!m.device && strcmp(type, "normal") != 0))
        return lines_bad(l, "level is 2 or 3 and type normal or device");
    TRY(no_more(l, 7));
    if (r->part == PART_MAP && last && m.who == last->who && m.gfn > last->gfn && m.gfn < last->gfn + last->n)
        return lines_bad(l, "gfn 0x%" PRIx64 " is mapped twice: line %" PRIu64 " does it too", m.gfn, last->line);
    return kept(l, facts_add_map(enter(r, PART_MAP, !last || m.who > last->who ||
                                       (m.who == last->who && m.gfn > last->gfn)), &m));
}

static enum lines_status mem_line(struct reader *r, struct lines *l)
{
    struct fact_mem m = { .line = l->number };
    const struct facts *d = &r->dump[r->now];

    TRY(number_of(l, 1, "pfn", FRAME_LIMIT, &m.pfn));
    TRY(number_of(l, 2, "word0", ANY, &m.word0));
    TRY(no_more(l, 3));
    return kept(l, facts_add_mem(enter(r, PART_MEM, d->mems == 0 || m.pfn > d->mem[d->mems - 1].pfn), &m));
}

/* The answer to an operation. A bare ok may have been a write, and a value that was read is no change. */
static enum lines_status answer_line(struct reader *r, struct lines *l)
{
    uint64_t number;

    end_dump(r);
    if (strcmp(l->word[0], "ok") == 0) {
        r->written = r->written || l->words == 1;
        if (l->words == 1)
            return LINES_OK;
        TRY(number_of(l, 1, "changed", ANY, &number));
        TRY(number_of(l, 2, "skipped", ANY, &number));
        return no_more(l, 3);
    }
    if (strcmp(l->word[0], "fault") == 0)
        return no_more(l, 1);
    if (l->words < 2)
        return lines_bad(l, "missing field after '%.40s'", l->word[0]);
    if (strcmp(l->word[0], "value") == 0)
        TRY(lines_number(l, "value", l->word[1], &number));
    return no_more(l, 2);
}

static enum lines_status any_line(struct reader *r, struct lines *l)
{
    if (!output_is(l))
        return lines_bad(l, "unknown word '%.40s': a replay prints no such line", l->word[0]);
    if (strcmp(l->word[0], "frame") == 0)
        return frame_line(r, l);
    if (strcmp(l->word[0], "map") == 0)
        return map_line(r, l);
    if (strcmp(l->word[0], "mem") == 0)
        return mem_line(r, l);
    return answer_line(r, l);
}

enum cli_status output_check(struct lines *l)
{
    struct reader r = { .judge.violated = complain, .lines = l };
    enum lines_status status;

    while ((status = lines_next(l)) == LINES_OK && (status = any_line(&r, l)) == LINES_OK)
        ;
    if (status == LINES_END) {
        end_dump(&r);
        if (r.judge.out_of_memory)
            status = lines_bad(l, "out of memory");
    }
    facts_free(&r.dump[0]);
    facts_free(&r.dump[1]);
    if (status != LINES_END) {
        lines_complain(l, status);
        return CLI_BAD;
    }
    if (r.violations > 0)
        printf("%" PRIu64 " violations in %" PRIu64 " dumps\n", r.violations, r.dumps);
    else if (r.dumps > 0)
        printf("ok: I1 I2 I3 I4 I8 hold in %" PRIu64 " %s\n", r.dumps, r.dumps == 1 ? "dump" : "dumps");
    else
        puts("ok: there is no dump in it");
    return r.violations > 0 ? CLI_BROKEN : CLI_OK;
}
