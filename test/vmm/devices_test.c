/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's virtio devices by themselves: what drivers rely on, and what a hostile one gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"

#include "disk.h"
#include "entropy.h"
#include "link.h"
#include "message.h"
#include "net.h"
#include "ports.h"
#include "rtc.h"
#include "uart.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NET = 0, ENTROPY = 1, CONSOLE = 2, DISK = 3, READ_ONLY = 4 };     /* slots */

static int peer = -1;                   /* the network card's other end */
static char folder[] = "/tmp/cordon-vmm-test-XXXXXX";
static char disk_path[64], disk_read_only[80];
static char net_option[160], console_path[64], serial_path[64];

/* What is made to happen by another thread has happened: at once, or soon. */
static void wait_until_used(unsigned queue, uint16_t n)
{
    for (unsigned i = 0; i < 10000 && *(volatile uint16_t *)(void *)(at(ring_of(queue) + 2 * PAGE) + 2) != n; i++)
        usleep(1000);
    assert_int_equal(used(queue), n);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void read_whole(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (uint8_t *)to + done, size - done);

        assert_true(n > 0);
        done += (size_t)n;
    }
}

/* ---- the transport ---- */

static void a_driver_that_would_not_share_is_not_taken(void **state)
{
    (void)state;
    set(ENTROPY, REG_STATUS, 0);
    set(ENTROPY, REG_DRIVER_WORD, 1);
    set(ENTROPY, REG_DRIVER_FEATURES, 1);
    set(ENTROPY, REG_STATUS, 11);
    assert_int_equal(get(ENTROPY, REG_STATUS), 3);
}

static void a_request_is_answered_and_told(void **state)
{
    static const uint8_t none[64];

    (void)state;
    begin(ENTROPY, 1);
    memset(at(DATA), 0, 64);
    describe(0, 3, DATA, 64, true, -1);
    offer(0, 3);
    set(ENTROPY, REG_NOTIFY, 0);
    assert_int_equal(used(0), 1);
    assert_int_equal(used_size(0, 0), 64);
    assert_memory_not_equal(at(DATA), none, 64);
    assert_true(line[VIRTIO_SPI + ENTROPY]);
    assert_int_equal(get(ENTROPY, REG_INTERRUPT), 1);
    set(ENTROPY, REG_ACKNOWLEDGE, 1);
    assert_false(line[VIRTIO_SPI + ENTROPY]);
}

static void a_driver_that_wants_no_interrupt_gets_none(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    available(0)[0] = 1;
    describe(0, 0, DATA, 64, true, -1);
    offer(0, 0);
    set(ENTROPY, REG_NOTIFY, 0);
    assert_int_equal(used(0), 1);
    assert_false(line[VIRTIO_SPI + ENTROPY]);
}

static void queues_that_are_not_there_are_none(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    set(ENTROPY, REG_QUEUE, 1);
    assert_int_equal(get(ENTROPY, REG_QUEUE_MOST), 0);
    set(ENTROPY, REG_READY, 1);
    assert_int_equal(get(ENTROPY, REG_READY), 0);
    set(ENTROPY, REG_QUEUE, UINT32_MAX);
    assert_int_equal(get(ENTROPY, REG_QUEUE_MOST), 0);
    set(ENTROPY, REG_READY, 1);
    set(ENTROPY, REG_NOTIFY, 1);
    set(ENTROPY, REG_NOTIFY, UINT32_MAX);
    assert_false(needs_reset(ENTROPY));
}

/* ---- what a driver may not do, or a guest has not granted ---- */

/* The device does no more, until it is reset; the launcher lives. */
static void assert_is_broken(unsigned slot)
{
    uint16_t before = used(0);

    assert_true(needs_reset(slot));
    assert_true(line[VIRTIO_SPI + slot]);
    assert_int_equal(get(slot, REG_INTERRUPT) & 2, 2);
    offer(0, 0);
    set(slot, REG_NOTIFY, 0);
    assert_int_equal(used(0), before);
    begin(slot, 1);
    assert_false(needs_reset(slot));
    describe(0, 0, DATA, 16, true, -1);
    offer(0, 0);
    set(slot, REG_NOTIFY, 0);
    assert_int_equal(used(0), 1);
}

