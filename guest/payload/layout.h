/* SPDX-License-Identifier: Apache-2.0 */
/* What assembly and C of the payload share: offsets, descriptors, control registers. */
#ifndef PAYLOAD_LAYOUT_H
#define PAYLOAD_LAYOUT_H

#define CPU_STACK 0             /* offset in struct cpu */
#define FRAME_SIZE 176          /* struct exception_frame */

#define BLOCK_DEVICE 0x0060000000000401     /* never executable */
#define DEVICE_CODE 0x7fc0000000          /* the first GiB of addresses as memory that may be run, for what that meets */
#define BLOCK_MEMORY 0x0040000000000705     /* write-back, inner shareable, executable at EL1 */

/* 39 bits of address from level 1, write-back inner shareable walks, nothing above */
#define TCR_VALUE 0x803519
#define SCTLR_ON 0x1005         /* M, C, I */

#endif
