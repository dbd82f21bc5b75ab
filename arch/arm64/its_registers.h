/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of an ITS, and those of a redistributor and the distributor that concern LPIs: Arm IHI 0069, 12.9 to 12.19, by
 * name.
 */
#ifndef CORDON_ITS_REGISTERS_H
#define CORDON_ITS_REGISTERS_H

/* Two frames: the registers, and the page to which devices write. */
#define ITS_FRAME UINT64_C(0x10000)
#define ITS_SIZE (2 * ITS_FRAME)

#define GITS_CTLR 0x00
#define GITS_CTLR_ENABLED (1u << 0)
#define GITS_CTLR_QUIESCENT (1u << 31)      /* nothing that it does is under way */
#define GITS_IIDR 0x04
#define GITS_TYPER 0x08
#define TYPER_PHYSICAL (UINT64_C(1) << 0)
#define TYPER_CCT (UINT64_C(1) << 2)        /* collections: those in memory, and those that it holds itself */
#define TYPER_ENTRY_SIZE(x) (((x) >> 4 & 0xf) + 1)      /* of a translation table, in bytes */
#define TYPER_EVENT_BITS(x) ((uint32_t)((x) >> 8 & 0x1f) + 1)
#define TYPER_DEVICE_BITS(x) ((uint32_t)((x) >> 13 & 0x1f) + 1)
#define TYPER_PTA (UINT64_C(1) << 19)       /* a redistributor is named by its address, not by its number */
#define TYPER_HCC(x) ((uint32_t)((x) >> 24 & 0xff))     /* collections that it holds itself */
#define TYPER_CIL (UINT64_C(1) << 36)       /* it says how many bits a collection's number has; else 16 */
#define TYPER_COLLECTION_BITS(x) ((uint32_t)((x) >> 32 & 0xf) + 1)
/* What of it the host sees as it is. */
#define TYPER_SHOWN (TYPER_PHYSICAL | UINT64_C(0xf0) | TYPER_PTA | UINT64_C(0x1f) << 13 | TYPER_CIL | UINT64_C(0xf) << 32)

#define GITS_CBASER 0x80
#define CBASER_PAGES(x) (((x) & 0xff) + 1)
#define GITS_CWRITER 0x88
#define GITS_CREADR 0x90
#define CREADR_STALLED UINT64_C(1)          /* it waits at a command that it does not understand */
#define QUEUE_OFFSET UINT64_C(0xfffe0)      /* of CWRITER and CREADR */
#define GITS_BASER(n) (0x100u + 8 * (n))
#define GITS_BASERS 8u
#define BASER_PAGES_LESS_1 UINT64_C(0xff)
#define BASER_PAGE_SIZE(code) ((uint64_t)(code) << 8)   /* 0: 4 KiB, 1: 16 KiB, 2: 64 KiB */
#define BASER_PAGE_SIZE_CODE(x) ((x) >> 8 & 3)
#define BASER_ENTRY_SIZE(x) (((x) >> 48 & 0x1f) + 1)
#define BASER_TYPE(x) ((x) >> 56 & 7)
#define BASER_DEVICES 1u
#define BASER_COLLECTIONS 4u
#define BASER_FIXED (UINT64_C(7) << 56 | UINT64_C(0x1f) << 48)     /* read-only: the type, and an entry's size */
#define GITS_PIDR 0xffd0u                   /* from here on, to the end of the page, it says what it is */

/* In all of CBASER, BASER: where, and that it is. Physical addresses have at most 48 bits here. */
#define BASE_VALID (UINT64_C(1) << 63)
#define BASE_ADDRESS UINT64_C(0xfffffffff000)
/* Write-back, with allocation, and inner shareable: the fields of ITS's and of redistributors' bases. */
#define BASE_SHAREABLE (UINT64_C(1) << 10)
#define BASE_SHAREABILITY (UINT64_C(3) << 10)
#define ITS_WRITE_BACK (UINT64_C(7) << 59)
#define ITS_CACHEABILITY (UINT64_C(7) << 59)
#define LPI_WRITE_BACK (UINT64_C(7) << 7)
#define LPI_CACHEABILITY (UINT64_C(7) << 7)

#define GITS_TRANSLATER 0x10040u            /* in the second frame */

#define GICD_TYPER 0x04
#define GICD_TYPER_ID_BITS(x) (((x) >> 19 & 0x1f) + 1)
#define GICD_TYPER_LPIS_BITS(x) ((x) >> 11 & 0x1f)      /* n > 0: there are 2^(n + 1) LPIs and no more */

#define GICR_CTLR 0x00
#define GICR_CTLR_ENABLE_LPIS (1u << 0)
#define GICR_CTLR_IR (1u << 2)              /* LPIs may be invalidated by registers */
#define GICR_CTLR_RWP (1u << 3)             /* what was written has no effect yet */
#define GICR_TYPER 0x08
#define GICR_TYPER_PLPIS UINT64_C(1)
#define GICR_TYPER_VLPIS UINT64_C(2)        /* it has the frames of a GICv4 */
#define GICR_TYPER_DIRTY UINT64_C(4)
#define GICR_TYPER_DIRECT_LPI UINT64_C(8)
#define GICR_TYPER_LAST UINT64_C(0x10)
#define GICR_TYPER_RVPEID UINT64_C(0x80)    /* of a GICv4.1 */
#define GICR_TYPER_NUMBER(x) ((x) >> 8 & 0xffff)
#define GICR_TYPER_VSGI UINT64_C(0x4000000)
#define GICR_PROPBASER 0x70
#define GICR_PENDBASER 0x78
#define PENDBASER_ZERO (UINT64_C(1) << 62)  /* the table is all zero */
#define PENDBASER_ADDRESS UINT64_C(0xffffffff0000)

#define LPI_FIRST 8192u
#define LPI_ENABLED UINT64_C(0x01)          /* of a property */
#define LPI_PRIORITY UINT64_C(0xfc)

#endif
