/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed snapshot by the project's own code (snapshot/), on the developer's computer: `stream write` makes one of what it reads, `stream read`
 * the opposite. Not sealed it is the header, then of each chunk its head and data, and read the name in place of an end. The secret is 32 times 0x07. Exit
 * status: 0; 1: refused, and what was read up to there is written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sealed.h"

/* Of a stream in which something was wrong: whoever goes on gets nothing. */
static void insist_on_reading(struct sealed *s)
{
    uint8_t in[SEALED_CHUNK], data[SEALED_DATA];
    struct sealed_chunk k;

    while (fread(in, 1, SEALED_HEAD, stdin) == SEALED_HEAD) {
        uint32_t length = sealed_length(in);

        if (length == 0 || fread(in + SEALED_HEAD, 1, length - SEALED_HEAD, stdin) != length - SEALED_HEAD)
            return;
        memset(data, 1, sizeof data);
        if (sealed_get(s, in, &k, data))
            exit(3);
        for (size_t i = 0; i < sizeof data; i++) {
            if (data[i] != 0)
                exit(4);
        }
    }
}

/* At the end of the input false; what ends early is refused. */
static bool read_whole(uint8_t *to, size_t size)
{
    size_t n = fread(to, 1, size, stdin);

    if (n != size && n != 0)
        exit(1);
    return n == size;
}

static void say(const void *data, size_t size)
{
    if (fwrite(data, 1, size, stdout) != size)
        exit(2);
}

static struct sealed_chunk plain_head(const uint8_t b[SEALED_HEAD])
{
    struct sealed_chunk k;

    memcpy(&k.kind, b, 4);
    memcpy(&k.size, b + 4, 4);
    memcpy(&k.at, b + 8, 8);
    memcpy(&k.pages, b + 16, 4);
    memcpy(&k.grants, b + 20, 4);
    return k;
}

static int write_all(struct sealed *s)
{
    uint8_t head[SEALED_HEAD], data[SEALED_DATA], out[SEALED_CHUNK];
    uint32_t size;

    while (read_whole(head, sizeof head)) {
        struct sealed_chunk k = plain_head(head);

        if (k.size > sizeof data || (k.size > 0 && !read_whole(data, k.size)))
            return 1;
        size = sealed_put(s, &k, data, out);
        if (size == 0)
            return sealed_put(s, &(struct sealed_chunk){ .kind = SEALED_RECORD, .size = 8, .at = s->records }, data, out) == 0 ? 1 : 3;
        say(out, size);
    }
    size = sealed_put_end(s, out);
    say(out, size);
    return size == 0;
}

static int read_all(struct sealed *s)
{
    uint8_t in[SEALED_CHUNK], data[SEALED_DATA];
    struct sealed_chunk k = { .kind = SEALED_RECORD };
    int behind;

    while (k.kind != SEALED_END) {
        uint32_t length;

        if (!read_whole(in, SEALED_HEAD))
            return 1;
        length = sealed_length(in);
        if (length == 0 || !read_whole(in + SEALED_HEAD, length - SEALED_HEAD) || !sealed_get(s, in, &k, data)) {
            insist_on_reading(s);
            return 1;
        }
        if (k.kind != SEALED_END) {
            say(in, SEALED_HEAD);
            say(data, k.size);
        }
    }
    behind = getchar();
    if (behind != EOF) {
        ungetc(behind, stdin);
        insist_on_reading(s);
        return 1;
    }
    sealed_name(s, data);
    say(data, SEALED_HASH);
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t secret[SEALED_SECRET], header[SEALED_HEADER];
    struct sealed_header h;
    struct sealed s;

    memset(secret, 7, sizeof secret);
    if (argc != 2 || !read_whole(header, sizeof header))
        return 2;
    if (!sealed_get_header(&h, header))
        return 1;
    sealed_put_header(header, &h);
    say(header, sizeof header);
    sealed_begin(&s, &h, secret);
    return strcmp(argv[1], "write") == 0 ? write_all(&s) : read_all(&s);
}
