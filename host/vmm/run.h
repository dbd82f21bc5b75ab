/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs at work. */
#ifndef VMM_RUN_H
#define VMM_RUN_H

struct vm;

/* Runs all vCPUs until the guest ends or a signal ends the launcher. Returns the exit status. */
int run_vm(struct vm *vm);

#endif
