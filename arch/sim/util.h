/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse arrays, pages for shadows, growing lists. */
#ifndef SIM_UTIL_H
#define SIM_UTIL_H

#include "state.h"

void *sim_sparse(uint64_t bytes);               /* zeroed, or NULL */
void sim_unsparse(void *at, uint64_t bytes);
/* A page for a shadow, of any contents; not for threads. */
struct table *sim_page_get(struct sim *s);
void sim_page_put(struct sim *s, struct table *page);
/* Room for one more element in a list; aborts when there is no memory. */
void *sim_room(void *list, uint32_t used, uint32_t *room, size_t size);

#endif
