/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test guest can ask of the launcher by CORDON_GUEST_HOST, when it was started with --test-calls: x1 of the call
 * is the operation, x2 .. x4 its arguments; x0 is the answer and x1 a value. Plain C for any compiler: the launcher,
 * the bare test guest and the Linux guest's module share it. The README of this folder says more.
 */
#ifndef VMM_TEST_CALLS_H
#define VMM_TEST_CALLS_H

#define VMM_CALL_PEEK 1         /* guest address -> the 64-bit value there, read by the launcher itself */
#define VMM_CALL_POKE 2         /* guest address, value: written by the launcher itself */
#define VMM_CALL_FILL 3         /* guest address, bytes, value: 64-bit words of it */
#define VMM_CALL_SUM 4          /* guest address, bytes -> FNV-1a checksum of 64 bits */
#define VMM_CALL_SYSCALL_PEEK 5 /* as PEEK, but the host's kernel reads it: write() of it into a pipe */
#define VMM_CALL_MARK 6         /* number: the launcher prints "vmm: mark NUMBER" */
#define VMM_CALL_SYSCALL_POKE 7 /* as POKE, but the host's kernel writes it: read() from a pipe */
#define VMM_CALL_PROCESS_PEEK 8 /* as PEEK, by another process: through /proc/PID/mem of the launcher */

#define VMM_ANSWER_OK 0
#define VMM_ANSWER_FAULT (-14)  /* the access met SIGBUS or SIGSEGV, or the system call gave EFAULT */
#define VMM_ANSWER_INVALID (-22)/* not in the guest's memory, or an unknown operation */

#endif
