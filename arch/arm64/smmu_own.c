/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_own.h"

#include "smmu_access.h"
#include "smmu_streams.h"

static bool is_hosts(const struct smmu *s, uint32_t stream)
{
    for (uint32_t i = 0; i < s->ranges; i++) {
        if (stream >= s->streams[i].first && stream - s->streams[i].first < s->streams[i].count)
            return true;
    }
    return false;
}

bool smmu_can_give(const struct smmu *s, uint32_t stream, const struct smmu_translation *t, uint32_t vmids)
{
    uint32_t bits = smmu_address_bits(s->address_size);

    return s->gives && s->live && !s->closed && s->stage2 && is_hosts(s, stream) && t->bits <= bits &&
           (t->start > 0 || bits >= LEVEL_0_LEAST) && (vmids <= 256 || s->vmid16);
}

/* The first word has all that makes an entry valid: one store. */
static void write_first(uint64_t at, uint64_t word)
{
    volatile uint64_t *entry = smmu_memory(at);

    *entry = word;
}

static bool tell(struct smmu *s, struct smmu_command command)
{
    return smmu_command(s, command) && smmu_complete(s);
}

bool smmu_own_close(struct smmu *s, uint32_t stream, uint32_t vmid)
{
    write_first(smmu_streams_entry(s, stream), 0);
    /* Nothing comes in by the entry when the translations go, and so none comes back. */
    return tell(s, smmu_cfgi_stream(stream)) && (vmid == 0 || tell(s, smmu_tlbi_vm(true, vmid)));
}

bool smmu_own_open(struct smmu *s, uint32_t stream, struct smmu_translation t)
{
    uint64_t at = smmu_streams_entry(s, stream);
    uint64_t *entry = smmu_memory(at);
    uint64_t wanted[STREAM_WORDS];

    if (s->closed)
        return true;
    t.address_size = s->address_size;
    smmu_stream_entry(&t, wanted);
    for (uint32_t i = 1; i < STREAM_WORDS; i++)
        entry[i] = wanted[i];
    smmu_before_register();
    write_first(at, wanted[0]);
    return tell(s, smmu_cfgi_stream(stream));
}

bool smmu_own_return(struct smmu *s, uint32_t stream, struct smmu_translation t)
{
    bool good = smmu_own_open(s, stream, t);

    return good && (!smmu_streams_disown(s, stream) || tell(s, smmu_cfgi_all()));
}
