/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input as a terminal, raw while a guest has it, and standard output. */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stddef.h>

/* From here on keys come one by one; not while another has the terminal. Standard input is one. */
void terminal_make_raw(void);
/* Puts the terminal right; may be called at any time, more than once, and in a signal handler. */
void terminal_restore(void);
/* Writes all of it to standard output. */
void terminal_print(const char *text, size_t size);

#endif
