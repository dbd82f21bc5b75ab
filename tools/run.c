/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <inttypes.h>

#include "dump.h"
#include "terminal.h"

#define HIGHEST_VM 255

/* The trace has named all of its memory: make the machine. */
static enum lines_status start(struct run *r, struct lines *l)
{
    struct sim_config config = {
        .ram = r->layout.ram.range, .rams = r->layout.ram.count,
        .core = r->layout.core.range, .cores = r->layout.core.count,
        .vms = HIGHEST_VM, .no_check = r->no_check, .log = r->log,
    };
    char why[256] = "";

    if (r->layout.ram.count == 0)
        return lines_bad(l, "no ram line comes before '%.40s': a trace names its memory first, as 'ram BASE SIZE'",
                         l->word[0]);
    r->sim = sim_create(&config, why, sizeof why);
    if (!r->sim)
        return lines_bad(l, "no machine with this memory can be made: %s", why);
    return LINES_OK;
}

static enum lines_status add_memory(struct run *r, struct lines *l, const struct trace_item *item)
{
    if (r->sim)
        return lines_bad(l, "'%s' comes too late: ram and core lines stand before the first operation or vm",
                         l->word[0]);
    if (item->word == TRACE_RAM)
        return layout_add_ram(&r->layout, l, item->arg[0], item->arg[1]);
    return layout_add_core(&r->layout, l, item->arg[0], item->arg[1]);
}

static enum lines_status create_vm(struct run *r, struct lines *l, uint64_t id)
{
    enum cordon_status status;

    if (id < 1 || id > HIGHEST_VM)
        return lines_bad(l, "vm %" PRIu64 ": an ID is 1 to %d", id, HIGHEST_VM);
    status = sim_vm_create(r->sim, (uint32_t)id);
    if (status == CORDON_EXISTS)
        return lines_bad(l, "vm %" PRIu64 " exists already", id);
    if (status != CORDON_OK)
        return lines_bad(l, "vm %" PRIu64 " cannot be created: %s", id, cordon_status_meaning(status));
    return LINES_OK;
}

static void print_answer(FILE *out, struct answer a)
{
    switch (a.kind) {
    case ANSWER_OK:
        fputs("ok\n", out);
        break;
    case ANSWER_COUNTED:
        fprintf(out, "ok changed=%" PRIu64 " skipped=%" PRIu64 "\n", a.changed, a.skipped);
        break;
    case ANSWER_REFUSED:
        fprintf(out, "refused %s\n", cordon_status_word(a.status));
        break;
    case ANSWER_VALUE:
        fprintf(out, "value 0x%" PRIx64 "\n", a.value);
        break;
    case ANSWER_FAULT:
        fputs("fault\n", out);
        break;
    }
}

static enum lines_status do_item(struct run *r, struct lines *l, const struct trace_item *item)
{
    enum lines_status status;
    struct answer answer;

    if (item->word == TRACE_RAM || item->word == TRACE_CORE)
        return add_memory(r, l, item);
    if (!r->sim && (status = start(r, l)) != LINES_OK)
        return status;
    if (item->word == TRACE_VM)
        return create_vm(r, l, item->arg[0]);
    r->operations++;
    if (item->word == TRACE_DUMP) {
        if (r->out)
            dump(r->out, r->sim, &r->layout);
        return LINES_OK;
    }
    answer = perform(r->sim, item, l->text);
    if (r->out)
        print_answer(r->out, answer);
    return LINES_OK;
}

/* Prints the machine's new reports, if it has any. */
static enum cli_status report(struct run *r, const struct lines *l, const char *after)
{
    unsigned all = r->sim ? sim_reports(r->sim) : 0;

    if (all == r->reported)
        return CLI_OK;
    fflush(stdout);
    fprintf(stderr, "%s:%" PRIu64 ": an invariant failed after '%s'\n", l->name, l->number, after);
    for (; r->reported < all; r->reported++)
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", l->name, l->number, sim_report(r->sim, r->reported));
    return CLI_BROKEN;
}

/* The end of the file: a trace of memory lines alone still has to describe a machine that can be. */
static enum cli_status finish(struct run *r, struct lines *l)
{
    enum lines_status status = LINES_OK;

    if (r->layout.ram.count == 0)
        status = lines_bad(l, "empty trace: it names no ram");
    else if (!r->sim)
        status = start(r, l);
    if (status != LINES_OK) {
        lines_complain(l, status);
        return CLI_BAD;
    }
    if (!r->no_check)
        sim_check_all(r->sim);
    return report(r, l, "the end of the trace");
}

enum cli_status run_trace(struct run *r, struct lines *l)
{
    struct progress progress = progress_start(l->file);
    enum cli_status result = CLI_OK;
    enum lines_status status;
    struct trace_item item;

    while ((status = trace_next(l, &item)) == LINES_OK) {
        status = do_item(r, l, &item);
        if (status != LINES_OK)
            break;
        result = report(r, l, l->text);
        if (result != CLI_OK || (r->out && ferror(r->out)))
            break;
        progress_show(&progress, r->operations, l->bytes);
    }
    progress_end(&progress);
    if (status == LINES_BAD || status == LINES_IO) {
        lines_complain(l, status);
        return CLI_BAD;
    }
    return status == LINES_END ? finish(r, l) : result;
}

void run_free(struct run *r)
{
    if (r->sim)
        sim_destroy(r->sim);
    layout_free(&r->layout);
}
