/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin for QEMU's TCG that counts the instructions of every stay at EL2, from the vector's first to ERET, and those
 * of the whole machine. QEMU's header for plugins is in no package: what is used of its API, version 1, is declared here.
 *
 *   -plugin el2count.so,out=FILE[,map=FILE][,guest=BEGIN-END][,hot=LABEL]
 *
 * Without a map the code at EL2 is looked for, that of a Linux which is not at EL2 itself: it is where an ERET is in the lower half of the
 * addresses. guest: then the addresses of a bare guest's code, which are also low. What else is low is user space's.
 * hot: for this label (hexadecimal) also where all instructions went.
 *
 * The map says what is what in EL2's code, a line each (addresses and numbers in hexadecimal); without one, there is none:
 *   code BEGIN END             where it lies
 *   entry ADDRESS NAME         the first instruction of a stay; NAME is where it came from
 *   leave ADDRESS NAME         an ERET, and where it goes to; one that is not named goes to "host"
 *   mark ADDRESS BIT           a stay that executes this has the mark
 *   call ADDRESS NUMBER        the first of these that a stay executes says which call it is
 *
 * Software says what it measures by an instruction that does nothing: movz xzr, #N labels what comes behind it.
 *
 * Output: "all N el2 N guest N wait N user N": instructions of the machine, of EL2, of guests, of loops that wait (with YIELD, as Linux
 * idles by the option nohlt), and of user space (a guest's too, but for a bare one); "label LABEL all N ..." for each label; "pc ADDRESS N": the
 * instructions of the blocks that begin there, for the hot label; then for each kind of stay "stay ENTRY LEAVE LABEL CALL MARKS", and below it lines of "length N TIMES",
 * "at ADDRESS TIMES" (all stays of the kind) and "peak ADDRESS TIMES" (the longest of them).
 * One CPU: what is counted is deterministic with one.
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
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, cpu_callback cb, int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr, uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

#define ERET 0xd69f03e0u
#define YIELD 0xd503203fu
#define LABEL(code) (((code) & 0xffe0001fu) == 0xd280001fu)     /* movz xzr, #N */
#define LABEL_NUMBER(code) ((code) >> 5 & 0xffffu)
#define MAX_KINDS 4096
#define MAX_NAMES 16
#define MAX_LABELS 256
#define LOW_END (UINT64_C(1) << 48)
#define PHYSICAL_END (UINT64_C(1) << 36)    /* below it, code runs at its physical address: no hypervisor of Linux's */
#define CODE_REACH (UINT64_C(8) << 20)      /* so far from its ERET such a one's code lies at most */
#define BLOCK_SLOTS 4096
#define HOST 0              /* the name of an ERET that has none */

/* What the map says of an instruction. */
struct code {
    uint64_t marks;
    uint16_t call;
    uint8_t entry;          /* 1 + name */
    uint8_t leave;
};

struct length { uint64_t n, times; };

/* Stays that are alike: their lengths, and how often each instruction was executed. */
struct kind {
    uint8_t entry, leave;
    uint16_t label, call;
    uint64_t marks;
    struct length *lengths;
    size_t length_count, length_room;
    uint64_t longest;
    uint64_t *all;
    uint32_t *peak;
};

static char names[MAX_NAMES][32] = { "host" };
static unsigned name_count = 1;
static uint64_t begin, end;
static struct code *code;
static const char *out = "el2count.txt";
static struct kind kinds[MAX_KINDS];
static unsigned kind_count;
static uint64_t all_instructions, el2_instructions, guest_instructions, wait_instructions, user_instructions;
static uint64_t linux_eret;             /* where Linux has its code at EL2; 0: not found */
static uint64_t guest_begin, guest_end;

/* Blocks that were translated: early ones, and all when there is a hot label; times: under that label. */
struct block {
    struct block *next;
    uint64_t at, n, times;
};

static struct block *blocks[BLOCK_SLOTS];
static unsigned long hot;

/* What was counted under each label; that of the present one is not in it before the label ends. */
static struct sums { uint64_t all, el2, guest, wait, user; } sums[MAX_LABELS], since;
static uint16_t label;

/* The stay that is under way. */
static bool inside;
static uint8_t entry;
static uint16_t call;
static uint64_t marks, length, entered_guest;
static bool in_guest;
static uint32_t *trace;     /* the instructions that it executed */
static size_t trace_room;

static size_t code_size(void)
{
    return (size_t)((end - begin) / 4);
}

static void *more(void *old, size_t size)
{
    void *new = realloc(old, size);

    if (new == NULL)
        abort();
    return new;
}

/* ---- stays ---- */

static struct kind *find_kind(uint8_t leave)
{
    struct kind *k;

    for (unsigned i = 0; i < kind_count; i++) {
        k = &kinds[i];
        if (k->entry == entry && k->leave == leave && k->label == label && k->call == call && k->marks == marks)
            return k;
    }
    if (kind_count == MAX_KINDS)
        abort();
    k = &kinds[kind_count++];
    *k = (struct kind){ .entry = entry, .leave = leave, .label = label, .call = call, .marks = marks };
    k->all = calloc(code_size(), sizeof *k->all);
    k->peak = calloc(code_size(), sizeof *k->peak);
    if (k->all == NULL || k->peak == NULL)
        abort();
    return k;
}

static void note_length(struct kind *k)
{
    for (size_t i = 0; i < k->length_count; i++) {
        if (k->lengths[i].n == length) {
            k->lengths[i].times++;
            return;
        }
    }
    if (k->length_count == k->length_room) {
        k->length_room = k->length_room * 2 + 8;
        k->lengths = more(k->lengths, k->length_room * sizeof *k->lengths);
    }
    k->lengths[k->length_count++] = (struct length){ length, 1 };
}

static void note_stay(uint8_t leave)
{
    struct kind *k = find_kind(leave);

    note_length(k);
    for (uint64_t i = 0; i < length; i++)
        k->all[trace[i]]++;
    if (length <= k->longest)
        return;
    k->longest = length;
    memset(k->peak, 0, code_size() * sizeof *k->peak);
    for (uint64_t i = 0; i < length; i++)
        k->peak[trace[i]]++;
}

static void begin_stay(uint8_t from)
{
    if (in_guest)
        guest_instructions += all_instructions - entered_guest;
    in_guest = false;
    inside = true;
    entry = from;
    call = 0;
    marks = 0;
    length = 0;
}

static void end_stay(uint8_t to)
{
    if (inside)
        note_stay(to);
    inside = false;
    in_guest = to != HOST;
    entered_guest = all_instructions;
}

/* data: the instruction's number from the start of EL2's code, twice that, plus one for ERET. */
static void on_instruction(unsigned int cpu, void *data)
{
    size_t at = (size_t)data / 2;
    const struct code *c = &code[at];

    (void)cpu;
    el2_instructions++;
    if (c->entry != 0)
        begin_stay((uint8_t)(c->entry - 1));
    if (!inside)
        return;
    if (length == trace_room) {
        trace_room = trace_room * 2 + 65536;
        trace = more(trace, trace_room * sizeof *trace);
    }
    trace[length++] = (uint32_t)at;
    marks |= c->marks;
    if (call == 0)
        call = c->call;
    if ((size_t)data % 2 != 0)
        end_stay(c->leave);
}

static void set_label(uint16_t next)
{
    struct sums now = { all_instructions, el2_instructions, guest_instructions, wait_instructions, user_instructions };

    if (label < MAX_LABELS) {
        sums[label].all += now.all - since.all;
        sums[label].el2 += now.el2 - since.el2;
        sums[label].guest += now.guest - since.guest;
        sums[label].wait += now.wait - since.wait;
        sums[label].user += now.user - since.user;
    }
    since = now;
    label = next;
}

static void on_label(unsigned int cpu, void *data)
{
    (void)cpu;
    set_label((uint16_t)(uintptr_t)data);
}

/* ---- translation ---- */

static void watch(struct qemu_plugin_insn *insn)
{
    uint64_t at = qemu_plugin_insn_vaddr(insn);
    uint32_t word;

    memcpy(&word, qemu_plugin_insn_data(insn), 4);
    if (LABEL(word))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_label, CALLBACK_NO_REGISTERS,
                                               (void *)(uintptr_t)LABEL_NUMBER(word));
    if (at < begin || at >= end)
        return;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_instruction, CALLBACK_NO_REGISTERS,
                                           (void *)(uintptr_t)((at - begin) / 4 * 2 + (word == ERET)));
}

