/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"

#include <cbor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "es256.h"

#define IMAGE_LIMIT 0x200000        /* Cordon's image is no larger */

static bool hash_file(const char *name, uint8_t hash[SHA512_SIZE])
{
    static uint8_t data[IMAGE_LIMIT];
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(data, 1, sizeof data, file) : 0;
    bool good = file && !ferror(file) && size > 0 && size < sizeof data;

    if (file)
        fclose(file);
    if (good)
        hash_512(data, size, hash);
    else
        fprintf(stderr, "cordon measure: --cordon %s: it cannot be read, or is no image of Cordon's\n", name);
    return good;
}

static bool add(cbor_item_t *map, uint8_t label, const uint8_t *data, size_t size)
{
    cbor_item_t *key = cbor_move(cbor_build_uint8(label));

    return cbor_map_add(map, (struct cbor_pair){ key, cbor_move(cbor_build_bytestring(data, size)) });
}

bool expect_write(const char *name, const uint8_t measurement[32], const char *cordon, const uint8_t *personal)
{
    uint8_t code[SHA512_SIZE];
    uint8_t data[320];
    cbor_item_t *map = cbor_new_definite_map(personal ? 3 : 2);
    FILE *file;
    size_t size = 0;
    bool good;

    if (hash_file(cordon, code) && add(map, EXPECT_MEASUREMENT, measurement, 32) && add(map, EXPECT_CODE, code, sizeof code) &&
        (!personal || add(map, EXPECT_PERSONAL, personal, EXPECT_PERSONAL_SIZE)))
        size = cbor_serialize(map, data, sizeof data);
    cbor_decref(&map);
    if (size == 0)
        return false;
    file = fopen(name, "wb");
    good = file && fwrite(data, 1, size, file) == size;
    if (file)
        good = fclose(file) == 0 && good;
    if (!good)
        fprintf(stderr, "cordon measure: --write %s: it cannot be written\n", name);
    return good;
}
