/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks: files of the host as virtio block devices (virtio 1.1, section 5.2). Data goes by read and write calls straight
 * from and to guest memory: what the guest has not granted, the host's kernel cannot copy, and the request fails.
 */
#include "disk.h"

#include "machine.h"
#include "memory.h"
#include "message.h"
#include "options.h"
#include "slot.h"
#include "virtio.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define DEVICE_BLOCK 2u
#define FEATURE_SEGMENTS (1ull << 2)    /* SEG_MAX. Not SIZE_MAX: a segment is moved where it lies, whatever its size */
#define FEATURE_READ_ONLY (1ull << 5)
#define FEATURE_FLUSH (1ull << 9)
#define SECTORS_MOST (UINT64_MAX / SECTOR / 2)
/* Between a request and its status: 128 KiB of pages, which is what Linux reads ahead. A queue has room for three of that length. */
#define SEGMENTS_MOST 32u

enum { REQUEST_IN = 0, REQUEST_OUT = 1, REQUEST_FLUSH = 4, REQUEST_ID = 8 };
enum { ANSWER_OK = 0, ANSWER_ERROR = 1, ANSWER_UNSUPPORTED = 2 };

struct request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct config {
    uint64_t sectors;
    uint32_t unused;
    uint32_t segments;
};

struct disk {
    struct virtio virtio;           /* the first: serve() comes with its address */
    char name[16];
    int fd;
    bool read_only;
    struct config config;           /* little endian, as the guest reads it */
};

static struct disk disks[DISKS_MAX];

/* All of one buffer, from or to the file; false when a part cannot be moved. */
static bool move(const struct disk *d, const struct buffer *b, uint64_t offset, bool in)
{
    uint8_t *at = memory_at(&d->virtio.vm->memory, b->gpa, b->size);
    uint64_t done = 0;

    if (!at || b->to_guest != in || offset + b->size > d->config.sectors * SECTOR)
        return false;
    while (done < b->size) {
        ssize_t n = in ? pread(d->fd, at + done, b->size - done, (off_t)(offset + done))
                       : pwrite(d->fd, at + done, b->size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (uint64_t)n;
    }
    return true;
}

/* The buffers between the request and the status. */
static uint8_t transfer(const struct disk *d, const struct chain *c, uint64_t sector, bool in, uint32_t *written)
{
    uint64_t offset = sector * SECTOR;

    if (sector > SECTORS_MOST || (!in && d->read_only) || c->n > 2 + SEGMENTS_MOST)
        return ANSWER_ERROR;
    for (unsigned i = 1; i + 1 < c->n; i++) {
        if (!move(d, &c->buffer[i], offset, in))
            return ANSWER_ERROR;
        offset += c->buffer[i].size;
    }
    *written = in ? (uint32_t)(offset - sector * SECTOR) : 0;
    return ANSWER_OK;
}

static uint8_t identify(const struct disk *d, const struct chain *c, uint32_t *written)
{
    char id[20] = "cordon-vmm disk ";

    id[16] = (char)('0' + (d - disks));
    if (c->n < 3 || c->buffer[1].size < sizeof(id) || !virtio_put(&d->virtio, c->buffer[1].gpa, id, sizeof(id)))
        return ANSWER_ERROR;
    *written = sizeof(id);
    return ANSWER_OK;
}

static uint8_t do_request(const struct disk *d, const struct chain *c, const struct request *r, uint32_t *written)
{
    switch (r->type) {
    case REQUEST_IN: return transfer(d, c, r->sector, true, written);
    case REQUEST_OUT: return transfer(d, c, r->sector, false, written);
    case REQUEST_FLUSH: return fdatasync(d->fd) ? ANSWER_ERROR : ANSWER_OK;
    case REQUEST_ID: return identify(d, c, written);
    default: return ANSWER_UNSUPPORTED;
    }
}

static uint32_t serve(struct virtio *v, unsigned queue, const struct chain *c)
{
    const struct disk *d = (const struct disk *)v;
    const struct buffer *last = &c->buffer[c->n - 1];
    struct request request;
    uint32_t written = 0;
    uint8_t answer;

    (void)queue;
    if (c->n < 2 || c->buffer[0].size != sizeof(request) || !virtio_get(v, &request, c->buffer[0].gpa, sizeof(request)))
        return 0;
    answer = do_request(d, c, &request, &written);
    if (!last->to_guest || last->size != 1 || !virtio_put(v, last->gpa, &answer, 1))
        return 0;
    return written + 1;
}

/* A file's bytes, or a block device's; 0: it is neither, or nobody can say. */
static uint64_t size_of(int fd)
{
    struct stat status;
    uint64_t size = 0;

    if (fstat(fd, &status))
        return 0;
    if (S_ISREG(status.st_mode))
        return (uint64_t)status.st_size;
    return S_ISBLK(status.st_mode) && ioctl(fd, BLKGETSIZE64, &size) == 0 ? size : 0;
}

/* "FILE" or "FILE,ro" */
static void open_disk(struct disk *d, const char *text)
{
    char name[512];
    size_t size = strlen(text);
    uint64_t bytes;

    d->read_only = size > 3 && strcmp(text + size - 3, ",ro") == 0;
    size -= d->read_only ? 3 : 0;
    if (size >= sizeof(name))
        die("--disk %s: the name is too long", text);
    memcpy(name, text, size);
    name[size] = 0;
    d->fd = open(name, (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (d->fd < 0)
        die("cannot open the disk %s: %s%s", name, strerror(errno),
            errno == EACCES || errno == EROFS ? "; for reading alone, give FILE,ro" : "");
    bytes = size_of(d->fd);
    if (bytes < SECTOR)
        die("the disk %s is not a file or block device of %u bytes or more", name, SECTOR);
    if (bytes % SECTOR)
        complain("the disk %s is no multiple of %u bytes: the guest does not see its last %u; truncate -s %%%u %s makes it one", name, SECTOR,
                 (unsigned)(bytes % SECTOR), SECTOR, name);
    if (flock(d->fd, (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) && errno == EWOULDBLOCK)
        die("the disk %s is in use by another", name);
    d->config = (struct config){ .sectors = bytes / SECTOR, .segments = SEGMENTS_MOST };
}

void disk_open(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options->disks; i++) {
        struct disk *d = &disks[i];

        open_disk(d, vm->options->disk[i]);
        snprintf(d->name, sizeof(d->name), "disk %u", i);
        d->virtio = (struct virtio){
            .vm = vm,
            .name = d->name,
            .device_id = DEVICE_BLOCK,
            .features = FEATURE_SEGMENTS | FEATURE_FLUSH | (d->read_only ? FEATURE_READ_ONLY : 0),
            .config = &d->config,
            .config_size = sizeof(d->config),
            .queues = 1,
            .serve = serve,
        };
        slot_add(&d->virtio);
    }
}
