/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences for people, and as traces. */
#include <inttypes.h>
#include <stdio.h>

#include "ops.h"

static const struct {
    const char *word;
    const char *meaning;
} text[] = {
#define OP_TEXT(name, word, meaning) { word, meaning },
    OPS(OP_TEXT)
#undef OP_TEXT
};

void op_print(const struct op *op)
{
    printf("#   %-16s cpu %" PRIu32 " vm %" PRIu32 " a 0x%" PRIx64 " b 0x%" PRIx64 " c 0x%" PRIx64 "%s  (%s)\n",
           text[op->kind].word, op->cpu, op->vm, op->a, op->b, op->c, op->flag ? " flag" : "", text[op->kind].meaning);
}

static bool born_before(const struct op *op, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (op[i].vm == op[n].vm && (op[i].kind == OP_CREATE || op[i].kind == OP_CREATE_ELSEWHERE))
            return true;
    }
    return false;
}

static void print_who(const char *word, const struct op *op)
{
    printf("%s ", word);
    if (op->vm == 0)
        printf("host");
    else
        printf("%" PRIu32, op->vm);
    printf(" 0x%" PRIx64, op->a);
}

static void print_range(const struct op *op)
{
    for (uint64_t i = 0; i < op->c && i < 600; i++)
        printf("prot_and_map %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 " 3\n", op->vm, op->a + i * 4096, (op->b + i) * 4096);
}

static void print_item(const struct op *op, uint64_t n)
{
    const struct op *o = &op[n];

    switch (o->kind) {
    case OP_CREATE:
    case OP_CREATE_ELSEWHERE:
        printf("%svm %" PRIu32 "\n", born_before(op, n) || o->vm < 1 || o->vm > 255 ? "# " : "", o->vm);
        break;
    case OP_MAP: printf("prot_and_map %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 " %" PRIu64 "\n", o->vm, o->a, o->b, o->c); break;
    case OP_MAP_RANGE: print_range(o); break;
    case OP_MAP_IO: printf("map_io %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 "\n", o->vm, o->a, o->b); break;
    case OP_GRANT:
    case OP_REVOKE:
    case OP_CLEAR: printf("%s %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 "\n", text[o->kind].word, o->vm, o->a, o->b); break;
    case OP_HOST_FAULT: printf("host_fault 0x%" PRIx64 "\n", o->a); break;
    case OP_READ: print_who("read", o); printf("\n"); break;
    case OP_WRITE: print_who("write", o); printf(" 0x%" PRIx64 "\n", o->b); break;
    default: printf("# no word in a trace: %s %" PRIu32 " 0x%" PRIx64 " 0x%" PRIx64 "\n", text[o->kind].word, o->vm, o->a, o->b);
    }
}

void ops_print_trace(const struct world *w, const struct op *op, uint64_t n)
{
    printf("# The same as a trace; it runs on 4 CPUs of 48 bits with tables enough, which may or may not show the failure.\n");
    for (uint32_t i = 0; i < w->rams; i++)
        printf("ram 0x%" PRIx64 " 0x%" PRIx64 "\n", w->ram[i].base, w->ram[i].size);
    for (uint32_t i = 0; i < w->cores; i++)
        printf("core 0x%" PRIx64 " 0x%" PRIx64 "\n", w->core[i].base, w->core[i].size);
    for (uint64_t i = 0; i < n; i++)
        print_item(op, i);
}
