/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of an SMMUv3 and the fields that are used: Arm IHI 0070, chapter 6.3, by name. All have 32 bits, but the bases
 * have 64.
 */
#ifndef CORDON_SMMU_REGISTERS_H
#define CORDON_SMMU_REGISTERS_H

/* Both pages, one behind the other: what a tree has to give. */
#define SMMU_REGISTERS_SIZE 0x20000u

#define SMMU_IDR0 0x00
#define IDR0_S2P (1u << 0)          /* stage 2 */
#define IDR0_S1P (1u << 1)          /* stage 1 */
#define IDR0_TTF_AARCH64 (1u << 3)  /* it walks tables of 64-bit descriptors */
#define IDR0_COHACC (1u << 4)       /* its walks and queues are coherent with the CPUs' caches */
#define IDR0_HYP (1u << 9)          /* EL2's streams */
#define IDR0_VMID16 (1u << 18)      /* VMIDs have 16 bits, else 8 */
#define IDR0_TTENDIAN(x) ((x) >> 21 & 3)
#define TTENDIAN_BIG 3u             /* tables are big endian, always */
#define IDR0_STALL_MODEL(x) ((x) >> 24 & 3)
#define STALL_MODEL_FORCED 2u       /* a fault waits for software, always */
#define IDR0_ST_LEVEL(x) ((x) >> 27 & 3)
#define ST_LEVEL_TWO 1u

#define SMMU_IDR1 0x04
#define IDR1_SIDSIZE(x) ((x) & 0x3f)        /* bits of a stream's number */
#define IDR1_EVENTQS(x) ((x) >> 16 & 0x1f)  /* the largest queue, as a power of two */
#define IDR1_CMDQS(x) ((x) >> 21 & 0x1f)
#define IDR1_REL (1u << 28)         /* bases that are fixed are offsets */
#define IDR1_QUEUES_PRESET (1u << 29)
#define IDR1_TABLES_PRESET (1u << 30)

#define SMMU_IDR3 0x0c
#define IDR3_RIL (1u << 10)         /* one invalidation may name a range */

#define SMMU_IDR5 0x14
#define IDR5_OAS(x) ((x) & 7)       /* size of physical addresses, coded */
#define IDR5_GRAN4K (1u << 4)

#define SMMU_CR0 0x20
#define SMMU_CR0ACK 0x24            /* the same bits, once they have effect */
#define CR0_SMMUEN (1u << 0)
#define CR0_EVENTQEN (1u << 2)
#define CR0_CMDQEN (1u << 3)
#define CR0_ATSCHK (1u << 4)        /* what a device says is translated is looked up as well */

#define SMMU_CR1 0x28
#define CR1_WALKS 0xd40u            /* stream table: inner shareable, write-back inside and outside */
#define CR1_QUEUES 0x035u           /* queues: the same */

#define SMMU_CR2 0x2c
#define CR2_RECINVSID (1u << 1)     /* streams that there are not are told of in the event queue */
#define CR2_PTM (1u << 2)           /* invalidations of the CPUs are not heard */

#define SMMU_GBPA 0x44              /* what becomes of accesses while SMMUEN is 0 */
#define GBPA_ABORT (1u << 20)
#define GBPA_UPDATE (1u << 31)

#define SMMU_IRQ_CTRL 0x50
#define SMMU_GERROR 0x60            /* a bit that differs from its like in GERRORN is an error that stands */
#define SMMU_GERRORN 0x64
#define GERROR_CMDQ_ERR (1u << 0)
#define GERROR_SFM_ERR (1u << 8)    /* it has stopped to serve */

#define SMMU_STRTAB_BASE 0x80
#define SMMU_STRTAB_BASE_CFG 0x88
#define STRTAB_SPLIT_8 (8u << 6)    /* 256 entries a table of level 2 */
#define STRTAB_TWO_LEVEL (1u << 16)
#define SMMU_CMDQ_BASE 0x90
#define SMMU_CMDQ_PROD 0x98
#define SMMU_CMDQ_CONS 0x9c
#define CMDQ_CONS_ERR(x) ((x) >> 24 & 0x7f)
#define SMMU_EVENTQ_BASE 0xa0
#define SMMU_EVENTQ_PROD 0x100a8    /* in the second page */
#define SMMU_EVENTQ_CONS 0x100ac
#define EVENTQ_OVERFLOW (1u << 31)  /* of PROD: events were lost; of CONS: that is known */
#define QUEUE_INDEX 0xfffffu        /* of PROD and CONS: the index, and the bit that says which turn it is */

#define BASE_ALLOCATE (UINT64_C(1) << 62)   /* of a base: read and write allocation is a good hint */

#endif
