/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the kernel start another one in its place, by kexec_load(2), which every one of Debian's has.
 *
 *   kexec load KERNEL INITRD COMMAND-LINE       makes it ready
 *   kexec start                                 does not come back
 *
 * The tree is this kernel's own, with another command line and initial RAM disk. All goes to the beginning of memory, each part to a
 * multiple of 2 MiB; this kernel copies it there when it is done itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK ((uint64_t)2 << 20)
#define TREE "/sys/firmware/fdt"

struct part {
    void *at;
    size_t size;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "kexec: %s: %s\n", what, why);
    exit(1);
}

/* A whole file. One of sysfs says a size of its own. */
static struct part read_file(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat s;
    struct part part = { 0 };

    if (fd < 0 || fstat(fd, &s) != 0)
        fail(name, strerror(errno));
    part.at = malloc((size_t)s.st_size + 1);
    while (part.at != NULL && part.size < (size_t)s.st_size) {
        ssize_t n = read(fd, (char *)part.at + part.size, (size_t)s.st_size - part.size);

        if (n < 0)
            fail(name, strerror(errno));
        if (n == 0)
            break;
        part.size += (size_t)n;
    }
    if (part.at == NULL || part.size == 0)
        fail(name, "it is empty, or larger than memory");
    close(fd);
    return part;
}

/* Documentation/arm64/booting.rst: the Image's header. The kernel's place is at its offset from a multiple of 2 MiB. */
static uint64_t header(const struct part *kernel, unsigned at)
{
    uint64_t value;

    memcpy(&value, (const char *)kernel->at + at, sizeof(value));
    return value;
}

static void check_kernel(const struct part *kernel)
{
    if (kernel->size < 64 || memcmp((const char *)kernel->at + 56, "ARM\x64", 4) != 0)
        fail("the kernel", "it is no arm64 Image (a compressed one cannot be started)");
    if (header(kernel, 16) < kernel->size)
        fail("the kernel", "its header does not say how large it becomes");
}

static uint64_t memory_base(const void *tree)
{
    int node = fdt_node_offset_by_prop_value(tree, -1, "device_type", "memory", sizeof("memory"));
    int length = 0;
    const fdt64_t *reg = node < 0 ? NULL : fdt_getprop(tree, node, "reg", &length);

    if (reg == NULL || length < 16)
        fail("the tree", "it names no memory");
    return fdt64_to_cpu(reg[0]);
}

/* The tree with what the next kernel is to be told. */
static struct part make_tree(uint64_t initrd, uint64_t end, const char *line)
{
    struct part old = read_file(TREE);
    struct part tree = { .size = old.size + strlen(line) + 4096 };
    int chosen, bad;

    tree.at = malloc(tree.size);
    if (tree.at == NULL || fdt_open_into(old.at, tree.at, (int)tree.size) != 0)
        fail(TREE, "it cannot be read");
    chosen = fdt_path_offset(tree.at, "/chosen");
    if (chosen < 0)
        fail("the tree", "it has no node for the command line");
    bad = fdt_setprop_string(tree.at, chosen, "bootargs", line);
    bad |= fdt_setprop_u64(tree.at, chosen, "linux,initrd-start", initrd);
    bad |= fdt_setprop_u64(tree.at, chosen, "linux,initrd-end", end);
    if (bad != 0)
        fail("the tree", "it cannot be changed");
    return tree;
}

/* Where the kernel lets go: x0 is the tree, x1 to x3 are zero, and there begins the next one. What it loads stands behind six instructions. */
static struct part make_jump(uint64_t tree, uint64_t entry)
{
    static uint64_t jump[5];
    static const uint32_t code[] = {
        0x580000c0,             /* ldr x0, #24 */
        0xaa1f03e1,             /* mov x1, xzr */
        0xaa1f03e2,             /* mov x2, xzr */
        0xaa1f03e3,             /* mov x3, xzr */
        0x58000090,             /* ldr x16, #16 */
        0xd61f0200,             /* br x16 */
    };

    memcpy(jump, code, sizeof(code));
    jump[3] = tree;
    jump[4] = entry;
    return (struct part){ jump, sizeof(jump) };
}

static uint64_t blocks(uint64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static struct kexec_segment segment(const struct part *part, uint64_t at, uint64_t room)
{
    return (struct kexec_segment){ part->at, part->size, (void *)(uintptr_t)at, (room + 4095) / 4096 * 4096 };
}

static void load(const char *kernel_name, const char *initrd_name, const char *line)
{
    struct part kernel = read_file(kernel_name), initrd = read_file(initrd_name), old = read_file(TREE), tree, jump;
    uint64_t entry, initrd_at, tree_at, jump_at;

    check_kernel(&kernel);
    entry = blocks(memory_base(old.at)) + header(&kernel, 8);
    initrd_at = blocks(entry + header(&kernel, 16));
    tree_at = initrd_at + blocks(initrd.size);
    tree = make_tree(initrd_at, initrd_at + initrd.size, line);
    jump_at = tree_at + blocks(tree.size);
    jump = make_jump(tree_at, entry);

    struct kexec_segment segments[] = { segment(&kernel, entry, header(&kernel, 16)), segment(&initrd, initrd_at, initrd.size),
                                        segment(&tree, tree_at, tree.size), segment(&jump, jump_at, jump.size) };

    if (syscall(SYS_kexec_load, jump_at, sizeof(segments) / sizeof(segments[0]), segments, KEXEC_ARCH_AARCH64) != 0)
        fail("the kernel refuses it", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "load") == 0) {
        load(argv[2], argv[3], argv[4]);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "start") == 0) {
        reboot((int)LINUX_REBOOT_CMD_KEXEC);
        fail("the kernel does not start it", strerror(errno));
    }
    fprintf(stderr, "usage: kexec load KERNEL INITRD COMMAND-LINE | kexec start\n");
    return 2;
}
