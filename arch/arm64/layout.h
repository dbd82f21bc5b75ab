/* SPDX-License-Identifier: Apache-2.0 */
/* What the assembly knows of the structures in cpu.h, and of the board. cpu.c checks that it is right. */
#ifndef CORDON_LAYOUT_H
#define CORDON_LAYOUT_H

#include "plat.h"

#define CPU_STACK 0
#define CPU_PANIC_STACK 8
#define CPU_STEP_ARGUMENT 16
#define REGS_SIZE 0x100
#define VCPU_PC 248             /* behind x0 .. x30 */
#define ARCH_VCPU_FPCR 512      /* behind V0 .. V31 */

#define MAX_CPUS 512            /* their memory is counted from the tree; what is per CPU in the image is a few bytes of each */
#define STACK_SIZE 0x2000
#define PANIC_STACK_SIZE 0x1000
#define GUARD_SIZE 0x1000
/* What each CPU has: guard, stack, guard, panic stack. */
#define STACKS_SIZE (2 * GUARD_SIZE + STACK_SIZE + PANIC_STACK_SIZE)

#endif
