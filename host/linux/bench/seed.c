// SPDX-License-Identifier: GPL-2.0
/*
 * A program that has the kernel's random numbers begin, as the saved seed of any Debian does. Before, each system call of a kernel that
 * moves its stack by chance makes its number anew from nothing, for 10,000 instructions; a machine is so for a second of its life.
 */
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <sys/ioctl.h>

int main(void)
{
	struct { struct rand_pool_info info; unsigned char bytes[64]; } seed = { { 512, 64 }, { 1, 2, 3 } };
	int fd = open("/dev/random", O_WRONLY);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed) != 0) {
		perror("seed");
		return 1;
	}
	return 0;
}
