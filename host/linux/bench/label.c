// SPDX-License-Identifier: GPL-2.0
/* A program that labels what comes next: `label begin`, a guest's boot; `label end`, nothing. */
#include <string.h>

#include "labels.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "begin") == 0)
		bench_label(GUEST_BOOT);
	else
		bench_label(NOTHING);
	return 0;
}
