/* SPDX-License-Identifier: Apache-2.0 */
#include "cordon/status.h"

const char *cordon_status_word(enum cordon_status status)
{
    switch (status) {
#define WORD(name, number, word, meaning) case CORDON_##name: return word;
        CORDON_STATUS_LIST(WORD)
#undef WORD
    }
    return "?";
}

const char *cordon_status_meaning(enum cordon_status status)
{
    switch (status) {
#define MEANING(name, number, word, meaning) case CORDON_##name: return meaning;
        CORDON_STATUS_LIST(MEANING)
#undef MEANING
    }
    return "no status of this version";
}