static void a_ring_that_is_private_ends_the_queue(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(ENTROPY, 1);
        describe(0, 0, DATA, 16, true, -1);
        offer(0, 0);
        make_private(RINGS + i * PAGE, true);
        set(ENTROPY, REG_NOTIFY, 0);
        make_private(RINGS + i * PAGE, false);
        assert_is_broken(ENTROPY);
    }
}

static void a_buffer_that_is_private_ends_the_queue(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    describe(0, 0, DATA + PAGE - 8, 16, true, -1);      /* half of it is */
    offer(0, 0);
    make_private(DATA + PAGE, true);
    set(ENTROPY, REG_NOTIFY, 0);
    make_private(DATA + PAGE, false);
    assert_is_broken(ENTROPY);
}

static void a_buffer_that_is_no_memory_ends_the_queue(void **state)
{
    static const uint64_t where[] = { 0, RAM_BASE - 1, RAM_BASE + PAGES * PAGE - 8, RAM_BASE + PAGES * PAGE, UINT64_MAX - 7, 1ull << 63 };

    (void)state;
    for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
        begin(ENTROPY, 1);
        describe(0, 0, where[i], 16, true, -1);
        offer(0, 0);
        set(ENTROPY, REG_NOTIFY, 0);
        assert_is_broken(ENTROPY);
    }
}

static void a_chain_without_an_end_ends_the_queue(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    describe(0, 0, DATA, 1, true, 1);
    describe(0, 1, DATA, 1, true, 0);
    offer(0, 0);
    set(ENTROPY, REG_NOTIFY, 0);
    assert_is_broken(ENTROPY);
}

static void a_descriptor_outside_of_the_table_ends_the_queue(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    offer(0, RING_SIZE);
    set(ENTROPY, REG_NOTIFY, 0);
    assert_is_broken(ENTROPY);
}

static void more_chains_than_there_is_room_for_end_the_queue(void **state)
{
    (void)state;
    begin(ENTROPY, 1);
    available(0)[1] = RING_SIZE + 1;
    set(ENTROPY, REG_NOTIFY, 0);
    assert_is_broken(ENTROPY);
}

/* ---- network cards ---- */

static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 8, 6, 'f', 'r', 'a', 'm', 'e' };

static void a_card_has_its_address(void **state)
{
    uint8_t mac[6];

    (void)state;
    for (unsigned i = 0; i < sizeof(mac); i++)
        mac[i] = (uint8_t)slot_read(NET * VIRTIO_SIZE + REG_CONFIG + i, 1);
    assert_memory_equal(mac, ((uint8_t[]){ 0x52, 0x54, 0, 0x12, 0x34, 0x56 }), sizeof(mac));
    assert_int_equal(slot_read(NET * VIRTIO_SIZE + REG_CONFIG + 6, 1), 0);
}

static void a_frame_goes_out_with_its_length(void **state)
{
    uint8_t got[4 + sizeof(frame)];
    uint32_t length;

    (void)state;
    begin(NET, 2);
    memset(at(DATA), 0, 12);
    memcpy(at(DATA + 12), frame, 20);
    memcpy(at(DATA + 2 * PAGE), frame + 20, 40);
    describe(1, 0, DATA, 32, false, 1);
    describe(1, 1, DATA + 2 * PAGE, 40, false, -1);
    offer(1, 0);
    set(NET, REG_NOTIFY, 1);
    assert_int_equal(used(1), 1);
    assert_int_equal(used_size(1, 0), 0);
    read_whole(peer, got, sizeof(got));
    memcpy(&length, got, 4);
    assert_int_equal(ntohl(length), sizeof(frame));
    assert_memory_equal(got + 4, frame, sizeof(frame));
}

static void send_in(const void *bytes, size_t size)
{
    uint32_t length = htonl((uint32_t)size);

    assert_int_equal(write(peer, &length, 4), 4);
    assert_int_equal(write(peer, bytes, size), size);
}

