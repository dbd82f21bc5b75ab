/* SPDX-License-Identifier: Apache-2.0 */
#include "its_format.h"

#define VALID (UINT64_C(1) << 63)
#define TARGET_SHIFT 16
#define TARGET_MASK UINT64_C(0xfffffffff)           /* bits 51:16 */
#define TABLE_ADDRESS UINT64_C(0xfffffffffff00)     /* bits 51:8 */

static uint64_t target_of(uint64_t word)
{
    return word >> TARGET_SHIFT & TARGET_MASK;
}

bool its_decode(const uint64_t word[ITS_COMMAND_WORDS], struct its_command *c)
{
    uint32_t device = (uint32_t)(word[0] >> 32);
    uint32_t event = (uint32_t)word[1];
    uint32_t collection = (uint32_t)(word[2] & 0xffff);

    *c = (struct its_command){ .kind = (enum its_kind)(word[0] & 0xff) };
    switch (word[0] & 0xff) {
    case ITS_MAPD:
        c->device = device;
        c->event_bits = (uint32_t)(word[1] & 0x1f) + 1;
        c->valid = (word[2] & VALID) != 0;
        return true;
    case ITS_MAPC:
        c->collection = collection;
        c->target = target_of(word[2]);
        c->valid = (word[2] & VALID) != 0;
        return true;
    case ITS_MAPTI:
    case ITS_MAPI:
    case ITS_MOVI:
        c->collection = collection;
        c->device = device;
        c->event = event;
        if ((word[0] & 0xff) != ITS_MOVI)
            c->lpi = (word[0] & 0xff) == ITS_MAPTI ? (uint32_t)(word[1] >> 32) : event;
        return true;
    case ITS_INT:
    case ITS_CLEAR:
    case ITS_INV:
    case ITS_DISCARD:
        c->device = device;
        c->event = event;
        return true;
    case ITS_INVALL: c->collection = collection; return true;
    case ITS_SYNC: c->target = target_of(word[2]); return true;
    case ITS_MOVALL:
        c->target = target_of(word[2]);
        c->second = target_of(word[3]);
        return true;
    default: return false;
    }
}

void its_encode(const struct its_command *c, uint64_t word[ITS_COMMAND_WORDS])
{
    word[0] = (uint64_t)c->kind | (uint64_t)c->device << 32;
    word[1] = c->kind == ITS_MAPD ? (c->valid ? c->event_bits - 1 : 0) : c->event | (uint64_t)c->lpi << 32;
    word[2] = c->collection | (c->target & TARGET_MASK) << TARGET_SHIFT | (c->table & TABLE_ADDRESS) | (c->valid ? VALID : 0);
    word[3] = (c->second & TARGET_MASK) << TARGET_SHIFT;
}
