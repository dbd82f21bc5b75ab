/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed snapshot (docs/SNAPSHOTS.md): a header that all may read, then chunks that nobody can read, change, leave out, repeat or
 * put in another order who does not have the secret. Written and read a chunk at a time. Needs no machine, and no memory but the
 * caller's; BearSSL has the cryptography.
 */
#ifndef CORDON_SEALED_H
#define CORDON_SEALED_H

#include <stdbool.h>
#include <stdint.h>

#include <bearssl.h>

#define SEALED_SECRET 32
#define SEALED_SALT 32
#define SEALED_HASH 32
#define SEALED_PERSONAL 64
#define SEALED_HEADER 160       /* bytes of a header */
#define SEALED_HEAD 24          /* of what stands before each chunk */
#define SEALED_TAG 16
#define SEALED_DATA 4096        /* of a chunk at most */
#define SEALED_CHUNK (SEALED_HEAD + SEALED_DATA + SEALED_TAG)
#define SEALED_VCPUS 16
#define SEALED_PAGES (1u << 20) /* that one chunk of zeros stands for at most */
#define SEALED_GFNS (1ull << 36)

/* What all may know. Which key it is sealed with comes of every bit of it. */
struct sealed_header {
    uint8_t salt[SEALED_SALT];              /* random: no two snapshots have the same key */
    uint8_t measurement[SEALED_HASH];       /* of the guest */
    uint8_t personal[SEALED_PERSONAL];
    uint64_t generation;                    /* how often the guest was restored before */
    uint32_t vcpus;                         /* 1 .. SEALED_VCPUS */
};

enum sealed_kind {
    SEALED_RECORD = 1,      /* words of record `at`: 0 the VM's, 1 + i of vCPU i; each once, in this order, before all pages */
    SEALED_PAGE = 2,        /* the page `at` */
    SEALED_ZEROS = 3,       /* `pages` of zeros from the page `at` on */
    SEALED_END = 4          /* all of it was there */
};

/* What a chunk is about. It can be read by all, but not changed. */
struct sealed_chunk {
    uint32_t kind;          /* enum sealed_kind */
    uint32_t size;          /* bytes of data: a record's, whole words; SEALED_DATA of a page; none of zeros */
    uint64_t at;
    uint32_t pages;         /* of zeros; 1 of a page */
    uint32_t grants;        /* of each of these pages */
};

/* One stream, that is written or read. The caller gives it room, and overwrites it when it has served. */
struct sealed {
    uint8_t key[32];
    br_sha256_context tags; /* of the chunks so far */
    uint64_t number;        /* of the next chunk: its nonce */
    uint64_t records, pages, zeros;         /* so far */
    uint64_t next;          /* the lowest page that may come */
    uint32_t vcpus;
    bool broken;            /* nothing follows any more: it has ended, or something was wrong */
};

/* The header as bytes, and back. False: it is none, of another version, or of no guest that there can be. */
void sealed_put_header(uint8_t out[SEALED_HEADER], const struct sealed_header *h);
bool sealed_get_header(struct sealed_header *h, const uint8_t in[SEALED_HEADER]);

/* Begins a stream behind a header, for who writes as for who reads. secret: what only keepers have that may read it. */
void sealed_begin(struct sealed *s, const struct sealed_header *h, const uint8_t secret[SEALED_SECRET]);

/*
 * The next chunk, to `out`, which has room for SEALED_CHUNK bytes; how many they are. `data` has k->size bytes and does not overlap.
 * 0: it may not come here (see enum sealed_kind; pages ascend, none twice), or the stream has ended; nothing follows any more.
 */
uint32_t sealed_put(struct sealed *s, const struct sealed_chunk *k, const uint8_t *data, uint8_t *out);

/* The last one, which says how much there was. Writes to `out` as sealed_put() does. 0: a record is missing. */
uint32_t sealed_put_end(struct sealed *s, uint8_t *out);

/* How long the chunk is whose first SEALED_HEAD bytes are at `in`: what has to be there for sealed_get(). 0: it is none. */
uint32_t sealed_length(const uint8_t in[SEALED_HEAD]);

/*
 * The next chunk, from `in`, of sealed_length() bytes: what it is about, and its data, for which there is room for SEALED_DATA bytes.
 * False: it is not what was written here, and nothing that comes from this stream may be used; `data` is zeros then. After a chunk
 * SEALED_END the stream is whole, and only then.
 */
bool sealed_get(struct sealed *s, const uint8_t *in, struct sealed_chunk *k, uint8_t *data);

/* What names a whole snapshot: SHA-256 over the tags of its chunks but the last, which says it, too. */
void sealed_name(const struct sealed *s, uint8_t name[SEALED_HASH]);

#endif
