/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a network device: a tap interface of the host's, or a program at a stream socket that takes and gives frames with
 * their lengths before them, as passt and QEMU's "-netdev stream" do. Frames are Ethernet's, without a checksum. No device, no VM:
 * so that it can be tested by itself.
 */
#ifndef VMM_LINK_H
#define VMM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MOST 65550u
#define FRAME_LEAST 14u

struct link {
    int fd;
    bool stream;                /* each frame has its length, 32 bits and big endian, before it */
    uint8_t unsent[4 + FRAME_MOST];     /* of a frame of which the other end has taken a part */
    size_t unsent_first, unsent_end;
};

/* "tap=NAME" or "socket=PATH". NULL, or why it cannot be had; errno has more if it is not 0. */
const char *link_open(struct link *l, const char *how);
/* A frame goes out; one that the other end does not take now is lost, as on any wire. Does not wait. */
void link_send(struct link *l, const void *frame, size_t size);
/*
 * Waits for a frame, at most `size` bytes of it; what is longer is dropped. Returns its bytes, or 0 when the other end is gone. One thread
 * at a time; another may send meanwhile.
 */
size_t link_receive(struct link *l, void *frame, size_t size);

#endif