static void a_frame_comes_in_behind_its_header(void **state)
{
    static const uint8_t header[12] = { [10] = 1 };

    (void)state;
    begin(NET, 2);
    memset(at(DATA), 0xee, PAGE);
    describe(0, 0, DATA, 12, true, 1);
    describe(0, 1, DATA + 100, 1514, true, -1);
    offer(0, 0);
    set(NET, REG_NOTIFY, 0);
    assert_int_equal(used(0), 0);
    send_in(frame, sizeof(frame));
    wait_until_used(0, 1);
    assert_int_equal(used_size(0, 0), 12 + sizeof(frame));
    assert_memory_equal(at(DATA), header, sizeof(header));
    assert_memory_equal(at(DATA + 100), frame, sizeof(frame));
    assert_int_equal(*at(DATA + 100 + sizeof(frame)), 0xee);
}

static void a_frame_that_does_not_fit_is_lost_and_the_next_comes(void **state)
{
    static uint8_t large[2000];

    (void)state;
    begin(NET, 2);
    describe(0, 0, DATA, 1526, true, -1);
    offer(0, 0);
    offer(0, 0);
    send_in(large, sizeof(large));
    send_in(frame, sizeof(frame));
    wait_until_used(0, 2);
    assert_int_equal(used_size(0, 0), 0);
    assert_int_equal(used_size(0, 1), 12 + sizeof(frame));
}

static void a_buffer_for_frames_that_is_private_ends_the_card(void **state)
{
    (void)state;
    begin(NET, 2);
    describe(0, 0, DATA, 1526, true, -1);
    make_private(DATA, true);
    offer(0, 0);
    send_in(frame, sizeof(frame));
    for (unsigned i = 0; i < 10000 && !needs_reset(NET); i++)
        usleep(1000);
    make_private(DATA, false);
    assert_true(needs_reset(NET));
    begin(NET, 2);
    describe(1, 0, DATA, 100, false, -1);
    make_private(DATA, true);
    offer(1, 0);
    set(NET, REG_NOTIFY, 1);
    make_private(DATA, false);
    assert_true(needs_reset(NET));
}

/* Reads a frame of the stream, with whose rest the link may still have to be helped. Returns its length, 0: there is none. */
static size_t read_frame(struct link *l, int fd, uint8_t *to)
{
    uint32_t length;
    size_t size;

    if (recv(fd, &length, 4, MSG_DONTWAIT) != 4)
        return 0;
    size = ntohl(length);
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(fd, to + done, size - done, MSG_DONTWAIT);

        if (n <= 0)
            link_send(l, frame, sizeof(frame));     /* brings the rest out */
        else
            done += (size_t)n;
    }
    return size;
}

/* The other end takes nothing for a while: frames are lost, whole ones, and none is torn. */
static void what_the_other_end_does_not_take_is_lost_whole(void **state)
{
    static struct link l;
    static uint8_t big[60001], got[FRAME_MOST];
    int ends[2], small = 20000;
    unsigned come = 0;
    size_t size;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    l = (struct link){ .fd = ends[0], .stream = true };
    for (unsigned i = 1; i <= 20; i++) {
        memset(big, (int)i, sizeof(big));
        link_send(&l, big, sizeof(big));
    }
    while ((size = read_frame(&l, ends[1], got)) != 0) {
        if (size == sizeof(frame))
            continue;
        assert_int_equal(size, sizeof(big));
        come++;
        for (size_t i = 0; i < size; i++)
            assert_int_equal(got[i], come);
    }
    assert_true(come >= 1 && come < 20);
    link_send(&l, frame, sizeof(frame));
    assert_int_equal(read_frame(&l, ends[1], got), sizeof(frame));
    close(ends[0]);
    close(ends[1]);
}

