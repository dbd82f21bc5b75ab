/* SPDX-License-Identifier: Apache-2.0 */
/* Frame records, as the machine has followed them: a shadow of each section, guarded by the very lock that guards its records. */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "state.h"

/* The index of section `number` (pa / 2 MiB); false when none of it is RAM. */
bool sim_section(const struct sim *s, uint64_t number, uint64_t *index);
/* The record of a frame; false when it is in no section of RAM. */
bool sim_record(const struct sim *s, uint64_t frame, struct frame *record);
bool sim_section_number(const struct sim *s, uint64_t index, uint64_t *number);
bool sim_records_create(struct sim *s);
void sim_records_destroy(struct sim *s);
/* What the machine expects of a section: its counts, and the records as they were when its lock was last dropped. */
void record_expect(struct sim *s, uint64_t index);
/* The host's level-3 table of a section as the walk finds it; 0 when there is none. */
uint64_t record_leaf(const struct sim *s, uint64_t number);

#endif
