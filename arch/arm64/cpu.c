/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include <stddef.h>

extern char boot_stack_top[], boot_panic_stack_top[];

struct cpu boot_cpu = { .stack = (uint64_t)boot_stack_top, .panic_stack = (uint64_t)boot_panic_stack_top };
struct cpu *cpus;
uint32_t cpu_count;
static uint64_t stacks;         /* the row of them */

_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, panic_stack) == CPU_PANIC_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, step_argument) == CPU_STEP_ARGUMENT, "layout.h");
_Static_assert(sizeof(struct regs) == REGS_SIZE, "layout.h");

static uint64_t stacks_size(uint32_t n)
{
    return (uint64_t)n * STACKS_SIZE;
}

static uint64_t structs_size(uint32_t n)
{
    return (n * sizeof(struct cpu) + 0xfff) & ~UINT64_C(0xfff);
}

uint64_t cpus_size(uint32_t n)
{
    return stacks_size(n) + structs_size(n);
}

void cpus_place(uint64_t base, uint32_t n)
{
    stacks = base;
    cpus = (struct cpu *)(base + stacks_size(n));
}

void cpu_add(uint64_t mpidr)
{
    uint64_t row = stacks + stacks_size(cpu_count);
    struct cpu *cpu = &cpus[cpu_count];

    cpu->stack = row + GUARD_SIZE + STACK_SIZE;
    cpu->panic_stack = row + STACKS_SIZE;
    cpu->mpidr = mpidr & MPIDR_AFFINITY;
    cpu->number = cpu_count;
    cpu->state = CPU_STATE_OFF;
    cpu_count++;
}

struct cpu *cpu_find(uint64_t mpidr)
{
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i].mpidr == mpidr)
            return &cpus[i];
    }
    return NULL;
}