static bool is_linux(uint64_t at)
{
    return linux_eret != 0 && at + CODE_REACH > linux_eret && at < linux_eret + CODE_REACH;
}

/* Whose a block is: of user space or, without a map, a bare guest's or EL2's. */
static uint64_t *owner(uint64_t at)
{
    if (code != NULL && at >= begin && at < end)
        return NULL;                    /* counted one by one */
    if (at >= guest_begin && at < guest_end)
        return code == NULL ? &guest_instructions : NULL;
    if (is_linux(at))
        return &el2_instructions;
    return at < LOW_END ? &user_instructions : NULL;
}

static void look_for_linux(const struct qemu_plugin_tb *tb, uint64_t at)
{
    uint32_t word;

    memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1)), 4);
    if (word == ERET && at >= PHYSICAL_END && at < LOW_END)
        linux_eret = at;
}

static void on_block(unsigned int cpu, void *data)
{
    (void)cpu;
    if (label == hot)
        ((struct block *)data)->times++;
}

static struct block *find_block(uint64_t at, uint64_t n)
{
    struct block **slot = &blocks[at / 4 % BLOCK_SLOTS];

    for (struct block *b = *slot; b != NULL; b = b->next) {
        if (b->at == at && b->n == n)
            return b;
    }
    struct block *b = more(NULL, sizeof *b);
    *b = (struct block){ *slot, at, n, 0 };
    *slot = b;
    return b;
}

