/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory full of a pattern that a host can look for: the guest says where it is, waits while the host does what it
 * likes, and looks whether all of it is as it was.
 */
#include "payload.h"

#define WORD 0xc0de5ec2e7000000ull      /* and the number of the word in the low bits */

static void secret(void)
{
    uint64_t bytes = machine_number("mib", 8) << 20;
    uint64_t at = machine_end() - bytes;
    uint64_t words = bytes / 8;

    CHECK(bytes && bytes < machine_end() - machine.free, "mib=%u does not fit", bytes >> 20);
    for (uint64_t i = 0; i < words; i++)
        *word_at(at + 8 * i) = WORD + i;
    say("secret ready at %x, %u bytes, words %x and up", at, bytes, WORD);
    for (uint64_t i = machine_number("seconds", 3) * 100; i > 0; i--)
        sleep_us(10000);
    for (uint64_t i = 0; i < words; i++)
        CHECK(*word_at(at + 8 * i) == WORD + i, "at %x is %x", at + 8 * i, *word_at(at + 8 * i));
}

const struct test secret_tests[] = {
    { "secret", "secret", secret, 0 },
    { NULL, NULL, NULL, 0 },
};
