// SPDX-License-Identifier: GPL-2.0
/*
 * Disk and network, each a piece of work with a label: all of a disk from its beginning, then 4 KiB at places of chance, then what a
 * server sends until it closes. Without a server, of a guest's disk, as many of 4 KiB as the disk has.
 *
 *   io DEVICE [ADDRESS PORT]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "labels.h"

#define CHUNK (1 << 20)
#define PAGE 4096
#define PAGES 4096

static char *buffer;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void done(const char *name, uint64_t bytes, double began)
{
	printf("bench: io %s %llu bytes in %.3f s\n", name, (unsigned long long)bytes, now() - began);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void in_order(int fd)
{
	double began = now();
	uint64_t bytes = 0;
	ssize_t n;

	bench_label(DISK_ORDER);
	while ((n = read(fd, buffer, CHUNK)) > 0)
		bytes += n;
	bench_label(NOTHING);
	if (n < 0)
		fail("read");
	done("order", bytes, began);
}

static void at_random(int fd, off_t size, int pages)
{
	double began = now();
	uint64_t state = 1;

	bench_label(DISK_RANDOM);
	for (int i = 0; i < pages; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		if (pread(fd, buffer, PAGE, (state >> 33) % (size / PAGE) * PAGE) != PAGE)
			fail("pread");
	}
	bench_label(NOTHING);
	done("random", (uint64_t)pages * PAGE, began);
}

static void stream(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = inet_addr(address) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	double began = now();
	uint64_t bytes = 0;
	ssize_t n;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fail("connect");
	bench_label(NET_STREAM);
	while ((n = read(fd, buffer, CHUNK)) > 0)
		bytes += n;
	bench_label(NOTHING);
	if (n < 0)
		fail("read");
	done("stream", bytes, began);
}

int main(int argc, char **argv)
{
	bool network = argc == 4;
	int fd = network || argc == 2 ? open(argv[1], O_RDONLY | O_DIRECT) : -1;
	off_t size;

	if (fd < 0 || posix_memalign((void **)&buffer, PAGE, CHUNK) != 0)
		fail("io DEVICE [ADDRESS PORT]");
	in_order(fd);
	size = lseek(fd, 0, SEEK_END);
	at_random(fd, size, network ? PAGES : size / PAGE);
	if (network)
		stream(argv[2], argv[3]);
	return 0;
}
