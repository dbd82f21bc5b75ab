/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces: one item a line (docs/REPLAY.md), read one at a time.
 */
#ifndef CORDON_TOOL_TRACE_H
#define CORDON_TOOL_TRACE_H

#include "lines.h"

#define TRACE_ARGS 4

/* X(NAME, word, fields): the fields in the order of the line. */
#define TRACE_WORDS(X) \
    X(RAM, "ram", "BASE SIZE") \
    X(CORE, "core", "BASE SIZE") \
    X(VM, "vm", "ID") \
    X(HOST_FAULT, "host_fault", "ADDR") \
    X(PROT_AND_MAP, "prot_and_map", "ID ADDR PTE LEVEL") \
    X(GRANT, "grant", "ID ADDR SIZE") \
    X(REVOKE, "revoke", "ID ADDR SIZE") \
    X(CLEAR, "clear", "ID PFN NUM") \
    X(MAP_IO, "map_io", "ID GPA PA") \
    X(WRITE, "write", "WHO ADDR VALUE") \
    X(READ, "read", "WHO ADDR") \
    X(DUMP, "dump", "")

enum trace_word {
#define TRACE_ENUM(name, word, fields) TRACE_##name,
    TRACE_WORDS(TRACE_ENUM)
#undef TRACE_ENUM
};

struct trace_item {
    enum trace_word word;
    uint64_t arg[TRACE_ARGS];   /* the fields; the host as WHO is 0 */
};

/* The next item. The line it came from is in *l: number, and text for reports. */
enum lines_status trace_next(struct lines *l, struct trace_item *item);

#endif
