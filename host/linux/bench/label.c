// SPDX-License-Identifier: GPL-2.0
/* A program that labels what comes next: `label NAME`, one of labels.h; `label NOTHING`. */
#include <stdio.h>
#include <string.h>

#include "labels.h"

#define IF_NAMED(name, number)				\
	if (strcmp(argv[1], #name) == 0) {		\
		bench_label(name);			\
		return 0;				\
	}

int main(int argc, char **argv)
{
	if (argc == 2) {
		BENCH_LABELS(IF_NAMED)
		IF_NAMED(NOTHING, 0)
	}
	fprintf(stderr, "label NAME: a name of labels.h, or NOTHING\n");
	return 2;
}
