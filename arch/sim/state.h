/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine's own state. Private to arch/sim and its tests.
 *
 * Arrays with an element for each frame or section are sparse: reserved address space, of which the kernel gives
 * memory to the pages that are used. So a machine of 64 GiB costs no more than what a run touches.
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include <pthread.h>

#include "arch.h"
#include "sim.h"

#define SIM_REPORTS_KEPT 256
#define SIM_KINDS 4             /* lock kinds, 0 unused */

/* Frames first .. first+count-1. */
struct frames {
    uint64_t first;
    uint64_t count;
};

/* ---- what is known of each frame ---- */

/* Flags, one byte a frame. */
#define FRAME_TOUCHED 0x01u     /* may hold something else than zeros */
#define FRAME_DIRTY 0x02u       /* caches hide what memory holds: struct frame_note.beneath */
#define FRAME_ZEROED 0x04u      /* the last writer was arch_zero_frames() */
#define FRAME_VISITED 0x08u     /* sim_check_all() met this table */

/* Where a table hangs: 0, or these fields. A single word, so that other CPUs read it whole. */
#define ROW_LIVE (UINT64_C(1) << 63)    /* reachable from a root */
#define ROW_TABLE (UINT64_C(1) << 62)   /* between arch_table_alloc() and arch_table_free() */
#define ROW_ROOT (UINT64_C(1) << 61)

struct frame_note {
    uint64_t row;               /* ROW_ bits, level 53:52, vmid 51:36, first guest frame number 35:0 */
    uint64_t stored;            /* table: the last store before it was live; CPU 63:56, that CPU's clock 55:0 */
    struct table *shadow;       /* live table: what arch_pte_write() put there */
    struct table *beneath;      /* dirty frame: what memory holds; NULL: zeros */
};

static inline uint64_t row_pack(uint64_t bits, uint32_t vmid, uint32_t level, uint64_t gfn)
{
    return bits | (uint64_t)level << 52 | (uint64_t)vmid << 36 | gfn;
}

static inline uint32_t row_vmid(uint64_t row) { return (uint32_t)(row >> 36 & 0xffff); }
static inline uint32_t row_level(uint64_t row) { return (uint32_t)(row >> 52 & 3); }
static inline uint64_t row_gfn(uint64_t row) { return row & ((UINT64_C(1) << 36) - 1); }

/* ---- growing lists ---- */

/* An entry of a live table that was written under a lock that is still held. */
struct change {
    uint64_t row;
    uint32_t index;
    uint32_t guard;             /* LOCK_ kind */
};

/* A stretch of guest frame numbers whose translations were taken away. */
struct stretch {
    uint32_t vmid;
    uint64_t gfn;
    uint64_t pages;
};

/* An entry of the devices' table that was taken out, until no SMMU has it any more. */
struct dma_duty {
    uint64_t frame;
    uint64_t old;
    bool told;                  /* the SMMUs were told to forget it, and need not have done so yet */
};

/* An entry of a VM's table that was taken out while a device had the table walked, until no SMMU has it any more. */
struct stream_duty {
    uint32_t vmid;
    uint32_t level;
    uint64_t gfn, pages;        /* what the entry covered */
    uint64_t old;
    bool told;
};

/* ---- functions of PCI ---- */

#define SIM_FUNCTIONS 16
#define STREAM_WALKS 64

enum function_stage { FUNCTION_HOST, FUNCTION_CLOSED, FUNCTION_OPEN };

struct function {
    struct sim_device is;
    uint32_t stage;             /* enum function_stage: whose its stream is */
    uint32_t vmid;              /* open: whose table it has walked, and where that begins */
    uint64_t root;
    uint32_t left;              /* looks at the reset until it is over; 0: none is under way */
    bool used;                  /* somebody may have told it something since its last reset */
    uint64_t *tlb;              /* see stream.c */
    uint64_t walk[STREAM_WALKS];
};

/* ---- a CPU ---- */

struct duty;
struct tlbi;
struct tlb;

struct stage1 {
    uint64_t ttbr;
    uint32_t va_bits;           /* 0: off */
};

struct cpu {
    struct sim *sim;
    uint32_t id;
    uint32_t depth;             /* of sim_begin() */
    const char *what;           /* the operation */
    unsigned reports;           /* before the operation */

    uint64_t clock;             /* table stores so far */
    uint64_t ordered;           /* those up to here were ordered by a DSB */
    uint64_t fresh[SIM_KINDS];  /* the last store of a valid entry under a lock of a kind; 0 none */

    bool held[SIM_KINDS];
    uint64_t held_id[SIM_KINDS];
    uint32_t waits;             /* in a row */

