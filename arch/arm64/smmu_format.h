/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SMMU finds in memory: stream table entries, context descriptors, commands (Arm IHI 0070, chapters 5, and 4 by the
 * names of commands). All that is not named is zero: no ATS (EATS), no stalls, no substreams, no updates of tables. Needs no
 * machine.
 */
#ifndef CORDON_SMMU_FORMAT_H
#define CORDON_SMMU_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define STREAM_WORDS 8u             /* of 64 bits, an entry of the stream table */
#define CONTEXT_WORDS 8u
#define COMMAND_WORDS 2u
#define EVENT_WORDS 4u

/* Level-3 descriptors of a page of normal memory, read-write, without the address (Arm ARM D8.3), for each form of table. */
#define PAGE_STAGE1 UINT64_C(0x743)         /* attribute 0, unprivileged too, inner shareable, accessed */
#define PAGE_STAGE2 UINT64_C(0x7ff)         /* write-back, read-write, inner shareable, accessed */

/* The same of a page of a device's: stage 1 has no page that can be written alone. */
#define PAGE_STAGE1_DEVICE UINT64_C(0x447)
#define PAGE_STAGE2_DEVICE UINT64_C(0x487)  /* write-only, Device-nGnRE */

/* A translation: the one that all streams of the host's have, or a VM's, of stage 2. */
struct smmu_translation {
    bool stage2;            /* the table's descriptors are of stage 2, else of stage 1 */
    uint32_t start;         /* level of the root: 0 to 2 */
    uint32_t bits;          /* of addresses; 0: as many as the start says */
    uint32_t vmid;          /* 0 the host's */
    uint32_t address_size;  /* of physical addresses, as IDR5.OAS has it */
    uint64_t root;          /* physical addresses */
    uint64_t context;       /* for stage 1: where its context descriptor is */
};

/* Bits of a physical address, for a code of IDR5.OAS: at most 48. */
uint32_t smmu_address_bits(uint32_t code);

/* An entry of the stream table that has a stream translated (5.2). */
void smmu_stream_entry(const struct smmu_translation *t, uint64_t entry[STREAM_WORDS]);

/* The context descriptor of a translation of stage 1 (5.4). */
void smmu_context_descriptor(const struct smmu_translation *t, uint64_t entry[CONTEXT_WORDS]);

/* An entry of the first level of a stream table: a table of 256 entries at `table`, which is aligned to its size (5.1). */
uint64_t smmu_stream_table(uint64_t table);

/* Bits of physical addresses that there must be where stage 2 may begin at level 0. */
#define LEVEL_0_LEAST 44u

struct smmu_command {
    uint64_t w[COMMAND_WORDS];
};

struct smmu_command smmu_cfgi_all(void);                            /* all of the stream table, and contexts */
struct smmu_command smmu_tlbi_nsnh_all(void);                       /* all translations of the non-secure world but EL2's */
struct smmu_command smmu_tlbi_el2_all(void);                        /* EL2's */
struct smmu_command smmu_cfgi_stream(uint32_t stream);              /* one entry of the stream table, and the way to it */
struct smmu_command smmu_tlbi_vm(bool stage2, uint32_t vmid);       /* all of the host's streams, or of a VM's */
/* Pages frame .. frame+pages-1 of the host's streams, last-level entries alone. pages: 1, or what smmu_range() gives. */
struct smmu_command smmu_tlbi_pages(bool stage2, uint64_t frame, uint64_t pages);
/* The same of a VM's streams, of any level, and the ways to them: its tables have blocks, and change their shape. */
struct smmu_command smmu_tlbi_guest_pages(uint32_t vmid, uint64_t frame, uint64_t pages);
struct smmu_command smmu_sync(void);                                /* without a signal, as who waits polls CONS */

/* The most pages, from 1 to `pages`, that one command names, of a number below 2^36: 1 .. 32 times a power of two. */
uint64_t smmu_range(uint64_t pages);

#endif
