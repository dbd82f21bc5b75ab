/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/image.h"

#include "memory/map.h"
#include "base/sha256.h"

/* What one call measures of a page: about 20,000 instructions, but where the CPU has its own for it. */
#define LOAD_BLOCKS 16
#define PAGE_BLOCKS 64

/* Eight characters as they lie in memory. */
#define RECORD_MEMORY UINT64_C(0x4d4d4e4f44524f43)
#define RECORD_PAGE UINT64_C(0x47504e4f44524f43)
#define RECORD_START UINT64_C(0x4d564e4f44524f43)
#define RECORD_DEVICE UINT64_C(0x56444e4f44524f43)
#define RECORD_WINDOW UINT64_C(0x57444e4f44524f43)

static void measure(struct image *image, uint64_t kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t record[SHA256_BLOCK_WORDS] = { kind, a, b, c, d };

    sha256_blocks(&image->hash, record, 1);
}

/* The record of a page, of which an image has many. */
static void measure_page(struct cordon *c, struct image *image, uint64_t gfn)
{
    uint64_t record[SHA256_BLOCK_WORDS] = { RECORD_PAGE, gfn * CORDON_PAGE_SIZE };

    if (!arch_sha256(c, &image->hash, record, 1))
        sha256_blocks(&image->hash, record, 1);
}

void image_init(struct image *image)
{
    *image = (struct image){ .ranges = 0 };
    sha256_init(&image->hash);
}

/* ---- memory ---- */

bool image_has(const struct image *image, uint64_t gfn, uint64_t n)
{
    for (uint32_t i = 0; i < image->ranges; i++) {
        const struct memory_range *r = &image->range[i];

        if (gfn >= r->first && gfn < r->end && n <= r->end - gfn)
            return true;
    }
    return false;
}

bool image_overlaps(const struct image *image, uint64_t first, uint64_t end)
{
    for (uint32_t i = 0; i < image->ranges; i++) {
        if (first < image->range[i].end && image->range[i].first < end)
            return true;
    }
    return false;
}

uint64_t image_pages(const struct image *image)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < image->ranges; i++)
        n += image->range[i].end - image->range[i].first;
    return n;
}

enum cordon_status image_declare(const struct cordon *c, struct image *image, uint64_t base, uint64_t size)
{
    uint64_t limit = c->vm_shape.gfn_limit * CORDON_PAGE_SIZE;
    struct memory_range r = { base / CORDON_PAGE_SIZE, base / CORDON_PAGE_SIZE + size / CORDON_PAGE_SIZE };

    if (base >= limit || size > limit - base)
        return CORDON_RANGE;
    if (size == 0)
        return CORDON_EMPTY;
    if (base % CORDON_PAGE_SIZE != 0 || size % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    if (image_overlaps(image, r.first, r.end))
        return CORDON_MAPPED;
    if (image->ranges == CORDON_MEMORY_RANGES)
        return CORDON_NO_MEMORY;
    image->range[image->ranges] = r;
    image->ranges++;
    measure(image, RECORD_MEMORY, base, size, 0, 0);
    return CORDON_OK;
}

/* ---- pages ---- */

/* A page mostly shows in its first words that it is not. */
bool image_is_zero(const struct cordon *c, uint64_t frame)
{
    const uint64_t *e = c->phys[arch_index(frame, c->phys_frames)].e;

    for (uint32_t i = 0; i < 512; i += 8) {
        if ((e[i] | e[i + 1] | e[i + 2] | e[i + 3] | e[i + 4] | e[i + 5] | e[i + 6] | e[i + 7]) != 0)
            return false;
    }
    return true;
}

/* The page of the image that is in work is taken from the host: nobody changes it from here on. */
static enum cordon_status begin_page(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame)
{
    struct mapped m = map_range(c, v, gfn, frame, 1, CORDON_KEEP);

    if (m.status != CORDON_OK)
        return m.status;
    if (m.changed == 0)
        return CORDON_MAPPED;       /* it is there already, and measured */
    if (image_is_zero(c, frame))
        return CORDON_OK;
    measure_page(c, &v.vm->image, gfn);
    v.vm->image.load_gfn = gfn;
    v.vm->image.load_frame = frame;
    v.vm->image.load_block = 1;
    return CORDON_AGAIN;
}

/* Some more of the page in work. load_block is one more than the blocks that are done. */
static enum cordon_status go_on_with_page(struct cordon *c, struct image *image)
{
    const uint64_t *word = &c->phys[image->load_frame].e[(image->load_block - 1) * SHA256_BLOCK_WORDS];

    if (image->load_block == 1 && arch_sha256(c, &image->hash, word, PAGE_BLOCKS)) {
        image->load_block = 0;
        return CORDON_OK;
    }
    sha256_blocks(&image->hash, word, LOAD_BLOCKS);
    image->load_block += LOAD_BLOCKS;
    if (image->load_block <= PAGE_BLOCKS)
        return CORDON_AGAIN;
    image->load_block = 0;
    return CORDON_OK;
}

enum cordon_status image_load(struct cordon *c, struct vm_locked v, uint64_t gpa, uint64_t frame, uint64_t num,
                              uint64_t *done)
{
    struct image *image = &v.vm->image;
    uint64_t gfn = gpa / CORDON_PAGE_SIZE;
    uint64_t tables = v.vm->pool.free;
    enum cordon_status status = CORDON_AGAIN;

    *done = 0;
    if (gfn >= c->vm_shape.gfn_limit || frame >= c->pfn_limit || num > c->pfn_limit - frame)
        return CORDON_RANGE;
    if (num == 0)
        return CORDON_EMPTY;
    if (gpa % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    if (!image_has(image, gfn, num))
        return CORDON_NOT_MEMORY;
    if (image->load_block == 0)
        status = begin_page(c, v, gfn, frame);
    else if (image->load_gfn != gfn || image->load_frame != frame)
        return CORDON_BUSY;
    if (status == CORDON_AGAIN && v.vm->pool.free == tables)    /* a page that needed new tables is enough for one call */
        status = go_on_with_page(c, image);
    if (status == CORDON_OK)
        *done = 1;
    return status == CORDON_OK && num > 1 ? CORDON_AGAIN : status;
}

/* ---- devices ---- */

bool image_in_page(const struct image *image)
{
    return image->load_block != 0;
}

void image_device(struct image *image, uint64_t number, uint64_t id)
{
    measure(image, RECORD_DEVICE, number, id, 0, 0);
}

void image_window(struct image *image, uint64_t number, uint64_t window, uint64_t gfn, uint64_t pages)
{
    measure(image, RECORD_WINDOW, number, window, gfn * CORDON_PAGE_SIZE, pages * CORDON_PAGE_SIZE);
}

/* ---- the start ---- */

enum cordon_status image_end(struct image *image, uint64_t entry, uint64_t x0, uint32_t vcpus)
{
    if (entry % 4 != 0)
        return CORDON_UNALIGNED;
    if (!image_has(image, entry / CORDON_PAGE_SIZE, 1))
        return CORDON_NOT_MEMORY;
    if (image_in_page(image))
        return CORDON_BUSY;
    measure(image, RECORD_START, entry, x0, vcpus, 0);
    sha256_end(&image->hash);
    return CORDON_OK;
}

bool image_is(const struct image *image, const uint64_t hash[4])
{
    bool same = true;

    for (uint32_t i = 0; i < 4; i++)
        same = same && sha256_word(&image->hash, i / 2, i % 2) == hash[i];
    return same;
}
