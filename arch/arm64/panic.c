/* SPDX-License-Identifier: Apache-2.0 */
#include "panic.h"

#include "arch.h"
#include "its.h"
#include "print.h"
#include "scrub.h"
#include "smc.h"
#include "smmu.h"

/* Functions in ascending order of address; made by scripts/host/build-el2 from the linked image. */
struct symbol {
    uint32_t offset;        /* from the start of the image */
    uint32_t name;          /* in symbol_names */
};
extern const struct symbol symbols[];
extern const uint32_t symbol_count;
extern const char symbol_names[];
extern char _image_begin[], _rodata_begin[];

static bool is_code(uint64_t address)
{
    return address >= (uint64_t)_image_begin && address < (uint64_t)_rodata_begin;
}

static void print_place(uint64_t address)
{
    const struct symbol *best = 0;

    print("%X", address);
    if (!is_code(address))
        return;
    for (uint32_t i = 0; i < symbol_count && symbols[i].offset <= address - (uint64_t)_image_begin; i++)
        best = &symbols[i];
    if (best != 0)
        print(" %s+0x%x", &symbol_names[best->name], address - (uint64_t)_image_begin - best->offset);
}

/* Whether `size` bytes at an address lie in a stack of this CPU's. */
static bool is_on_stack(uint64_t address, uint64_t size)
{
    const struct cpu *cpu = this_cpu();

    return (address >= cpu->stack - STACK_SIZE && address <= cpu->stack - size) ||
           (address >= cpu->panic_stack - PANIC_STACK_SIZE && address <= cpu->panic_stack - size);
}

/* Frame records are pairs of the caller's frame pointer and the return address, upwards in the stack. */
static void print_back_trace(uint64_t pc, uint64_t fp)
{
    print("back trace:\n  ");
    print_place(pc);
    print("\n");
    for (uint32_t i = 0; i < 32 && fp % 8 == 0; i++) {
        const uint64_t *record = (const uint64_t *)fp;

        if (!is_on_stack(fp, 16) || !is_code(record[1]))
            return;
        print("  ");
        print_place(record[1]);
        print("\n");
        if (record[0] <= fp)
            return;
        fp = record[0];
    }
}

static const char *class_text(uint64_t esr)
{
    switch (esr >> 26 & 0x3f) {
    case EC_UNKNOWN: return "an undefined instruction";
    case EC_INSTRUCTION_SAME: return "an instruction abort";
    case EC_PC_ALIGNMENT: return "a misaligned PC";
    case EC_DATA_SAME: return (esr & 1 << 6) != 0 ? "a data abort on a write" : "a data abort on a read";
    case EC_SP_ALIGNMENT: return "a misaligned stack pointer";
    case EC_SERROR: return "an SError";
    case EC_BRK: return "a BRK instruction";
    default: return "an exception of another class";
    }
}

static const char *fault_text(uint64_t esr)
{
    switch (esr & 0x3c) {
    case 0x00: return "address size fault";
    case 0x04: return "translation fault: nothing is mapped there";
    case 0x08: return "access flag fault";
    case 0x0c: return "permission fault: the mapping does not allow it";
    case 0x10: return "external abort";
    case 0x20: return "alignment fault";
    default: return "fault of another kind";
    }
}

static bool is_abort(uint64_t esr)
{
    uint64_t class = esr >> 26 & 0x3f;

    return class == EC_DATA_SAME || class == EC_INSTRUCTION_SAME;
}

/* Below each stack is a page that is not mapped. */
static void print_guard(uint64_t far)
{
    uint64_t stack = this_cpu()->stack - STACK_SIZE;
    uint64_t panic_stack = this_cpu()->panic_stack - PANIC_STACK_SIZE;

    if ((far < stack && stack - far <= GUARD_SIZE) || (far < panic_stack && panic_stack - far <= GUARD_SIZE))
        print("  the address is in a guard page: a stack has overflowed\n");
}

static const char *const vector_text[4] = { "synchronous exception", "IRQ", "FIQ", "SError" };
static const char *const from_text[4] = { "EL2 with SP_EL0", "EL2", "a lower EL", "a lower EL in AArch32" };

static void print_registers(const struct regs *r, uint64_t sp)
{
    for (uint32_t i = 0; i < 31; i++)
        print("%sx%u%s %X%s", i % 4 == 0 ? "  " : "  ", (uint64_t)i, i < 10 ? " " : "", r->x[i], i % 4 == 3 ? "\n" : "");
    print("  sp  %X\n", sp);
    print("  elr %X  esr %X  far %X  spsr %X\n", sysreg_read(elr_el2), sysreg_read(esr_el2), sysreg_read(far_el2),
          sysreg_read(spsr_el2));
    print("  hcr %X  vttbr %X  hpfar %X  sctlr %X\n", sysreg_read(hcr_el2), sysreg_read(vttbr_el2),
          sysreg_read(hpfar_el2), sysreg_read(sctlr_el2));
}

/* One CPU reports; the others wait for the end. It comes at once if the report itself goes wrong. */
static void begin(void)
{
    static uint32_t reporting;      /* the CPU that does, and one */
    uint32_t self = this_cpu()->number + 1;
    uint32_t before = 0;

    if (__atomic_compare_exchange_n(&reporting, &before, self, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    if (before == self)
        switch_off();
    for (;;)
        __asm__ volatile("wfe");
}

/* Memory outlives some ways of switching off: what was a guest's does not. */
static _Noreturn void end(void)
{
    smmu_cut_all();
    its_cut_all();
    scrub_private();
    print("Cordon stops the machine.\n");
    switch_off();
}

_Noreturn void panic_exception(const struct regs *r, uint64_t number, uint64_t sp)
{
    uint64_t esr = sysreg_read(esr_el2);

    begin();
    print("\nCordon panic on CPU %u: %s from %s\n", (uint64_t)this_cpu()->number, vector_text[number % 4],
          from_text[number / 4 % 4]);
    if (number % 4 == 0) {
        print("  it is %s", class_text(esr));
        if (is_abort(esr)) {
            print(" at %X: %s\n", sysreg_read(far_el2), fault_text(esr));
            print_guard(sysreg_read(far_el2));
        } else {
            print("\n");
        }
    }
    print_registers(r, sp);
    print("  x30 is ");     /* the caller of a function that has no frame record */
    print_place(r->x[30]);
    print("\n");
    print_back_trace(sysreg_read(elr_el2), r->x[29]);
    end();
}

_Noreturn void panic(const char *text)
{
    begin();
    print("\nCordon panic on CPU %u: %s\n", (uint64_t)this_cpu()->number, text);
    print_back_trace((uint64_t)__builtin_return_address(0), (uint64_t)__builtin_frame_address(0));
    end();
}

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text)
{
    (void)c;
    begin();
    print("\nCordon panic on CPU %u: %s:%u: this does not hold: %s\n", (uint64_t)this_cpu()->number, file,
          (uint64_t)line, text);
    print_back_trace((uint64_t)__builtin_return_address(0), (uint64_t)__builtin_frame_address(0));
    end();
}