    struct duty *duty;          /* see duty.c */
    uint32_t duties, duty_room;
    struct tlbi *queue;         /* invalidations issued and not yet complete; see tlb.h */
    uint32_t queued, queue_room;
    uint32_t flushed;           /* VMID whose last step here was a complete TLBI VMALLS12E1IS; see pte.c */
    struct change *change;
    uint32_t changes, change_room;
    struct stretch *gone;       /* retracted in this operation */
    uint32_t gones, gone_room;
    struct dma_duty *dma;       /* see dma.h */
    uint32_t dmas, dma_room;
    struct frames *told;        /* what the SMMUs were told since the last CMD_SYNC */
    uint32_t tolds, told_room;
    struct stream_duty *stream; /* see stream.h */
    uint32_t streams, stream_room;
    struct stretch *stream_told;
    uint32_t stream_tolds, stream_told_room;

    struct tlb *tlb;
    uint32_t in_access;         /* odd: an access through MMU and TLB is under way */
    uint64_t heard;             /* how far this CPU has come in the machine's mail; see mail.h */
    struct stage1 stage1[2];    /* of the host, of VMs */
};

/* ---- what the machine has lent to a VM ---- */

struct lent {                   /* a run of private frames, a power of two */
    uint64_t first;
    uint32_t order;
    uint32_t next;              /* index of the next one + 1; 0: none */
};

struct vm_note {
    bool live;                  /* its roots are known */
    struct stage2 s2;
    uint64_t frames;            /* that the records say it owns */
    uint32_t lent;              /* list, as in struct lent */
};

#define LENT_ORDERS 10          /* 1 .. 512 frames */

struct arch {
    struct sim *sim;
};

struct mail;

struct sim {
    struct cordon core;
    struct arch arch;
    bool check;
    bool concurrent;
    bool booting;
    void (*panic)(const char *file, int line, const char *text);

    /* ram.c */
    struct frames *ram;         /* of the configuration */
    uint32_t rams;
    struct frames *core_mem;
    uint32_t cores;
    struct frames *hidden;      /* of the configuration, and the host's tables and its devices' */
    uint32_t hiddens;
    struct frames *pinned;
    uint32_t pinneds;
    struct frames private;      /* the VMs' part of private memory */
    struct frames host_tables;  /* the host's, also in `hidden` */
    struct frames dma_tables;   /* its devices', likewise; count 0: there is no SMMU */
    uint64_t frames;            /* of the whole span */
    struct table *phys;
    uint8_t *flag;              /* a byte a frame */
    uint8_t *touched;           /* a byte for 512 frames: some of them are */
    struct frame_note *note;    /* one a frame */
    struct table *page;         /* pages for shadows; see sim_page_get() */
    uint64_t pages, page_next;
    uint64_t page_free;         /* list through the first words: index + 1 */

    /* private.c */
    uint64_t private_next;      /* first frame that was never lent */
    uint32_t lent_free[LENT_ORDERS];
    struct lent *lent;
    uint32_t lents, lent_room;
    pthread_mutex_t lent_lock;

    /* record.c */
    struct frame *shadow;       /* the records, as they were when their section's lock was last dropped */
    struct section *count;      /* the sections' counts, likewise */
    uint8_t *seen;              /* a byte a section: 1 when shadow and count are filled in */
    struct vm_note *vm;         /* vm[id - 1] */
    uint64_t records_end;       /* bytes of each array, for the unmapping */

    /* smmu.c, dma.c */
    struct cordon_dma dma;      /* of the configuration */
    struct cordon_door door;
    struct table *dma_shadow;   /* what arch_dma_write() put into dma_tables */
    uint64_t *smmu_tlb;         /* by record: the page that the frame's address is translated to, and bit 0; 0: not there */
    uint64_t smmu_sections;     /* that it has room for */
    uint64_t smmu_events;       /* accesses that were refused */

    /* stream.c, device.c */
    struct function function[SIM_FUNCTIONS];
    uint32_t functions;

    /* guest.c */
    sim_guest_fn *guest;
    void *guest_arg;
    uint64_t counter;
    uint64_t drawn;             /* state of the random numbers for guests */
    bool no_random;
    const struct attest_root *root;     /* NULL: nothing was handed over */

    struct cpu *cpu;
    uint32_t cpus;
    uint32_t tlb_entries;
    struct mail *mail;

    /* the core's own arrays */
    struct span *core_span;
    struct hidden *core_hidden;
    struct section *core_section;
    struct frame *core_frame;
    uint64_t core_sections;
    struct vm *core_vm;
    uint32_t core_vms;

    /* one operation at a time, unless concurrent */
    pthread_mutex_t turn;

    FILE *log;
    uint64_t log_line;
    pthread_mutex_t log_lock;

    pthread_mutex_t report_lock;
    unsigned reports;
    char *report[SIM_REPORTS_KEPT];
};

#endif
