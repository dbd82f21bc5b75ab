/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin for QEMU's TCG that counts the instructions of every visit to EL2, from the vector's first to ERET, and those
 * of the whole machine. QEMU's header for plugins is in no package: what is used of its API, version 1, is declared here.
 *
 *   -plugin el2count.so,begin=HEX,end=HEX,entry=HEX,out=FILE,mark=NAME:HEX,...
 *
 * begin, end: where EL2's code lies; entry: the first instruction of a visit; mark: a visit that executes the
 * instruction there bears the name. One line for each kind of visit and length: names, instructions, how often.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;
typedef void (*tb_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*data_callback)(qemu_plugin_id_t id, void *data);
typedef void (*cpu_callback)(unsigned int cpu, void *data);
enum { CALLBACK_NO_REGISTERS = 0 };
enum { INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback cb);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, data_callback cb, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, cpu_callback cb, int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr, uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

#define MAX_MARKS 32
#define MAX_KINDS 65536
#define ERET 0xd69f03e0u

static uint64_t begin, end, entry;
static const char *out = "el2count.txt";
static struct { char name[32]; uint64_t address; } marks[MAX_MARKS];
static unsigned mark_count;

static struct { uint64_t kind, length, times; } visits[MAX_KINDS];
static unsigned visit_count;
static uint64_t all_instructions, el2_instructions;

/* The visit that is under way. One CPU only: what is counted is deterministic with one. */
static bool inside;
static uint64_t kind, length;

static void note_visit(void)
{
    for (unsigned i = 0; i < visit_count; i++) {
        if (visits[i].kind == kind && visits[i].length == length) {
            visits[i].times++;
            return;
        }
    }
    if (visit_count == MAX_KINDS)
        abort();
    visits[visit_count].kind = kind;
    visits[visit_count].length = length;
    visits[visit_count++].times = 1;
}

static void on_entry(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    inside = true;
    kind = 0;
    length = 0;
}

static void on_instruction(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    length++;
    el2_instructions++;
}

static void on_mark(unsigned int cpu, void *data)
{
    (void)cpu;
    kind |= UINT64_C(1) << (uintptr_t)data;
}

static void on_eret(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    if (inside)
        note_visit();
    inside = false;
}

static void watch(struct qemu_plugin_insn *insn)
{
    uint64_t at = qemu_plugin_insn_vaddr(insn);
    uint32_t code;

    if (at < begin || at >= end)
        return;
    if (at == entry)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_entry, CALLBACK_NO_REGISTERS, NULL);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_instruction, CALLBACK_NO_REGISTERS, NULL);
    for (unsigned i = 0; i < mark_count; i++) {
        if (marks[i].address == at)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, CALLBACK_NO_REGISTERS, (void *)(uintptr_t)i);
    }
    memcpy(&code, qemu_plugin_insn_data(insn), 4);
    if (code == ERET)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_eret, CALLBACK_NO_REGISTERS, NULL);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &all_instructions, n);
    for (size_t i = 0; i < n; i++)
        watch(qemu_plugin_tb_get_insn(tb, i));
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
    FILE *f = fopen(out, "w");

    (void)id, (void)data;
    if (f == NULL)
        return;
    fprintf(f, "all %llu el2 %llu\n", (unsigned long long)all_instructions, (unsigned long long)el2_instructions);
    for (unsigned i = 0; i < visit_count; i++) {
        for (unsigned k = 0; k < mark_count; k++) {
            if ((visits[i].kind >> k & 1) != 0)
                fprintf(f, "%s+", marks[k].name);
        }
        fprintf(f, " %llu %llu\n", (unsigned long long)visits[i].length, (unsigned long long)visits[i].times);
    }
    fclose(f);
}

static void add_mark(const char *text)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= sizeof marks[0].name || mark_count == MAX_MARKS)
        abort();
    memcpy(marks[mark_count].name, text, (size_t)(colon - text));
    marks[mark_count++].address = strtoull(colon + 1, NULL, 16);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "begin=", 6) == 0)
            begin = strtoull(argv[i] + 6, NULL, 16);
        else if (strncmp(argv[i], "end=", 4) == 0)
            end = strtoull(argv[i] + 4, NULL, 16);
        else if (strncmp(argv[i], "entry=", 6) == 0)
            entry = strtoull(argv[i] + 6, NULL, 16);
        else if (strncmp(argv[i], "out=", 4) == 0)
            out = strdup(argv[i] + 4);
        else if (strncmp(argv[i], "mark=", 5) == 0)
            add_mark(argv[i] + 5);
        else
            return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
