/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's memory: reserved, and filled with what it boots from. Where things go follows Linux's booting document. */
#include "memory.h"

#include "machine.h"
#include "message.h"
#include "options.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header of an arm64 Image, little endian. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic;
    uint32_t reserved_too;
};

#define PROTECTED "/sys/module/cordon_kvm"      /* is there where guests are protected */
#define PAGE 0x1000u
#define HOST_NEEDS (24ull << 20)                /* of what is available: the launcher, tables, and some air */
#define IMAGE_MAGIC 0x644d5241u         /* "ARM\x64" */
#define IMAGE_BIG_ENDIAN 1u
#define IMAGE_OLD_TEXT_OFFSET 0x80000u  /* what kernels that state no size use */

struct file {
    const char *name;
    int fd;
    uint64_t size;
};

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static struct file open_file(const char *what, const char *name)
{
    struct file file = { .name = name, .fd = open(name, O_RDONLY | O_CLOEXEC) };
    struct stat status;

    if (file.fd < 0)
        die("cannot open the %s %s: %s", what, name, strerror(errno));
    if (fstat(file.fd, &status) || !S_ISREG(status.st_mode))
        die("the %s %s is not a file", what, name);
    if (status.st_size == 0)
        die("the %s %s is empty", what, name);
    file.size = (uint64_t)status.st_size;
    return file;
}

static void read_all(const struct file *file, void *to, uint64_t size)
{
    uint64_t done = 0;

    while (done < size) {
        ssize_t got = pread(file->fd, (uint8_t *)to + done, size - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die("cannot read %s: %s", file->name, got ? strerror(errno) : "it became shorter");
        done += (uint64_t)got;
    }
}

static struct image_header read_header(const struct file *file)
{
    struct image_header header;

    if (file->size < sizeof(header))
        die("%s is not an arm64 Image: it is too short", file->name);
    read_all(file, &header, sizeof(header));
    if ((header.code[0] & 0xffff) == 0x8b1f)
        die("%s is compressed; unpack it first: gunzip <%s >Image", file->name, file->name);
    if (le32toh(header.magic) != IMAGE_MAGIC)
        die("%s is not an arm64 Image: its header lacks the mark \"ARMd\"", file->name);
    if (le64toh(header.flags) & IMAGE_BIG_ENDIAN)
        die("%s is a big-endian kernel; only little-endian ones are run", file->name);
    return header;
}

/* Aligned to a block, so that the host can back it with huge pages and those can become blocks of the guest's. */
static void reserve(struct memory *m)
{
    uint64_t size = m->size + BLOCK;
    uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *end;

    if (at == MAP_FAILED)
        die("cannot reserve %llu MiB for the guest: %s; try a smaller --mem",
            (unsigned long long)m->size >> 20, strerror(errno));
    m->host = (uint8_t *)round_up((uint64_t)(uintptr_t)at, BLOCK);
    end = m->host + m->size;
    if (m->host != at)
        munmap(at, (size_t)(m->host - at));
    if (end != at + size)
        munmap(end, (size_t)(at + size - end));
    madvise(m->host, m->size, MADV_HUGEPAGE);   /* if the host has them; it works without */
    madvise(m->host, m->size, MADV_DONTFORK);   /* a copy of it would be made by the host's kernel, which may not read it */
    madvise(m->host, m->size, MADV_DONTDUMP);
}

/* Kernel first, then the tree in a block of its own, then the initrd. */
static void place(struct memory *m, const struct options *o, const struct image_header *header, const struct file *kernel)
{
    uint64_t size = le64toh(header->image_size);
    uint64_t offset = size ? le64toh(header->text_offset) : IMAGE_OLD_TEXT_OFFSET;
    uint64_t needed;

    if (size < kernel->size)
        size = kernel->size;
    if (offset >= BLOCK || size > (1ull << 40))
        die("%s has a broken header: text offset 0x%llx, size 0x%llx", kernel->name,
            (unsigned long long)offset, (unsigned long long)size);
    m->entry = RAM_BASE + offset;
    m->kernel_end = m->entry + size;
    m->tree = round_up(m->kernel_end, BLOCK);
    m->initrd = m->tree + TREE_SIZE;
    needed = m->initrd + m->initrd_size - RAM_BASE;
    if (needed > m->size || o->pool > m->size - needed)
        die("--mem %lluM is too little for this kernel%s%s: at least %lluM", (unsigned long long)m->size >> 20,
            o->initrd ? " and initrd" : "", o->pool ? ", with such a --dma-pool" : "", (unsigned long long)(round_up(needed, BLOCK) + o->pool) >> 20);
}

void memory_load(struct memory *m, const struct options *o)
{
    struct file kernel = open_file("kernel", o->kernel);
    struct file initrd = { .fd = -1 };
    struct image_header header = read_header(&kernel);

    if (o->initrd)
        initrd = open_file("initrd", o->initrd);
    m->size = o->memory;
    m->initrd_size = initrd.size;
    place(m, o, &header, &kernel);
    reserve(m);
    read_all(&kernel, memory_at(m, m->entry, kernel.size), kernel.size);
    close(kernel.fd);
    tell("%s is at 0x%llx - 0x%llx, the device tree at 0x%llx", o->kernel, (unsigned long long)m->entry,
         (unsigned long long)m->kernel_end, (unsigned long long)m->tree);
    if (!o->initrd)
        return;
    read_all(&initrd, memory_at(m, m->initrd, initrd.size), initrd.size);
    close(initrd.fd);
    tell("%s is at 0x%llx, %llu bytes", o->initrd, (unsigned long long)m->initrd, (unsigned long long)initrd.size);
}

/* What the host's kernel could give without swapping, in bytes; all ones if it does not say. */
static uint64_t available(void)
{
    unsigned long long kib = UINT64_MAX >> 10;
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib << 10;
}

void memory_must_fit(const struct memory *m)
{
    uint64_t most = available();

    most = most > HOST_NEEDS ? (most - HOST_NEEDS) / BLOCK * BLOCK : 0;
    if (access(PROTECTED, F_OK) == 0 && m->size > most)
        die("--mem %lluM is more than this host can keep for a protected guest, whose memory is not swapped: at most --mem %lluM now",
            (unsigned long long)m->size >> 20, (unsigned long long)most >> 20);
}

void *memory_at(const struct memory *m, uint64_t gpa, uint64_t size)
{
    if (gpa < RAM_BASE || size > m->size || gpa - RAM_BASE > m->size - size)
        return NULL;
    return m->host + (gpa - RAM_BASE);
}

bool memory_give_back(const struct memory *m, uint64_t gpa, uint64_t size)
{
    void *at = memory_at(m, gpa, size);

    return at && size && gpa % PAGE == 0 && size % PAGE == 0 && madvise(at, size, MADV_DONTNEED) == 0;
}
