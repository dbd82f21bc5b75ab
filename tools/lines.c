/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Words are quoted in reasons up to this length. */
#define QUOTE 40

void lines_attach(struct lines *l, FILE *file, const char *name)
{
    l->file = file;
    l->name = name;
    l->number = 0;
    l->bytes = 0;
    l->words = 0;
    l->again = false;
    l->at = 0;
    l->filled = 0;
    l->why[0] = '\0';
}

bool lines_open(struct lines *l, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");

    lines_attach(l, file, is_stdin ? "<stdin>" : path);
    if (!file)
        snprintf(l->why, sizeof l->why, "cannot be opened: %s", strerror(errno));
    return file != NULL;
}

void lines_close(struct lines *l)
{
    if (l->file && l->file != stdin)
        fclose(l->file);
    l->file = NULL;
}

enum lines_status lines_bad(struct lines *l, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(l->why, sizeof l->why, format, args);
    va_end(args);
    return LINES_BAD;
}

void lines_complain(const struct lines *l, enum lines_status status)
{
    fflush(stdout);
    if (status == LINES_BAD)
        fprintf(stderr, "%s:%llu: %s\n", l->name, (unsigned long long)(l->number ? l->number : 1), l->why);
    else
        fprintf(stderr, "%s: %s\n", l->name, l->why);
}

/* The next byte, or -1 at the end, or -2 when reading fails. */
static int next_byte(struct lines *l)
{
    if (l->at == l->filled) {
        l->at = 0;
        errno = 0;
        l->filled = fread(l->chunk, 1, sizeof l->chunk, l->file);
        l->bytes += l->filled;
        if (l->filled == 0) {
            if (!ferror(l->file))
                return -1;
            snprintf(l->why, sizeof l->why, "cannot be read: %s", errno ? strerror(errno) : "input error");
            return -2;
        }
    }
    return l->chunk[l->at++];
}

/* Reads one line into text, as it stands, without its end. */
static enum lines_status read_raw(struct lines *l, size_t *length)
{
    int byte = next_byte(l);

    *length = 0;
    if (byte == -1)
        return LINES_END;
    l->number++;
    for (; byte >= 0 && byte != '\n'; byte = next_byte(l)) {
        if (*length == LINES_BYTES)
            return lines_bad(l, "line too long: the limit is %d bytes", LINES_BYTES);
        l->text[(*length)++] = (char)byte;
    }
    if (byte == -2)
        return LINES_IO;
    if (*length > 0 && l->text[*length - 1] == '\r')
        --*length;
    return LINES_OK;
}

static enum lines_status check_byte(struct lines *l, unsigned char byte, size_t column)
{
    if ((byte >= 0x20 && byte < 0x7f) || byte == '\t')
        return LINES_OK;
    if (byte >= 0x80)
        return lines_bad(l, "byte 0x%02x in column %zu is not ASCII: only comments may hold other text", byte, column);
    return lines_bad(l, "control byte 0x%02x in column %zu: this is no text", byte, column);
}

/* Splits text into words and leaves text with single blanks between them. */
static enum lines_status split_words(struct lines *l, size_t length)
{
    size_t in = 0, out = 0;

    l->words = 0;
    while (in < length && l->text[in] != '#') {
        enum lines_status status = check_byte(l, (unsigned char)l->text[in], in + 1);

        if (status != LINES_OK)
            return status;
        if (l->text[in] == ' ' || l->text[in] == '\t') {
            in++;
            continue;
        }
        if (out > 0)
            l->split[out++] = '\0';
        if (l->words < LINES_WORDS)
            l->word[l->words] = &l->split[out];
        l->words++;
        while (in < length && strchr(" \t#", l->text[in]) == NULL) {
            status = check_byte(l, (unsigned char)l->text[in], in + 1);
            if (status != LINES_OK)
                return status;
            l->split[out++] = l->text[in++];
        }
    }
    l->split[out] = '\0';
    for (size_t i = 0; i <= out; i++)
        l->text[i] = l->split[i] == '\0' && i < out ? ' ' : l->split[i];
    return LINES_OK;
}

enum lines_status lines_next(struct lines *l)
{
    if (l->again) {
        l->again = false;
        return LINES_OK;
    }
    do {
        size_t length;
        enum lines_status status = read_raw(l, &length);

        if (status == LINES_OK)
            status = split_words(l, length);
        if (status != LINES_OK)
            return status;
    } while (l->words == 0);
    return LINES_OK;
}

void lines_unread(struct lines *l)
{
    l->again = true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

enum lines_status lines_number(struct lines *l, const char *field, const char *word, uint64_t *value)
{
    bool hex = word[0] == '0' && word[1] == 'x';
    uint64_t base = hex ? 16 : 10;
    bool too_large = false;
    const char *d = word + (hex ? 2 : 0);

    *value = 0;
    if (*d == '\0')
        return lines_bad(l, "%s is '%.*s', not a number: use decimal or 0x hexadecimal", field, QUOTE, word);
    for (; *d != '\0'; d++) {
        uint64_t n = (uint64_t)digit(*d);

        if (n >= base)
            return lines_bad(l, "%s is '%.*s', not a number: use decimal or 0x hexadecimal", field, QUOTE, word);
        too_large = too_large || *value > (UINT64_MAX - n) / base;
        *value = *value * base + n;
    }
    if (too_large)
        return lines_bad(l, "number too large: %s is '%.*s', the limit is 0xffffffffffffffff", field, QUOTE, word);
    return LINES_OK;
}
