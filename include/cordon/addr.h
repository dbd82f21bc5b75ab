/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and frame numbers, each a type of its own, so that a swap of two arguments does not compile.
 *
 * A number is wrapped where it crosses a public interface and unwrapped (.v) once it has been checked.
 */
#ifndef CORDON_ADDR_H
#define CORDON_ADDR_H

#include <stdint.h>

/* The granule: 4 KiB pages, 512 entries a table, 2 MiB blocks at level 2, 1 GiB blocks at level 1. */
#define CORDON_PAGE_SIZE UINT64_C(4096)
#define CORDON_TABLE_ENTRIES UINT64_C(512)
#define CORDON_BLOCK_PAGES UINT64_C(512)
#define CORDON_GIB_PAGES UINT64_C(262144)

/* No physical or guest-physical address of this architecture without LPA is wider than 48 bits. */
#define CORDON_ADDR_LIMIT (UINT64_C(1) << 48)
#define CORDON_FRAME_LIMIT (CORDON_ADDR_LIMIT / CORDON_PAGE_SIZE)

/* A physical address, in bytes. */
typedef struct { uint64_t v; } pa_t;
/* A guest-physical (intermediate physical) address, in bytes. */
typedef struct { uint64_t v; } ipa_t;
/* A physical frame number: pa / 4096. */
typedef struct { uint64_t v; } pfn_t;
/* A guest frame number: ipa / 4096. */
typedef struct { uint64_t v; } gfn_t;
/*
 * A virtual machine: v is 1 .. max_vms of the machine; 0 is the host and no VM. Ids are used again: generation names
 * one of those that bore the id, 0 whichever there is.
 */
typedef struct { uint32_t v; uint64_t generation; } vmid_t;

static inline pa_t pa(uint64_t v) { return (pa_t){ v }; }
static inline ipa_t ipa(uint64_t v) { return (ipa_t){ v }; }
static inline pfn_t pfn(uint64_t v) { return (pfn_t){ v }; }
static inline gfn_t gfn(uint64_t v) { return (gfn_t){ v }; }
static inline vmid_t vmid(uint32_t v) { return (vmid_t){ v, 0 }; }

#endif
