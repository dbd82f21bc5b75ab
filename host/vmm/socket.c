/* SPDX-License-Identifier: Apache-2.0 */
/* A socket where one program at a time may talk to a port of the guest's. */
#include "socket.h"

#include "message.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* of who is at the other end, for all sockets */

void socket_open(struct socket *s)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (!*s->path || strlen(s->path) >= sizeof(address.sun_path))
        die("%s: too long for the path of a socket, or empty", s->path);
    strcpy(address.sun_path, s->path);
    s->peer = -1;
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof(address)) || listen(s->listener, 1))
        die("cannot make the socket %s: %s", s->path, strerror(errno));
}

static void set_peer(struct socket *s, int peer)
{
    pthread_mutex_lock(&lock);
    if (s->peer >= 0)
        close(s->peer);
    s->peer = peer;
    pthread_mutex_unlock(&lock);
}

static void *thread_of(void *argument)
{
    struct socket *s = argument;
    uint8_t bytes[512];

    for (;;) {
        int peer = accept(s->listener, NULL, NULL);
        ssize_t n;

        if (peer < 0 && errno != EINTR && errno != ECONNABORTED)
            return NULL;
        if (peer < 0)
            continue;
        set_peer(s, peer);
        while ((n = read(peer, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR))
            if (n > 0)
                s->take(bytes, (size_t)n);
        set_peer(s, -1);
    }
}

void socket_start(struct socket *s)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_of, s);

    if (error)
        complain("nobody can talk to %s, as its thread cannot start: %s", s->path, strerror(error));
    else
        pthread_detach(thread);
}

void socket_send(struct socket *s, const void *bytes, size_t size)
{
    pthread_mutex_lock(&lock);
    while (size && s->peer >= 0) {
        ssize_t n = send(s->peer, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        bytes = (const uint8_t *)bytes + n;
        size -= (size_t)n;
    }
    pthread_mutex_unlock(&lock);
}

void socket_close(const struct socket *s)
{
    if (s->path)
        unlink(s->path);
}
