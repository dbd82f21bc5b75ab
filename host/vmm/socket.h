/* SPDX-License-Identifier: Apache-2.0 */
/* A socket where one program at a time may talk to a port of the guest's: socat - UNIX:PATH. */
#ifndef VMM_SOCKET_H
#define VMM_SOCKET_H

#include <stddef.h>
#include <stdint.h>

struct socket {
    const char *path;
    int listener;
    int peer;                       /* -1: nobody */
    void (*take)(const uint8_t *bytes, size_t size);    /* what the other end says; by a thread of the socket's own, which may wait */
};

/* Makes the socket at s->path. Leaves on failure. */
void socket_open(struct socket *s);
/* From here on others may come. */
void socket_start(struct socket *s);
/* What the guest says. If nobody listens, or not fast enough, it is lost: the guest never waits. */
void socket_send(struct socket *s, const void *bytes, size_t size);
/* The path goes. */
void socket_close(const struct socket *s);

#endif
