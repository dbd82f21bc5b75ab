/* SPDX-License-Identifier: Apache-2.0 */
#include "its_queue.h"

#include "its_access.h"

void its_queue_set_up(struct its *s)
{
    s->produced = 0;
    s->consumed = 0;
    its_write_long(s->base, GITS_CBASER, BASE_VALID | ITS_WRITE_BACK | BASE_SHAREABLE | s->commands);
    its_write_long(s->base, GITS_CWRITER, 0);
}

static bool fail(struct its *s, enum its_failure failure)
{
    s->failure = failure;
    s->live = false;
    return false;
}

bool its_complete(struct its *s)
{
    if (!s->live)
        return false;
    if (s->produced == s->consumed)
        return true;
    its_before_register();      /* it finds the commands, and what they name */
    its_write_long(s->base, GITS_CWRITER, s->produced);
    for (uint32_t i = 0; i < ITS_PATIENCE; i++) {
        uint64_t creadr = its_read_long(s->base, GITS_CREADR);

        if ((creadr & CREADR_STALLED) != 0)
            return fail(s, ITS_COMMAND_ERROR);
        if ((creadr & QUEUE_OFFSET) == s->produced) {
            s->consumed = s->produced;
            its_after_register();   /* it is done before anything is done to what it had */
            return true;
        }
    }
    return fail(s, ITS_SILENT);
}

/* A queue with one command less than it could hold is full: else it would look empty. */
bool its_command(struct its *s, const struct its_command *c)
{
    uint64_t next = (s->produced + ITS_COMMAND_SIZE) % ITS_QUEUE_SIZE;

    if (next == s->consumed && !its_complete(s))
        return false;
    if (!s->live)
        return false;
    its_encode(c, its_memory(s->commands + s->produced % ITS_QUEUE_SIZE));
    s->produced = next;
    return true;
}
