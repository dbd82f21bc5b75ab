/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed.h"

static const char magic[8] = "CORDONSN";
#define VERSION 1

#define END_SIZE (4 * 8 + SEALED_HASH)      /* records, pages, zeros, chunks; the name */

/* ---- numbers and bytes ---- */

static void put(uint8_t *to, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *from, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static void copy(void *to, const void *from, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

static void erase(void *at, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        ((volatile uint8_t *)at)[i] = 0;
}

/* In a time that does not depend on what they are. */
static bool are_same(const uint8_t *a, const uint8_t *b, uint32_t size)
{
    uint8_t differ = 0;

    for (uint32_t i = 0; i < size; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

/* ---- the header: magic, version, vCPUs, generation, salt, measurement, personalisation, zeros ---- */

enum { AT_VERSION = 8, AT_VCPUS = 12, AT_GENERATION = 16, AT_SALT = 24, AT_MEASUREMENT = 56, AT_PERSONAL = 88, AT_REST = 152 };

void sealed_put_header(uint8_t out[SEALED_HEADER], const struct sealed_header *h)
{
    copy(out, magic, sizeof magic);
    put(out + AT_VERSION, VERSION, 4);
    put(out + AT_VCPUS, h->vcpus, 4);
    put(out + AT_GENERATION, h->generation, 8);
    copy(out + AT_SALT, h->salt, SEALED_SALT);
    copy(out + AT_MEASUREMENT, h->measurement, SEALED_HASH);
    copy(out + AT_PERSONAL, h->personal, SEALED_PERSONAL);
    put(out + AT_REST, 0, 8);
}

bool sealed_get_header(struct sealed_header *h, const uint8_t in[SEALED_HEADER])
{
    h->vcpus = (uint32_t)get(in + AT_VCPUS, 4);
    h->generation = get(in + AT_GENERATION, 8);
    copy(h->salt, in + AT_SALT, SEALED_SALT);
    copy(h->measurement, in + AT_MEASUREMENT, SEALED_HASH);
    copy(h->personal, in + AT_PERSONAL, SEALED_PERSONAL);
    return are_same(in, (const uint8_t *)magic, sizeof magic) && get(in + AT_VERSION, 4) == VERSION && h->vcpus >= 1 &&
           h->vcpus <= SEALED_VCPUS && get(in + AT_REST, 8) == 0;
}

/* ---- the key: HKDF with SHA-512, and all of the header in it ---- */

void sealed_begin(struct sealed *s, const struct sealed_header *h, const uint8_t secret[SEALED_SECRET])
{
    static const char what[] = "Cordon: a snapshot of a guest";
    uint8_t info[sizeof what - 1 + SEALED_HEADER];
    br_hkdf_context c;

    *s = (struct sealed){ .vcpus = h->vcpus };
    br_sha256_init(&s->tags);
    copy(info, what, sizeof what - 1);
    sealed_put_header(info + sizeof what - 1, h);
    br_hkdf_init(&c, &br_sha512_vtable, h->salt, SEALED_SALT);
    br_hkdf_inject(&c, secret, SEALED_SECRET);
    br_hkdf_flip(&c);
    (void)br_hkdf_produce(&c, info, sizeof info, s->key, sizeof s->key);
    erase(&c, sizeof c);
}

/* ---- which chunk may come ---- */

static bool is_record(const struct sealed *s, const struct sealed_chunk *k)
{
    return k->at == s->records && k->at <= s->vcpus && k->size > 0 && k->size <= SEALED_DATA && k->size % 8 == 0 && k->pages == 0 &&
           k->grants == 0;
}

/* Pages that are there, and have not come yet. Behind the first no record may come, as they are all there. */
static bool are_pages(const struct sealed *s, const struct sealed_chunk *k)
{
    return s->records == s->vcpus + 1 && k->at >= s->next && k->at < SEALED_GFNS && k->pages <= SEALED_GFNS - k->at;
}

static bool may_come(const struct sealed *s, const struct sealed_chunk *k)
{
    switch (k->kind) {
    case SEALED_RECORD: return is_record(s, k);
    case SEALED_PAGE: return are_pages(s, k) && k->size == SEALED_DATA && k->pages == 1;
    case SEALED_ZEROS: return are_pages(s, k) && k->size == 0 && k->pages >= 1 && k->pages <= SEALED_PAGES;
    case SEALED_END: return s->records == s->vcpus + 1 && k->size == END_SIZE && k->at == 0 && k->pages == 0 && k->grants == 0;
    default: return false;
    }
}

static void has_come(struct sealed *s, const struct sealed_chunk *k, const uint8_t tag[SEALED_TAG])
{
    if (k->kind == SEALED_END) {
        s->broken = true;
        return;
    }
    br_sha256_update(&s->tags, tag, SEALED_TAG);
    if (k->kind == SEALED_RECORD) {
        s->records++;
        return;
    }
    *(k->kind == SEALED_PAGE ? &s->pages : &s->zeros) += k->pages;
    s->next = k->at + k->pages;
}

/* ---- one chunk: ChaCha20 and Poly1305 (RFC 8439); its number is the nonce, its head goes with it ---- */

static void put_head(uint8_t out[SEALED_HEAD], const struct sealed_chunk *k)
{
    put(out, k->kind, 4);
    put(out + 4, k->size, 4);
    put(out + 8, k->at, 8);
    put(out + 16, k->pages, 4);
    put(out + 20, k->grants, 4);
}

static void get_head(struct sealed_chunk *k, const uint8_t in[SEALED_HEAD])
{
    *k = (struct sealed_chunk){ .kind = (uint32_t)get(in, 4), .size = (uint32_t)get(in + 4, 4), .at = get(in + 8, 8),
                                .pages = (uint32_t)get(in + 16, 4), .grants = (uint32_t)get(in + 20, 4) };
}

/* In place. The number goes up first, so that none is used twice whatever comes of it. */
static void crypt(struct sealed *s, const uint8_t head[SEALED_HEAD], uint8_t *data, uint32_t size, uint8_t tag[SEALED_TAG], int encrypt)
{
    uint8_t nonce[12] = { 0 };

    put(nonce + 4, s->number, 8);
    s->number++;
    br_poly1305_ctmul_run(s->key, nonce, data, size, head, SEALED_HEAD, tag, br_chacha20_ct_run, encrypt);
}

uint32_t sealed_put(struct sealed *s, const struct sealed_chunk *k, const uint8_t *data, uint8_t *out)
{
    uint8_t *tag;

    if (s->broken || !may_come(s, k)) {
        s->broken = true;
        return 0;
    }
    tag = out + SEALED_HEAD + k->size;
    put_head(out, k);
    copy(out + SEALED_HEAD, data, k->size);
    crypt(s, out, out + SEALED_HEAD, k->size, tag, 1);
    has_come(s, k, tag);
    return SEALED_HEAD + k->size + SEALED_TAG;
}

uint32_t sealed_length(const uint8_t in[SEALED_HEAD])
{
    struct sealed_chunk k;

    get_head(&k, in);
    return k.kind >= SEALED_RECORD && k.kind <= SEALED_END && k.size <= SEALED_DATA ? SEALED_HEAD + k.size + SEALED_TAG : 0;
}

/* ---- the end ---- */

void sealed_name(const struct sealed *s, uint8_t name[SEALED_HASH])
{
    br_sha256_out(&s->tags, name);
}

static void put_end(const struct sealed *s, uint8_t end[END_SIZE])
{
    put(end, s->records, 8);
    put(end + 8, s->pages, 8);
    put(end + 16, s->zeros, 8);
    put(end + 24, s->number, 8);
    sealed_name(s, end + 32);
}

uint32_t sealed_put_end(struct sealed *s, uint8_t *out)
{
    static const struct sealed_chunk k = { .kind = SEALED_END, .size = END_SIZE };
    uint8_t end[END_SIZE];

    put_end(s, end);
    return sealed_put(s, &k, end, out);
}

/* A chunk that may come, decrypted. False: not authentic, or an end that does not say what there was before it. */
static bool open_chunk(struct sealed *s, const struct sealed_chunk *k, const uint8_t *in, uint8_t *data)
{
    bool ends = k->kind == SEALED_END;
    uint8_t tag[SEALED_TAG], own[END_SIZE];
    bool good;

    if (ends)
        put_end(s, own);
    copy(data, in + SEALED_HEAD, k->size);
    crypt(s, in, data, k->size, tag, 0);
    good = are_same(tag, in + SEALED_HEAD + k->size, SEALED_TAG) && (!ends || are_same(own, data, END_SIZE));
    if (good)
        has_come(s, k, tag);
    return good;
}

bool sealed_get(struct sealed *s, const uint8_t *in, struct sealed_chunk *k, uint8_t *data)
{
    get_head(k, in);
    if (!s->broken && sealed_length(in) != 0 && may_come(s, k) && open_chunk(s, k, in, data))
        return true;
    s->broken = true;
    erase(data, SEALED_DATA);
    return false;
}
