/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network cards (virtio 1.1, section 5.1): a queue in, a queue out, no offloads. Frames are copied, out of memory that the guest has granted
 * and into such memory. What the guest has no room for is lost, as on any wire.
 */
#include "net.h"

#include "link.h"
#include "machine.h"
#include "message.h"
#include "options.h"
#include "slot.h"
#include "virtio.h"
#include "vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_NET 1u
#define FEATURE_MAC (1ull << 5)
#define HEADER 12u              /* struct virtio_net_hdr_v1: zero, but for one buffer a frame */
#define HEADER_BUFFERS 10u      /* le16: how many there are */

enum { QUEUE_IN = 0, QUEUE_OUT = 1, QUEUES = 2 };

struct net {
    struct virtio virtio;       /* the first: serve() comes with its address */
    char name[16];
    uint8_t mac[6];
    struct link link;
    uint8_t out[HEADER + FRAME_MOST];
    uint8_t in[HEADER + FRAME_MOST];
};

static struct net nets[NETS_MAX];
static unsigned count;

/* A frame of the guest's goes out. */
static uint32_t serve(struct virtio *v, unsigned queue, const struct chain *chain)
{
    struct net *n = (struct net *)v;
    size_t size = virtio_gather(v, chain, 0, n->out, sizeof(n->out));

    (void)queue;
    if (size == SIZE_MAX)
        virtio_break(v, "a frame that is not shared");
    else if (size > HEADER)
        link_send(&n->link, n->out + HEADER, size - HEADER);
    return 0;
}

/* What the guest puts into the queue for frames that come in waits there. */
static void notify(struct virtio *v, unsigned queue)
{
    if (queue == QUEUE_OUT)
        virtio_serve(v, queue);
}

/* n->in has a frame of `size` bytes behind its header. Locked. */
static void hand_over(struct net *n, size_t size)
{
    struct virtio *v = &n->virtio;
    struct chain chain;
    size_t done;

    if (!virtio_next(v, QUEUE_IN, &chain))
        return;
    done = virtio_scatter(v, &chain, 0, n->in, HEADER + size);
    if (done == SIZE_MAX) {
        virtio_break(v, "a buffer that is not shared");
        return;
    }
    /* A frame that does not fit is lost: its buffer goes back as empty. */
    virtio_done(v, QUEUE_IN, &chain, done == HEADER + size ? (uint32_t)done : 0);
    virtio_tell(v, QUEUE_IN);
}

static void *input_thread(void *argument)
{
    struct net *n = argument;
    size_t size;

    n->in[HEADER_BUFFERS] = 1;
    while ((size = link_receive(&n->link, n->in + HEADER, FRAME_MOST)) != 0) {
        pthread_mutex_lock(&n->virtio.lock);
        hand_over(n, size);
        pthread_mutex_unlock(&n->virtio.lock);
    }
    complain("%s: its other end is gone; the guest goes on without", n->name);
    return NULL;
}

/* ---- set up ---- */

/* Cuts ",mac=..." off. One that is not given is of the range that anybody may use, another for each card. */
static void take_mac(struct net *n, char *how)
{
    char *mac = strstr(how, ",mac=");
    unsigned byte[6];
    int end = 0;

    memcpy(n->mac, (const uint8_t[6]){ 0x52, 0x54, 0x00, 0xc0, 0x4d, (uint8_t)(count + 1) }, sizeof(n->mac));
    if (!mac)
        return;
    *mac = '\0';
    mac += strlen(",mac=");
    if (sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5], &end) != 6 || mac[end] || (byte[0] & 1))
        die("--net: %s is no address of a card; give one like 52:54:00:12:34:56", mac);
    for (unsigned i = 0; i < sizeof(n->mac); i++)
        n->mac[i] = (uint8_t)byte[i];
}

static void add(struct vm *vm, const char *text)
{
    struct net *n = &nets[count];
    char how[256];
    const char *wrong;

    if (strlen(text) >= sizeof(how))
        die("--net %s: too long", text);
    strcpy(how, text);
    take_mac(n, how);
    wrong = link_open(&n->link, how);
    if (wrong)
        die("--net %s: %s%s%s", text, wrong, errno ? ": " : "", errno ? strerror(errno) : "");
    snprintf(n->name, sizeof(n->name), "network card %u", count);
    n->virtio = (struct virtio){
        .vm = vm,
        .name = n->name,
        .device_id = DEVICE_NET,
        .features = FEATURE_MAC,
        .config = n->mac,
        .config_size = sizeof(n->mac),
        .queues = QUEUES,
        .serve = serve,
        .notify = notify,
    };
    slot_add(&n->virtio);
    count++;
}

void net_open(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options->nets; i++)
        add(vm, vm->options->net[i]);
}

void net_start(void)
{
    pthread_t thread;

    for (unsigned i = 0; i < count; i++) {
        int error = pthread_create(&thread, NULL, input_thread, &nets[i]);

        if (error)
            complain("%s gets nothing, as its thread cannot start: %s", nets[i].name, strerror(error));
        else
            pthread_detach(thread);
    }
}
