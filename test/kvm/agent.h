/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that agent.S knows, in the order of its table. a0, a1: its arguments. */
#ifndef AGENT_H
#define AGENT_H

#define ORDER_READ8 0               /* a0: address; r0: value */
#define ORDER_READ16 1
#define ORDER_READ32 2
#define ORDER_READ64 3
#define ORDER_WRITE8 4              /* a0: address, a1: value */
#define ORDER_WRITE16 5
#define ORDER_WRITE32 6
#define ORDER_WRITE64 7
#define ORDER_HVC 8                 /* a0 .. a4: x0 .. x4; r0 .. r3: x0 .. x3 */
#define ORDER_WFI 9
#define ORDER_SPIN 10               /* does not end */
#define ORDER_INTERFACE 11          /* opens the CPU interface for interrupts of any priority */
#define ORDER_ACKNOWLEDGE 12        /* r0: INTID, 1023 none */
#define ORDER_EOI 13                /* a0: INTID */
#define ORDER_SGI 14                /* a0: ICC_SGI1R_EL1 */
#define ORDER_TIMER 15              /* a0: ticks until it fires, a1: 1 on, 0 off */
#define ORDER_READ8_SIGNED 16
#define ORDER_IDENTITY 17           /* r0: MIDR; 18 MPIDR, 19 REVIDR, 20 CLIDR, 21 AIDR, 22 CTR */
#define ORDER_FEATURE 23            /* + (CRm - 1) * 8 + op2. r0: S3_0_C0_C<CRm>_<op2> */

#endif
