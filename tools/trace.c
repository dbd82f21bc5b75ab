/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <string.h>

static const struct {
    enum trace_word word;
    const char *name;
    const char *fields;
} grammar[] = {
#define TRACE_ROW(name, word, fields) { TRACE_##name, word, fields },
    TRACE_WORDS(TRACE_ROW)
#undef TRACE_ROW
};

#define ROWS (sizeof grammar / sizeof grammar[0])

static size_t find(const char *word)
{
    size_t row = 0;

    while (row < ROWS && strcmp(word, grammar[row].name) != 0)
        row++;
    return row;
}

/* Copies the next field's name out of a list such as "ID ADDR SIZE"; returns what follows, NULL when there is none. */
static const char *next_field(const char *fields, char *name, size_t size)
{
    size_t length = strcspn(fields, " ");

    if (length == 0)
        return NULL;
    snprintf(name, size, "%.*s", (int)length, fields);
    return fields + length + (fields[length] == ' ');
}

static enum lines_status field_value(struct lines *l, const char *field, const char *word, uint64_t *value)
{
    if (strcmp(field, "WHO") == 0 && strcmp(word, "host") == 0) {
        *value = 0;
        return LINES_OK;
    }
    return lines_number(l, field, word, value);
}

static enum lines_status take_fields(struct lines *l, size_t row, struct trace_item *item)
{
    const char *rest = grammar[row].fields;
    char field[16];
    size_t n = 0;

    while ((rest = next_field(rest, field, sizeof field)) != NULL) {
        enum lines_status status;

        if (n + 1 >= l->words)
            return lines_bad(l, "missing field %s: write '%s %s'", field, grammar[row].name, grammar[row].fields);
        status = field_value(l, field, l->word[n + 1], &item->arg[n]);
        if (status != LINES_OK)
            return status;
        n++;
    }
    if (l->words > n + 1)
        return lines_bad(l, "extra field '%.40s': write '%s%s%s'", l->word[n + 1], grammar[row].name,
                         n > 0 ? " " : "", grammar[row].fields);
    return LINES_OK;
}

static enum lines_status unknown_word(struct lines *l)
{
    char known[256] = "";

    for (size_t row = 0; row < ROWS; row++) {
        strncat(known, row > 0 ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, grammar[row].name, sizeof known - strlen(known) - 1);
    }
    return lines_bad(l, "unknown word '%.40s': a line begins with one of %s", l->word[0], known);
}

enum lines_status trace_next(struct lines *l, struct trace_item *item)
{
    enum lines_status status = lines_next(l);
    size_t row;

    if (status != LINES_OK)
        return status;
    row = find(l->word[0]);
    if (row == ROWS)
        return unknown_word(l);
    memset(item, 0, sizeof *item);
    item->word = grammar[row].word;
    return take_fields(l, row, item);
}