static void a_length_that_no_frame_has_ends_the_link(void **state)
{
    static struct link l;
    uint8_t got[100];
    uint32_t length = htonl(FRAME_MOST + 1);
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    l = (struct link){ .fd = ends[0], .stream = true };
    assert_int_equal(write(ends[1], "\0\0\0\0\0\0\0\3abc", 11), 11);     /* one of no bytes, one of three */
    assert_int_equal(link_receive(&l, got, 2), 2);
    assert_memory_equal(got, "ab", 2);
    assert_int_equal(write(ends[1], &length, 4), 4);
    assert_int_equal(link_receive(&l, got, sizeof(got)), 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- disks ---- */

#define HEAD DATA                       /* type, reserved, sector */
#define STATUS (DATA + 64)
#define SECTORS 16u

/* A request with one buffer. Returns its status, 0xff if there is none. */
static uint8_t request(unsigned slot, uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size, bool to_guest)
{
    uint16_t before = used(0);

    memset(at(HEAD), 0, 16);
    memcpy(at(HEAD), &type, 4);
    memcpy(at(HEAD + 8), &sector, 8);
    *at(STATUS) = 0xff;
    describe(0, 0, HEAD, 16, false, 1);
    describe(0, 1, gpa, size, to_guest, 2);
    describe(0, 2, STATUS, 1, true, -1);
    offer(0, 0);
    set(slot, REG_NOTIFY, 0);
    assert_int_equal(used(0), (uint16_t)(before + 1));
    assert_false(needs_reset(slot));
    return *at(STATUS);
}

static void a_disk_keeps_what_is_written(void **state)
{
    (void)state;
    begin(DISK, 1);
    memset(at(DATA + PAGE), 0x5a, 1024);
    assert_int_equal(request(DISK, 1, 2, DATA + PAGE, 1024, false), 0);
    assert_int_equal(request(DISK, 4, 0, DATA + PAGE, 512, false), 0);
    memset(at(DATA + PAGE), 0, 1024);
    assert_int_equal(request(DISK, 0, 3, DATA + PAGE, 1024, true), 0);
    assert_int_equal(used_size(0, 2), 1025);
    assert_int_equal(*at(DATA + PAGE), 0x5a);
    assert_int_equal(*at(DATA + PAGE + 512), 0);
    assert_int_equal(slot_read(DISK * VIRTIO_SIZE + REG_CONFIG, 4), SECTORS);
}

static void a_request_that_a_disk_cannot_do_fails_alone(void **state)
{
    (void)state;
    begin(DISK, 1);
    assert_int_equal(request(DISK, 0, SECTORS, DATA + PAGE, 512, true), 1);
    assert_int_equal(request(DISK, 0, SECTORS - 1, DATA + PAGE, 1024, true), 1);
    assert_int_equal(request(DISK, 1, SECTORS, DATA + PAGE, 512, false), 1);     /* no file grows */
    assert_int_equal(request(DISK, 1, 1ull << 55, DATA + PAGE, 512, false), 1);  /* times 512 it would be 0 */
    assert_int_equal(request(DISK, 1, UINT64_MAX / 512, DATA + PAGE, 512, false), 1);
    assert_int_equal(request(DISK, 1, UINT64_MAX, DATA + PAGE, 512, false), 1);
    assert_int_equal(request(DISK, 1, 0, DATA + PAGE, 512, true), 1);       /* the wrong way round */
    assert_int_equal(request(DISK, 0, 0, DATA + PAGE, 512, false), 1);
    assert_int_equal(request(DISK, 77, 0, DATA + PAGE, 512, false), 2);
    assert_int_equal(request(DISK, 0, 0, RAM_BASE + PAGES * PAGE - 256, 512, true), 1);
    assert_int_equal(request(DISK, 0, 0, DATA + PAGE, 512, true), 0);
    begin(READ_ONLY, 1);
    assert_int_equal(request(READ_ONLY, 1, 0, DATA + PAGE, 512, false), 1);
    assert_int_equal(request(READ_ONLY, 0, 0, DATA + PAGE, 512, true), 0);
}

/* A request whose data are n pieces of `size` bytes, each in a place of its own and the first at the end: only their order says where they belong. */
#define SEGMENTS 32u
#define PIECE(i, n) (DATA + PAGE + ((n) - 1 - (i)) * 512)

static void begin_long(void)
{
    begin(DISK, 1);
    set(DISK, REG_QUEUE_SIZE, 64);
}

static uint8_t request_in_pieces(uint32_t type, unsigned n, uint32_t size)
{
    uint16_t before = used(0);

    memset(at(HEAD), 0, 16);
    memcpy(at(HEAD), &type, 4);
    *at(STATUS) = 0xff;
    describe(0, 0, HEAD, 16, false, 1);
    for (unsigned i = 0; i < n; i++)
        describe(0, i + 1, PIECE(i, n), size, type == 0, (int)i + 2);
    describe(0, n + 1, STATUS, 1, true, -1);
    offer(0, 0);
    set(DISK, REG_NOTIFY, 0);
    assert_int_equal(used(0), (uint16_t)(before + 1));
    assert_false(needs_reset(DISK));
    return *at(STATUS);
}

static void a_request_is_in_as_many_segments_as_the_disk_says(void **state)
{
    static const unsigned some[] = { 1, 2, SEGMENTS - 1, SEGMENTS };

    (void)state;
    assert_int_equal(get(DISK, REG_FEATURES) & 6, 4);      /* SEG_MAX, not SIZE_MAX */
    assert_int_equal(slot_read(DISK * VIRTIO_SIZE + REG_CONFIG + 12, 4), SEGMENTS);
    for (unsigned k = 0; k < sizeof(some) / sizeof(some[0]); k++) {
        unsigned n = some[k];

        begin_long();
        for (unsigned i = 0; i < n; i++)
            memset(at(PIECE(i, n)), (int)(n + i), 256);
        assert_int_equal(request_in_pieces(1, n, 256), 0);
        assert_int_equal(used_size(0, 0), 1);
        memset(at(PIECE(n - 1, n)), 0, n * 512);
        assert_int_equal(request_in_pieces(0, n, 256), 0);
        assert_int_equal(used_size(0, 1), n * 256 + 1);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(*at(PIECE(i, n) + 255), n + i);
        assert_int_equal(request(DISK, 0, 0, DATA + PAGE, n * 256, true), 0);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(*at(DATA + PAGE + i * 256), n + i);
    }
}

/* More is refused before anything is moved, alone. */
static void a_request_in_more_segments_fails_alone(void **state)
{
    (void)state;
    begin_long();
    memset(at(DATA + PAGE), 0x11, SECTORS * 512);
    assert_int_equal(request(DISK, 1, 0, DATA + PAGE, SECTORS * 512, false), 0);
    memset(at(DATA + PAGE), 0x22, (SEGMENTS + 1) * 512);
    assert_int_equal(request_in_pieces(1, SEGMENTS + 1, 16), 1);
    assert_int_equal(request_in_pieces(1, 62, 16), 1);
    assert_int_equal(request_in_pieces(0, SEGMENTS + 1, 16), 1);
    assert_int_equal(used_size(0, 3), 1);
    assert_int_equal(*at(DATA + PAGE), 0x22);
    assert_int_equal(request(DISK, 0, 0, DATA + PAGE, 512, true), 0);
    assert_int_equal(*at(DATA + PAGE), 0x11);
}

/* What a driver that is hostile, or wrong, makes of a long chain. */
static void a_long_chain_that_is_wrong_fails_alone_or_ends_the_disk(void **state)
{
    (void)state;
    begin_long();
    make_private(DATA + 2 * PAGE, true);                    /* 8 of its pieces */
    assert_int_equal(request_in_pieces(0, SEGMENTS, 256), 1);
    assert_int_equal(request_in_pieces(1, SEGMENTS, 256), 1);
    make_private(DATA + 2 * PAGE, false);
    assert_int_equal(request_in_pieces(0, SEGMENTS, 257), 1);       /* the last goes beyond the disk */
    describe(0, 0, HEAD, 16, false, -1);                    /* the request alone: no status */
    offer(0, 0);
    set(DISK, REG_NOTIFY, 0);
    assert_int_equal(used(0), 4);
    assert_int_equal(used_size(0, 3), 0);
    assert_int_equal(request_in_pieces(0, SEGMENTS, 256), 0);
    describe(0, SEGMENTS, PIECE(0, 1), 256, true, 1);       /* the last goes back to the first */
    offer(0, 0);
    set(DISK, REG_NOTIFY, 0);
    assert_true(needs_reset(DISK));
}

/* The host's kernel meets it, not the launcher: the request fails, the disk goes on. */
static void data_that_is_private_fails_its_request_alone(void **state)
{
    (void)state;
    begin(DISK, 1);
    make_private(DATA + PAGE, true);
    assert_int_equal(request(DISK, 0, 0, DATA + PAGE, 512, true), 1);
    assert_int_equal(request(DISK, 1, 0, DATA + PAGE, 512, false), 1);
    make_private(DATA + PAGE, false);
    assert_int_equal(request(DISK, 0, 0, DATA + PAGE, 512, true), 0);
}

/* ---- ports, and the clock ---- */

static void a_console_of_virtio_goes_both_ways(void **state)
{
    uint8_t got[900];
    int fd = connect_to(console_path);

    (void)state;
    begin(CONSOLE, 2);
    describe(0, 0, DATA, 3, true, -1);
    describe(0, 1, DATA + 16, 64, true, -1);
    offer(0, 0);
    offer(0, 1);
    set(CONSOLE, REG_NOTIFY, 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    wait_until_used(0, 2);
    assert_memory_equal(at(DATA), "hel", 3);
    assert_memory_equal(at(DATA + 16), "lo", 2);
    assert_int_equal(used_size(0, 1), 2);
    for (unsigned i = 0; i < sizeof(got); i++)
        *at(DATA + PAGE + i) = (uint8_t)(i * 7);
    describe(1, 0, DATA + PAGE, 600, false, 1);
    describe(1, 1, DATA + PAGE + 600, 300, false, -1);
    offer(1, 0);
    set(CONSOLE, REG_NOTIFY, 1);
    read_whole(fd, got, sizeof(got));
    assert_memory_equal(got, at(DATA + PAGE), sizeof(got));
    close(fd);
}

static void a_second_serial_port_goes_both_ways(void **state)
{
    char got[2];
    int fd = connect_to(serial_path);

    (void)state;
    ports_write(UART_IER, UART_IER_RECEIVE);
    assert_int_equal(write(fd, "x", 1), 1);
    for (unsigned i = 0; i < 10000 && !(ports_read(UART_LSR) & UART_LSR_READY); i++)
        usleep(1000);
    assert_true(line[SECOND_UART_SPI]);
    assert_int_equal(ports_read(UART_DATA), 'x');
    assert_false(line[SECOND_UART_SPI]);
    ports_write(UART_DATA, 'y');
    read_whole(fd, got, 1);
    assert_int_equal(got[0], 'y');
    close(fd);
}

static void the_clock_tells_the_hosts_time_until_it_is_set(void **state)
{
    struct rtc r = { 0 };

    (void)state;
    assert_int_equal(rtc_read(&r, 0, 1000), 1000);
    rtc_write(&r, 8, 5000, 1000);
    assert_int_equal(rtc_read(&r, 0, 1001), 5001);
    assert_int_equal(rtc_read(&r, 8, 1001), 5001);
    rtc_write(&r, 4, 7, 0);
    assert_int_equal(rtc_read(&r, 4, 0), 7);
    assert_int_equal(rtc_read(&r, 0xc, 0), 1);
    assert_int_equal(rtc_read(&r, 0x14, 0), 0);
    assert_int_equal(rtc_read(&r, 0xfe0, 0) | rtc_read(&r, 0xfe4, 0) << 8 | rtc_read(&r, 0xfe8, 0) << 16, 0x041031);
    assert_int_equal(rtc_read(&r, 0xffc, 0), 0xb1);
    assert_int_equal(rtc_read(&r, 0x1000, 0), 0);
}

static void at_the_end_the_sockets_are_gone(void **state)
{
    (void)state;
    ports_close();
    assert_int_not_equal(access(console_path, F_OK), 0);
    assert_int_not_equal(access(serial_path, F_OK), 0);
}

/* One file twice would be refused: each has its own. */
static int add_disks(void)
{
    char other[80];

    snprintf(disk_path, sizeof(disk_path), "%s/disk", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    snprintf(disk_read_only, sizeof(disk_read_only), "%s/other,ro", folder);
    if (close(open(disk_path, O_CREAT | O_WRONLY, 0600)) || truncate(disk_path, SECTORS * 512) || close(open(other, O_CREAT | O_WRONLY, 0600)) ||
        truncate(other, SECTORS * 512))
        return -1;
    options.disk[0] = disk_path;
    options.disk[1] = disk_read_only;
    options.disks = 2;
    disk_open(&vm);
    return unlink(disk_path) || unlink(other);
}

/* A network card at a socket, as with passt; a random number device; a console. */
static int set_up(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    memory_make();
    message_set(false, true);
    if (!mkdtemp(folder))
        return -1;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/net", folder);
    snprintf(net_option, sizeof(net_option), "socket=%s,mac=52:54:00:12:34:56", address.sun_path);
    snprintf(console_path, sizeof(console_path), "%s/console", folder);
    snprintf(serial_path, sizeof(serial_path), "%s/serial", folder);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
        return -1;
    options = (struct options){ .net = { net_option }, .nets = 1, .entropy = true, .console = console_path, .serial = serial_path };
    net_open(&vm);
    entropy_open(&vm);
    ports_open(&vm);
    peer = accept(listener, NULL, NULL);
    net_start();
    ports_start();
    unlink(address.sun_path);
    return add_disks();
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_that_would_not_share_is_not_taken),
        cmocka_unit_test(a_request_is_answered_and_told),
        cmocka_unit_test(a_driver_that_wants_no_interrupt_gets_none),
        cmocka_unit_test(queues_that_are_not_there_are_none),
        cmocka_unit_test(a_ring_that_is_private_ends_the_queue),
        cmocka_unit_test(a_buffer_that_is_private_ends_the_queue),
        cmocka_unit_test(a_buffer_that_is_no_memory_ends_the_queue),
        cmocka_unit_test(a_chain_without_an_end_ends_the_queue),
        cmocka_unit_test(a_descriptor_outside_of_the_table_ends_the_queue),
        cmocka_unit_test(more_chains_than_there_is_room_for_end_the_queue),
        cmocka_unit_test(a_card_has_its_address),
        cmocka_unit_test(a_frame_goes_out_with_its_length),
        cmocka_unit_test(a_frame_comes_in_behind_its_header),
        cmocka_unit_test(a_frame_that_does_not_fit_is_lost_and_the_next_comes),
        cmocka_unit_test(a_buffer_for_frames_that_is_private_ends_the_card),
        cmocka_unit_test(what_the_other_end_does_not_take_is_lost_whole),
        cmocka_unit_test(a_length_that_no_frame_has_ends_the_link),
        cmocka_unit_test(a_disk_keeps_what_is_written),
        cmocka_unit_test(a_request_that_a_disk_cannot_do_fails_alone),
        cmocka_unit_test(a_request_is_in_as_many_segments_as_the_disk_says),
        cmocka_unit_test(a_request_in_more_segments_fails_alone),
        cmocka_unit_test(a_long_chain_that_is_wrong_fails_alone_or_ends_the_disk),
        cmocka_unit_test(data_that_is_private_fails_its_request_alone),
        cmocka_unit_test(a_console_of_virtio_goes_both_ways),
        cmocka_unit_test(a_second_serial_port_goes_both_ways),
        cmocka_unit_test(the_clock_tells_the_hosts_time_until_it_is_set),
        cmocka_unit_test(at_the_end_the_sockets_are_gone),
    };

    return cmocka_run_group_tests_name("devices", tests, set_up, tear_down);
}
