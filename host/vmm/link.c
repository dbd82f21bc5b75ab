/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a network device. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TUN "/dev/net/tun"

static const char *open_tap(struct link *l, const char *name)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };

    if (!*name || strlen(name) >= sizeof(request.ifr_name)) {
        errno = 0;
        return "not the name of an interface";
    }
    strcpy(request.ifr_name, name);
    l->fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0)
        return "cannot open " TUN " (modprobe tun)";
    if (ioctl(l->fd, TUNSETIFF, &request) < 0)
        return "cannot have the interface; as root: ip tuntap add NAME mode tap user USER";
    return NULL;
}

static const char *open_socket(struct link *l, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (!*path || strlen(path) >= sizeof(address.sun_path)) {
        errno = 0;
        return "not the path of a socket";
    }
    strcpy(address.sun_path, path);
    l->stream = true;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return "cannot make a socket";
    if (connect(l->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return "nobody is at the socket; start it first, like: passt --socket PATH";
    if (fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0)
        return "cannot use the socket";
    return NULL;
}

const char *link_open(struct link *l, const char *how)
{
    memset(l, 0, sizeof(*l));
    l->fd = -1;
    if (strncmp(how, "tap=", 4) == 0)
        return open_tap(l, how + 4);
    if (strncmp(how, "socket=", 7) == 0)
        return open_socket(l, how + 7);
    errno = 0;
    return "neither tap=NAME nor socket=PATH";
}

/* ---- out ---- */

/* What is left of the last frame. True when nothing is. */
static bool flush(struct link *l)
{
    while (l->unsent_first < l->unsent_end) {
        ssize_t n = send(l->fd, l->unsent + l->unsent_first, l->unsent_end - l->unsent_first, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        l->unsent_first += (size_t)n;
    }
    l->unsent_first = l->unsent_end = 0;
    return true;
}

void link_send(struct link *l, const void *frame, size_t size)
{
    uint32_t length = htonl((uint32_t)size);

    if (size < FRAME_LEAST || size > FRAME_MOST)
        return;
    if (!l->stream) {
        while (write(l->fd, frame, size) < 0 && errno == EINTR)
            ;
        return;
    }
    if (!flush(l))
        return;                 /* half a frame must be followed by its other half: this one is lost */
    memcpy(l->unsent, &length, sizeof(length));
    memcpy(l->unsent + sizeof(length), frame, size);
    l->unsent_end = sizeof(length) + size;
    if (!flush(l) && l->unsent_first == 0)
        l->unsent_end = 0;      /* nothing of it is out: all of it is lost */
}

/* ---- in ---- */

/* Some bytes, or 0 at the end. */
static size_t read_some(struct link *l, void *to, size_t size)
{
    for (;;) {
        ssize_t n = read(l->fd, to, size);
        struct pollfd in = { .fd = l->fd, .events = POLLIN };

        if (n > 0)
            return (size_t)n;
        if (n == 0 || (errno != EINTR && errno != EAGAIN))
            return 0;
        if (errno == EAGAIN)
            poll(&in, 1, -1);
    }
}

static bool read_whole(struct link *l, uint8_t *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t n = read_some(l, to + done, size - done);

        if (!n)
            return false;
        done += n;
    }
    return true;
}

static bool read_and_drop(struct link *l, size_t size)
{
    uint8_t some[512];

    for (; size; size -= size < sizeof(some) ? size : sizeof(some))
        if (!read_whole(l, some, size < sizeof(some) ? size : sizeof(some)))
            return false;
    return true;
}

size_t link_receive(struct link *l, void *frame, size_t size)
{
    uint32_t length;
    size_t kept;

    if (!l->stream)
        return read_some(l, frame, size);
    do {
        if (!read_whole(l, (uint8_t *)&length, sizeof(length)))
            return 0;
        length = ntohl(length);
        kept = length < size ? length : size;
        if (length > FRAME_MOST || !read_whole(l, frame, kept) || !read_and_drop(l, length - kept))
            return 0;           /* it has lost its way: no frame is that long */
    } while (!kept);
    return kept;
}
