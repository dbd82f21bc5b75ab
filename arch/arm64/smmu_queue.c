/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_queue.h"

#include "smmu_access.h"
#include "smmu_registers.h"

/* Pages beyond which an SMMU that knows no ranges forgets all that it has of the host's, or the VM's. */
#define FORGET_PAGES 64

void smmu_queue_set_up(struct smmu *s)
{
    s->produced = 0;
    s->consumed = 0;
    smmu_write(s->base, SMMU_CMDQ_BASE, (uint32_t)s->commands | s->command_bits);
    smmu_write(s->base, SMMU_CMDQ_BASE + 4, (uint32_t)((s->commands | BASE_ALLOCATE) >> 32));
    smmu_write(s->base, SMMU_CMDQ_PROD, 0);
    smmu_write(s->base, SMMU_CMDQ_CONS, 0);
}

/* How many commands lie in the queue, of those that CONS has not passed. */
static uint32_t waiting(const struct smmu *s)
{
    return (s->produced - s->consumed) & ((2u << s->command_bits) - 1);
}

static bool fail(struct smmu *s, enum smmu_failure failure)
{
    s->failure = failure;
    return false;
}

/* Looks where the SMMU is. An error of a command stays where it is until it is acknowledged: nothing comes after it. */
static bool look(struct smmu *s)
{
    uint32_t cons = smmu_read(s->base, SMMU_CMDQ_CONS);
    uint32_t errors = smmu_read(s->base, SMMU_GERROR) ^ smmu_read(s->base, SMMU_GERRORN);

    if ((errors & GERROR_SFM_ERR) != 0)
        return fail(s, SMMU_STOPPED);
    if ((errors & GERROR_CMDQ_ERR) != 0)
        return fail(s, SMMU_COMMAND_ERROR);
    s->consumed = cons & ((2u << s->command_bits) - 1);
    if (waiting(s) > 1u << s->command_bits)
        return fail(s, SMMU_STOPPED);       /* it has passed what there is: an SMMU that was reset */
    return true;
}

/* Waits until no more than `most` commands are left. */
static bool wait(struct smmu *s, uint32_t most)
{
    for (uint32_t i = 0; i < SMMU_PATIENCE; i++) {
        if (!look(s))
            return false;
        if (waiting(s) <= most)
            return true;
    }
    return fail(s, SMMU_SILENT);
}

/* The SMMU may have all commands that are in the queue. */
static void publish(struct smmu *s)
{
    smmu_before_register();     /* it finds the commands, and the tables as they are now */
    smmu_write(s->base, SMMU_CMDQ_PROD, s->produced);
}

bool smmu_command(struct smmu *s, struct smmu_command command)
{
    uint32_t size = 1u << s->command_bits;
    uint64_t *entry = smmu_memory(s->commands + s->produced % size * sizeof command);

    if (waiting(s) == size) {
        publish(s);
        if (!wait(s, size - 1))
            return false;
    }
    for (uint32_t i = 0; i < COMMAND_WORDS; i++)
        entry[i] = command.w[i];
    s->produced = (s->produced + 1) & (2 * size - 1);
    return true;
}

bool smmu_forget(struct smmu *s, bool stage2, uint32_t vmid, uint64_t frame, uint64_t pages)
{
    bool good = true;

    if (!s->range && pages > FORGET_PAGES) {
        good = smmu_command(s, smmu_tlbi_vm(stage2, vmid));
    } else {
        while (pages > 0 && good) {
            uint64_t n = s->range ? smmu_range(pages) : 1;

            good = smmu_command(s, vmid == 0 ? smmu_tlbi_pages(stage2, frame, n) : smmu_tlbi_guest_pages(vmid, frame, n));
            frame += n;
            pages -= n;
        }
    }
    publish(s);
    return good;
}

bool smmu_complete(struct smmu *s)
{
    bool good = smmu_command(s, smmu_sync());

    if (!good)
        return false;
    publish(s);
    good = wait(s, 0);
    smmu_after_register();      /* the end of all accesses was seen before anything is done to the frames */
    return good;
}
