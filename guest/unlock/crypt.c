/* SPDX-License-Identifier: Apache-2.0 */
#include "crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512
#define PARAMETERS 512

/* One call of the device mapper's: its head, and what a table needs. */
struct request {
    struct dm_ioctl head;
    struct dm_target_spec target;
    char parameters[PARAMETERS];
};

static int call(int control, unsigned long number, struct request *r, const char *name, uint32_t flags)
{
    r->head.version[0] = DM_VERSION_MAJOR;
    r->head.data_size = sizeof *r;
    r->head.data_start = offsetof(struct request, target);
    r->head.flags = flags;
    snprintf(r->head.name, sizeof r->head.name, "%s", name);
    return ioctl(control, number, r);
}

/* How many sectors a disk has; 0: it is none, or cannot be opened. */
static uint64_t sectors_of(const char *disk)
{
    uint64_t bytes = 0;
    int fd = open(disk, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (ioctl(fd, BLKGETSIZE64, &bytes) != 0)
        bytes = 0;
    close(fd);
    return bytes / SECTOR;
}

/* The one line of the table, which has the key in it. */
static int load_table(int control, const char *name, const char *disk, uint64_t sectors, const uint8_t key[CRYPT_KEY])
{
    struct request r = { .head.target_count = 1 };
    char digits[2 * CRYPT_KEY + 1];
    int done, error;

    r.target.length = sectors;
    r.target.next = sizeof r.target + sizeof r.parameters;
    strcpy(r.target.target_type, "crypt");
    sodium_bin2hex(digits, sizeof digits, key, CRYPT_KEY);
    snprintf(r.parameters, sizeof r.parameters, "aes-xts-plain64 %s 0 %s 0", digits, disk);
    done = call(control, DM_TABLE_LOAD, &r, name, DM_SECURE_DATA_FLAG);     /* the kernel wipes its copy */
    error = errno;
    sodium_memzero(digits, sizeof digits);
    sodium_memzero(&r, sizeof r);
    errno = error;
    return done;
}

static void remove_device(int control, const char *name)
{
    struct request r = { .head.target_count = 0 };
    int error = errno;

    (void)call(control, DM_DEV_REMOVE, &r, name, 0);
    errno = error;
}

static const char *make(int control, const char *name, const char *disk, uint64_t sectors, const uint8_t key[CRYPT_KEY])
{
    struct request r = { .head.target_count = 0 };
    char path[sizeof r.head.name + sizeof "/dev/mapper/"];
    dev_t device;

    if (call(control, DM_DEV_CREATE, &r, name, 0) != 0)
        return "there is such a device already, or its name is none";
    device = (dev_t)r.head.dev;
    snprintf(path, sizeof path, "/dev/mapper/%s", name);
    if (load_table(control, name, disk, sectors, key) != 0) {
        remove_device(control, name);
        return "dm-crypt does not take the disk";
    }
    memset(&r, 0, sizeof r);
    if (call(control, DM_DEV_SUSPEND, &r, name, 0) != 0 || (mknod(path, S_IFBLK | 0600, device) != 0 && errno != EEXIST)) {
        remove_device(control, name);
        return "the device cannot be begun";
    }
    return NULL;
}

const char *crypt_open(const char *name, const char *disk, const uint8_t key[CRYPT_KEY])
{
    uint64_t sectors = sectors_of(disk);
    const char *why;
    int control, error;

    if (sectors == 0)
        return "there is no such disk";
    control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return "there is no device mapper";
    why = make(control, name, disk, sectors, key);
    error = errno;
    close(control);
    errno = error;
    return why;
}
