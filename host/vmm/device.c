/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of PCI that are the guest's own: as sysfs has them, where the guest finds them, and how they are given. */
#include "device.h"

#include "machine.h"
#include "message.h"
#include "options.h"
#include "pci.h"
#include "vm.h"

#include <cordon/kvm.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SYSFS "/sys/bus/pci/devices/"
#define PAGE 0x1000ull
#define HEADER 64               /* what of configuration space anybody may read */

/* Of a line of sysfs's "resource". */
#define RESOURCE_MEMORY 0x200ull
#define RESOURCE_PREFETCHABLE 0x2000ull
#define RESOURCE_WIDE 0x100000ull

/* A function's slot is its index: 00:00.0, 00:01.0, ... */
#define SLOT_SHIFT 15           /* of configuration space: eight functions of 4 KiB, of which the first is there */

struct device {
    const char *name;           /* as the user has it */
    struct cordon_kvm_device given;
    struct pci pci;
};

static struct device devices[DEVICES_MAX];
static unsigned count;
static uint64_t next_window = PCI_WINDOW_BASE;

/* ---- what the host says of it ---- */

static void read_name(struct device *d, const char *text)
{
    unsigned domain, bus, slot, function;
    int end = 0;

    if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 || text[end]) {
        domain = 0;
        end = 0;
        if (sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function, &end) != 3 || text[end])
            die("--device %s: not a function of PCI; give one like 0000:01:00.0", text);
    }
    if (slot > 31 || function > 7)
        die("--device %s: there are devices 00 to 1f and functions 0 to 7", text);
    d->name = text;
    d->given.domain = domain;
    d->given.bus = (uint8_t)bus;
    d->given.devfn = (uint8_t)(slot << 3 | function);
}

static void path_of(const struct device *d, const char *what, char *path, size_t size)
{
    snprintf(path, size, SYSFS "%04x:%02x:%02x.%x/%s", d->given.domain, d->given.bus, d->given.devfn >> 3, d->given.devfn & 7, what);
}

/* The driver that has it, or "". */
static void read_driver(const struct device *d, char *driver, size_t size)
{
    char path[128], link[256];
    ssize_t length;

    path_of(d, "driver", path, sizeof(path));
    length = readlink(path, link, sizeof(link) - 1);
    link[length < 0 ? 0 : length] = '\0';
    snprintf(driver, size, "%s", strrchr(link, '/') ? strrchr(link, '/') + 1 : "");
}

static void must_be_given_up(const struct device *d)
{
    char driver[64], path[128];

    read_driver(d, driver, sizeof(driver));
    if (!strcmp(driver, CORDON_KVM_DRIVER))
        return;
    path_of(d, "", path, sizeof(path));
    path[strlen(path) - 1] = '\0';
    die("--device %s: %s%s has it, and not " CORDON_KVM_DRIVER "; what the host has of it must be out of use, then, with cordon_kvm.ko loaded:\n"
        "  D=%s; echo " CORDON_KVM_DRIVER " >$D/driver_override%s; echo ${D##*/} >/sys/bus/pci/drivers_probe",
        d->name, driver[0] ? "the host's driver " : "no driver", driver, path, driver[0] ? "; echo ${D##*/} >$D/driver/unbind" : "");
}