/* A block that was translated before it was known where Linux has its code. */
static void on_early_block(unsigned int cpu, void *data)
{
    const struct block *b = data;

    (void)cpu;
    if (is_linux(b->at))
        el2_instructions += b->n;
    else
        user_instructions += b->n;
}

static bool is_yield(const struct qemu_plugin_insn *insn)
{
    uint32_t word;

    memcpy(&word, qemu_plugin_insn_data(insn), 4);
    return word == YIELD;
}

/* A block ends behind a YIELD, so that one which has it is what is done for one turn of a loop that waits. */
static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    uint64_t at = qemu_plugin_tb_vaddr(tb);
    uint64_t *whose;

    (void)id;
    if (code == NULL && linux_eret == 0)
        look_for_linux(tb, at);
    whose = owner(at);
    if (code == NULL && linux_eret == 0 && at >= PHYSICAL_END && at < LOW_END)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_early_block, CALLBACK_NO_REGISTERS, find_block(at, n));
    else if (whose != NULL)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, whose, n);
    if (hot != 0)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CALLBACK_NO_REGISTERS, find_block(at, n));
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &all_instructions, n);
    if (is_yield(qemu_plugin_tb_get_insn(tb, n - 1)))
        qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &wait_instructions, n);
    for (size_t i = 0; i < n; i++)
        watch(qemu_plugin_tb_get_insn(tb, i));
}

/* ---- output ---- */

static void write_sums(FILE *f, const struct sums *s)
{
    fprintf(f, "all %llu el2 %llu guest %llu wait %llu user %llu\n", (unsigned long long)s->all, (unsigned long long)s->el2,
            (unsigned long long)s->guest, (unsigned long long)s->wait, (unsigned long long)s->user);
}

