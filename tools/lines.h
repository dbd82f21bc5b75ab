/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text file a line at a time, in bounded memory, split into words.
 *
 * Input is anyone's: a line is at most LINES_BYTES long, `#` starts a comment, and outside of comments only printable
 * ASCII, blanks and tabs may stand (a carriage return before the line's end is ignored).
 */
#ifndef CORDON_TOOL_LINES_H
#define CORDON_TOOL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LINES_BYTES 4096
#define LINES_WORDS 8

enum lines_status {
    LINES_OK,       /* a line with at least one word */
    LINES_END,
    LINES_BAD,      /* malformed: `why` says how, `number` where */
    LINES_IO,       /* the file cannot be read: `why` */
};

struct lines {
    FILE *file;
    const char *name;               /* for people: the file's name or <stdin> */
    uint64_t number;                /* of the current line, from 1 */
    uint64_t bytes;                 /* read so far */
    char text[LINES_BYTES + 1];     /* the line as words and single blanks: for reports and logs */
    char split[LINES_BYTES + 1];    /* the words themselves, each ended by a zero byte */
    const char *word[LINES_WORDS];
    size_t words;                   /* all of the line's, though no more than LINES_WORDS are kept */
    bool again;                     /* the next call gives the current line once more */
    char why[512];
    size_t at, filled;              /* of chunk */
    unsigned char chunk[65536];
};

/* '-' is standard input. false: *l is no open file and l->why the reason. */
bool lines_open(struct lines *l, const char *path);
/* The same on an open stream, which stays the caller's. */
void lines_attach(struct lines *l, FILE *file, const char *name);
void lines_close(struct lines *l);

/* The next line that is not blank. */
enum lines_status lines_next(struct lines *l);
/* Lets lines_next() give the current line again: for a look at what kind of file it is. */
void lines_unread(struct lines *l);

/* LINES_BAD with a reason, printf-style. */
enum lines_status lines_bad(struct lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints `name:line: why` for LINES_BAD or `name: why` for LINES_IO on stderr, after what stdout still holds. */
void lines_complain(const struct lines *l, enum lines_status status);

/* A decimal or 0x hexadecimal number below 2^64. `field` names it in the reason when it is none. */
enum lines_status lines_number(struct lines *l, const char *field, const char *word, uint64_t *value);

#endif