static void read_config(const struct device *d, uint8_t config[PCI_CONFIG_SIZE])
{
    char path[128];
    ssize_t length;
    int fd;

    path_of(d, "config", path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        die("--device %s: the host has no such function; ls " SYSFS " lists those that it has", d->name);
    if (fd < 0)
        die("--device %s: cannot open %s: %s", d->name, path, strerror(errno));
    memset(config, 0, PCI_CONFIG_SIZE);
    length = read(fd, config, PCI_CONFIG_SIZE);
    close(fd);
    if (length < HEADER)
        die("--device %s: cannot read its configuration", d->name);
    if (length == HEADER)
        die("--device %s: only root may read all of its configuration", d->name);
    if (config[0] == 0xff && config[1] == 0xff)
        die("--device %s: it does not answer: another guest has it, or it is gone", d->name);
    if (config[PCI_HEADER_TYPE] & 0x7f)
        die("--device %s: a bridge, which cannot be given", d->name);
}

/* ---- where the guest finds it ---- */

/* The guest's page of a BAR: its pages lie as in the host's, so that one smaller than a page is where it is in its page. */
static uint64_t place(const struct device *d, uint64_t size)
{
    uint64_t align = size > PAGE ? size : PAGE;
    uint64_t at = (next_window + align - 1) & ~(align - 1);

    if (at + align > PCI_WINDOW_BASE + PCI_WINDOW_SIZE)
        die("--device %s: there is no room for its BARs, with %llu MiB for those of all devices", d->name, PCI_WINDOW_SIZE >> 20);
    next_window = at + align;
    return at;
}

static void place_bar(struct device *d, unsigned i, uint64_t start, uint64_t size, uint64_t flags, struct pci_bar *bar)
{
    if ((size & (size - 1)) || start % size)
        die("--device %s: BAR %u is not as BARs are", d->name, i);
    d->given.bar[i] = place(d, size);
    *bar = (struct pci_bar){
        .address = d->given.bar[i] + start % PAGE,
        .size = size,
        .wide = (flags & RESOURCE_WIDE) != 0,
        .prefetchable = (flags & RESOURCE_PREFETCHABLE) != 0,
    };
}

/* A line for each BAR: first address, last, flags. One that has no place at the host, or is I/O, is not there for the guest. */
static void place_bars(struct device *d, struct pci_bar bar[PCI_BARS])
{
    unsigned long long start, end, flags;
    char path[128];
    FILE *file;

    path_of(d, "resource", path, sizeof(path));
    file = fopen(path, "re");
    if (!file)
        die("--device %s: cannot open %s: %s", d->name, path, strerror(errno));
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (fscanf(file, "%llx %llx %llx", &start, &end, &flags) != 3)
            die("--device %s: cannot read its BARs", d->name);
        if ((flags & RESOURCE_MEMORY) && end > start)
            place_bar(d, i, start, end - start + 1, flags, &bar[i]);
    }
    fclose(file);
}

static void open_one(unsigned index, const char *name)
{
    struct pci_bar bar[PCI_BARS] = { { 0 } };
    struct device *d = &devices[index];
    uint8_t config[PCI_CONFIG_SIZE];

    read_name(d, name);
    for (unsigned i = 0; i < index; i++) {
        if (devices[i].given.bus == d->given.bus && devices[i].given.devfn == d->given.devfn && devices[i].given.domain == d->given.domain)
            die("--device %s: given twice", name);
    }
    read_config(d, config);
    must_be_given_up(d);
    place_bars(d, bar);
    if (config[PCI_INTERRUPT_PIN])
        d->given.intid = 32 + DEVICE_SPI + index;
    pci_make(&d->pci, config, bar, d->given.intid != 0);
    tell("%s is %04x:%04x for the guest at 00:%02x.0", name, config[0] | config[1] << 8, config[2] | config[3] << 8, index);
}

void device_open(struct vm *vm)
{
    count = vm->options->devices;
    for (unsigned i = 0; i < count; i++)
        open_one(i, vm->options->device[i]);
}

/* ---- how it is given ---- */

static const char *meaning(int error)
{
    switch (error) {
    case ENODEV: return "the host's driver " CORDON_KVM_DRIVER " has let it go meanwhile";
    case EBUSY: return "another guest has it";
    case ENOTTY:
    case EINVAL: return "this /dev/kvm gives guests no devices: cordon_kvm.ko under Cordon does";
    default: return strerror(error);
    }
}

void device_give(const struct vm *vm)
{
    for (unsigned i = 0; i < count; i++) {
        if (ioctl(vm->fd, CORDON_KVM_DEVICE_GIVE, &devices[i].given) < 0)
            die("--device %s cannot be given: %s", devices[i].name, meaning(errno));
    }
}

/* ---- what the guest does with it ---- */

bool device_has_interrupt(unsigned index)
{
    return devices[index].given.intid != 0;
}

/* The first function of a slot; of others there is nothing. */
static struct pci *function_at(uint64_t offset)
{
    uint64_t index = offset >> SLOT_SHIFT;

    return index < count && (offset & ((1u << SLOT_SHIFT) - 1)) < PAGE ? &devices[index].pci : NULL;
}

uint32_t device_read(uint64_t offset, unsigned size)
{
    const struct pci *p = function_at(offset);

    return p ? pci_read(p, offset % PAGE, size) : UINT32_MAX;
}

void device_write(uint64_t offset, unsigned size, uint32_t value)
{
    struct pci *p = function_at(offset);

    if (p)
        pci_write(p, offset % PAGE, size, value);
}
