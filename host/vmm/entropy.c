/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers of the host's (virtio 1.1, section 5.4): the host knows them. A protected guest has others, which it does not: TRNG's
 * calls, answered by Cordon.
 */
#include "entropy.h"

#include "options.h"
#include "slot.h"
#include "virtio.h"
#include "vm.h"

#include <sys/random.h>

#define DEVICE_ENTROPY 4u

static struct virtio entropy;

static uint32_t serve(struct virtio *v, unsigned queue, const struct chain *chain)
{
    uint8_t bytes[256];         /* a call gives as many without waiting for more */
    ssize_t got = getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
    size_t done = got > 0 ? virtio_scatter(v, chain, 0, bytes, (size_t)got) : 0;

    (void)queue;
    if (done != SIZE_MAX)
        return (uint32_t)done;
    virtio_break(v, "a buffer that is not shared");
    return 0;
}

void entropy_open(struct vm *vm)
{
    if (!vm->options->entropy)
        return;
    entropy = (struct virtio){ .vm = vm, .name = "the random number device", .device_id = DEVICE_ENTROPY, .queues = 1, .serve = serve };
    slot_add(&entropy);
}
