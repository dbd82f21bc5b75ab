/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's virtio devices against a hostile guest: an input is a list of accesses to their registers, of stores into guest memory and of
 * pages that become private or shared. Rings and chains of its own making; nothing of it may end the launcher or reach beyond guest memory.
 */
#include "../vmm/driver.h"

#include "disk.h"
#include "entropy.h"
#include "message.h"
#include "net.h"
#include "ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEVICES 4u
#define STEPS_MOST 400u

struct step {
    uint8_t what;
    uint8_t device;
    uint16_t where;
    uint32_t value;
};

static void store(const struct step *s)
{
    uint32_t value = s->value;

    if (s->device & 1)
        value &= 0x3f;              /* small numbers: of descriptors, indices, flags */
    if (guard_copy(at(RAM_BASE + (s->where * 2ull) % (PAGES * PAGE - 4)), &value, s->device & 2 ? 2 : 4))
        return;
}

static void do_step(const struct step *s)
{
    unsigned slot = s->device % DEVICES;

    switch (s->what % 8) {
    case 0:
    case 1: store(s); break;
    case 2: set(slot, s->where % VIRTIO_SIZE, s->value); break;
    case 3: slot_read(slot * VIRTIO_SIZE + s->where % VIRTIO_SIZE, 1u << (s->value & 3)); break;
    case 4: begin(slot, 2); break;
    case 5: set(slot, REG_NOTIFY, s->value % 3); break;
    case 6: make_private(RAM_BASE + (s->where % PAGES) * PAGE, s->value & 1); break;
    default:                        /* a chain of one or two, offered */
        if (needs_reset(slot))
            return;
        describe(s->value & 1, s->where % RING_SIZE, RAM_BASE + (s->value >> 8) % (PAGES * PAGE + 64), s->value >> 20, s->value & 2,
                 s->value & 4 ? (int)(s->where >> 8) % (int)RING_SIZE : -1);
        offer(s->value & 1, s->where % RING_SIZE);
        set(slot, REG_NOTIFY, s->value & 1);
        break;
    }
}

/* A card whose other end never reads; a disk that is a small file. */
static void make_devices(void)
{
    static char folder[] = "/tmp/cordon-fuzz-XXXXXX";
    static char net[160], console[64], disk[64];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    FILE *file;

    if (!mkdtemp(folder))
        abort();
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/net", folder);
    snprintf(net, sizeof(net), "socket=%s", address.sun_path);
    snprintf(console, sizeof(console), "%s/console", folder);
    snprintf(disk, sizeof(disk), "%s/disk", folder);
    file = fopen(disk, "w");
    if (!file || ftruncate(fileno(file), 65536) || fclose(file))
        abort();
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
        abort();
    message_set(false, true);
    options = (struct options){ .disk = { disk }, .disks = 1, .net = { net }, .nets = 1, .entropy = true, .console = console };
    disk_open(&vm);
    net_open(&vm);
    entropy_open(&vm);
    ports_open(&vm);
    unlink(disk);
    unlink(address.sun_path);
    ports_close();
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct step s;

    if (!made) {
        memory_make();
        make_devices();
        made = true;
    }
    mprotect(vm.memory.host, vm.memory.size, PROT_READ | PROT_WRITE);
    guard_set_up();
    memset(vm.memory.host, 0, vm.memory.size);
    for (unsigned i = 0; i < DEVICES; i++)
        set(i, REG_STATUS, 0);
    for (unsigned i = 0; i < STEPS_MOST && size >= sizeof(s); i++, data += sizeof(s), size -= sizeof(s)) {
        memcpy(&s, data, sizeof(s));
        if (s.what % 8 == 4 || s.what % 8 == 7)     /* the driver's own stores are its own fault */
            mprotect(vm.memory.host, vm.memory.size, PROT_READ | PROT_WRITE);
        do_step(&s);
    }
    return 0;
}