static void write_kind(FILE *f, const struct kind *k)
{
    fprintf(f, "stay %s %s %x %x %llx\n", names[k->entry], names[k->leave], k->label, k->call,
            (unsigned long long)k->marks);
    for (size_t i = 0; i < k->length_count; i++)
        fprintf(f, "length %llu %llu\n", (unsigned long long)k->lengths[i].n, (unsigned long long)k->lengths[i].times);
    for (size_t i = 0; i < code_size(); i++) {
        if (k->all[i] != 0)
            fprintf(f, "at %llx %llu\n", (unsigned long long)(begin + i * 4), (unsigned long long)k->all[i]);
        if (k->peak[i] != 0)
            fprintf(f, "peak %llx %u\n", (unsigned long long)(begin + i * 4), k->peak[i]);
    }
}

static void write_blocks(FILE *f)
{
    for (unsigned i = 0; i < BLOCK_SLOTS; i++) {
        for (const struct block *b = blocks[i]; b != NULL; b = b->next) {
            if (b->times != 0)
                fprintf(f, "pc %llx %llu\n", (unsigned long long)b->at, (unsigned long long)(b->n * b->times));
        }
    }
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
    FILE *f = fopen(out, "w");

    (void)id, (void)data;
    if (f == NULL)
        return;
    set_label(0);
    write_sums(f, &since);
    for (unsigned i = 0; i < MAX_LABELS; i++) {
        if (sums[i].all != 0) {
            fprintf(f, "label %x ", i);
            write_sums(f, &sums[i]);
        }
    }
    write_blocks(f);
    for (unsigned i = 0; i < kind_count; i++)
        write_kind(f, &kinds[i]);
    fclose(f);
}

/* ---- the map ---- */

static uint8_t name_number(const char *name)
{
    for (unsigned i = 0; i < name_count; i++) {
        if (strcmp(names[i], name) == 0)
            return (uint8_t)i;
    }
    if (name_count == MAX_NAMES)
        abort();
    strcpy(names[name_count], name);
    return (uint8_t)name_count++;
}

static bool read_line(const char *line)
{
    unsigned long long a, b;
    char word[8], name[32];

    if (sscanf(line, "code %llx %llx", &a, &b) == 2) {
        begin = a;
        end = b;
        code = calloc(code_size() + 1, sizeof *code);
        return code != NULL;
    }
    if (sscanf(line, "%7s %llx %31s", word, &a, name) != 3 || code == NULL || a < begin || a >= end)
        return false;
    if (strcmp(word, "entry") == 0)
        code[(a - begin) / 4].entry = (uint8_t)(1 + name_number(name));
    else if (strcmp(word, "leave") == 0)
        code[(a - begin) / 4].leave = name_number(name);
    else if (strcmp(word, "mark") == 0)
        code[(a - begin) / 4].marks |= UINT64_C(1) << strtoul(name, NULL, 16);
    else if (strcmp(word, "call") == 0)
        code[(a - begin) / 4].call = (uint16_t)strtoul(name, NULL, 16);
    else
        return false;
    return true;
}

static bool read_map(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[128];
    bool good = f != NULL;

    while (good && fgets(line, sizeof line, f) != NULL) {
        good = read_line(line);
        if (!good)
            fprintf(stderr, "el2count: %s: not a line of a map: %s", path, line);
    }
    if (f != NULL)
        fclose(f);
    return good;
}

static bool read_argument(const char *text)
{
    unsigned long long a, b;

    if (strncmp(text, "map=", 4) == 0)
        return read_map(text + 4);
    if (sscanf(text, "guest=%llx-%llx", &a, &b) == 2) {
        guest_begin = a;
        guest_end = b;
    } else if (strncmp(text, "out=", 4) == 0) {
        out = strdup(text + 4);
    } else if (sscanf(text, "hot=%lx", &hot) != 1) {
        return false;
    }
    return true;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!read_argument(argv[i]))
            return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
