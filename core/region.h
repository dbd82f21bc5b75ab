/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which physical memory there is. RAM is known in sections of 2 MiB; spans are runs of sections that hold some RAM, so
 * that frame records take 8 bytes for each frame that exists and none for the holes between. Fixed after boot: no lock.
 */
#ifndef CORDON_REGION_H
#define CORDON_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/* The index of section `number` (pa / 2 MiB), or false when no part of it is RAM. */
static inline bool region_section(const struct cordon *c, uint64_t number, uint64_t *index)
{
    for (uint32_t i = 0; i < c->spans; i++) {
        if (number >= c->span[i].first && number - c->span[i].first < c->span[i].count) {
            *index = c->span[i].base + (number - c->span[i].first);
            return true;
        }
    }
    return false;
}

/* Whether all of the sections first .. first+n-1 exist; *index is the first one's. Spans are never adjacent. */
bool region_all_sections(const struct cordon *c, uint64_t first, uint64_t n, uint64_t *index);

/* Whether none of the frames first .. first+n-1 is in a section of RAM, nor hidden: device memory for anyone. */
bool region_is_device(const struct cordon *c, uint64_t first, uint64_t n);

/* Frames from `frame`, which is in no section of RAM, to the next one that is; to the end of all frames if none is. */
uint64_t region_gap(const struct cordon *c, uint64_t frame);

/* Whether one frame outside of every section is hidden from the host. */
bool region_is_hidden(const struct cordon *c, uint64_t frame);

#endif
