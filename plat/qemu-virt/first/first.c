/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage, in order: measure, derive, hand over, load. What a firmware must do in its place is in docs/PORTING.md. */
#include "first.h"

#include <libfdt.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dice.h"
#include "phys.h"
#include "plat.h"
#include "token.h"

#define TREE_LIMIT 0x200000
#define TREE_MORE 512               /* bytes that the new nodes take at most */
#define CONFIG_ROOM 256

/* Labels of Cordon's own in the configuration; -70002 is the profile's name of a component. */
enum { COMPONENT = -70002, COMMAND_LINE = -71001, TREE = -71002 };

/* In memory that is erased. A machine that is to be trusted has its own, and nobody knows it. */
static uint8_t secret[DICE_SECRET + 1] = "Cordon TEST secret: not a secret";

extern const uint8_t cordon_begin[], cordon_end[];

static void say(const char *text)
{
    while (*text != 0)
        plat_putc(PLAT_UART, *text++);
}

static _Noreturn void stop(const char *text)
{
    say("Cordon's first stage: ");
    say(text);
    say("\r\n");
    for (;;)
        __asm__ volatile("wfi");
}

/* Debian's libraries are built so that they call it. */
uintptr_t __stack_chk_guard = 0x5d1e3ac0f00d5eed;
_Noreturn void __stack_chk_fail(void) { stop("a stack has run over"); }

/* ---- measured ---- */

/* Where the host's initrd lies, and seeds, are other ones each time, and not Cordon's. */
static const char *const left_out[] = { "kaslr-seed", "rng-seed", "linux,initrd-start", "linux,initrd-end" };
#define LEFT_OUT (sizeof left_out / sizeof left_out[0])

/* The SHA-512 of the tree as the loader gave it, with zeros for these values. */
static void measure_tree(void *tree, uint8_t hash[DICE_HASH])
{
    static uint8_t kept[LEFT_OUT][256];
    int chosen = fdt_path_offset(tree, "/chosen");
    int size[LEFT_OUT];
    void *value[LEFT_OUT];

    for (uint32_t i = 0; i < LEFT_OUT; i++) {
        value[i] = fdt_getprop_w(tree, chosen, left_out[i], &size[i]);
        if (value[i] != NULL && size[i] > (int)sizeof kept[i])
            stop("the device tree has a seed that is too long");
        if (value[i] != NULL) {
            memcpy(kept[i], value[i], (size_t)size[i]);
            memset(value[i], 0, (size_t)size[i]);
        }
    }
    dice_hash(tree, fdt_totalsize(tree), hash);
    for (uint32_t i = 0; i < LEFT_OUT; i++) {
        if (value[i] != NULL)
            memcpy(value[i], kept[i], (size_t)size[i]);
    }
}

static void measure(void *tree, struct dice_input *in, uint8_t config[CONFIG_ROOM])
{
    struct cbor c = { config, CONFIG_ROOM, 0 };
    uint8_t hash[DICE_HASH];
    int size = 0;
    const char *line = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", &size);

    cbor_map(&c, 3);
    cbor_int(&c, COMPONENT);
    cbor_text(&c, "Cordon");
    cbor_int(&c, COMMAND_LINE);
    dice_hash(line, line == NULL || size < 1 ? 0 : (uint64_t)size - 1, hash);
    cbor_bytes(&c, hash, sizeof hash);
    cbor_int(&c, TREE);
    measure_tree(tree, hash);
    cbor_bytes(&c, hash, sizeof hash);
    dice_hash(cordon_begin, (uint64_t)(cordon_end - cordon_begin), in->code);
    in->config = config;
    in->config_size = c.size;
    in->mode = DICE_DEBUG;      /* so that nobody takes it for more */
}

/* ---- handed over ---- */

static void derive_and_hand_over(const struct dice_input *in)
{
    static struct dice_key own, next;
    static uint8_t attest[DICE_SECRET], seal[DICE_SECRET];
    struct cbor c = { (uint8_t *)FIRST_HANDED, FIRST_HANDED_SIZE, 0 };

    dice_key(&own, secret);
    dice_next(in, secret, secret, attest, seal);
    dice_key(&next, attest);
    memset(c.buffer, 0, c.room);
    cbor_map(&c, 3);
    cbor_uint(&c, 1);
    cbor_bytes(&c, attest, sizeof attest);
    cbor_uint(&c, 2);
    cbor_bytes(&c, seal, sizeof seal);
    cbor_uint(&c, 3);
    cbor_array(&c, 2);
    token_put_key(&c, own.public);
    dice_put_certificate(&c, in, &own, next.public);
    if (!cbor_fits(&c))
        stop("what is handed over is too large");
}

static void must(int error)
{
    if (error < 0)
        stop(fdt_strerror(error));
}

/* As Linux's binding google,open-dice has it. */
static void tell_tree(void *tree)
{
    int parent = fdt_path_offset(tree, "/reserved-memory");
    int node;

    if (parent == -FDT_ERR_NOTFOUND) {
        parent = fdt_add_subnode(tree, 0, "reserved-memory");
        must(parent);
        must(fdt_setprop_u32(tree, parent, "#address-cells", 2));
        must(fdt_setprop_u32(tree, parent, "#size-cells", 2));
        must(fdt_setprop(tree, parent, "ranges", NULL, 0));
    }
    must(parent);
    node = fdt_add_subnode(tree, parent, "dice@41f00000");
    must(node);
    must(fdt_setprop(tree, node, "compatible", "google,open-dice", sizeof "google,open-dice"));
    must(fdt_setprop_u64(tree, node, "reg", FIRST_HANDED));
    must(fdt_appendprop_u64(tree, node, "reg", FIRST_HANDED_SIZE));
    must(fdt_setprop(tree, node, "no-map", NULL, 0));
}

/* ---- loaded ---- */

static uint64_t load_cordon(void)
{
    size_t size = (size_t)(cordon_end - cordon_begin);

    if (size > FIRST_CORDON_LIMIT)
        stop("Cordon's image is too large");
    memcpy((void *)PLAT_IMAGE, cordon_begin, size);
    clean_to_memory((void *)PLAT_IMAGE, FIRST_CORDON_LIMIT);
    return PLAT_IMAGE;
}

/* Called by head.S, which erases all that is written here, and starts what is returned. */
uint64_t first(void *tree);
uint64_t first(void *tree)
{
    static uint8_t config[CONFIG_ROOM];
    struct dice_input in;

    say("Cordon's first stage: TEST SECRET. It is the same everywhere, and what is attested by it is worth nothing.\r\n");
    if (fdt_check_header(tree) != 0 || fdt_totalsize(tree) > TREE_LIMIT - TREE_MORE)
        stop("there is no device tree that I can use");
    measure(tree, &in, config);
    derive_and_hand_over(&in);
    must(fdt_open_into(tree, tree, (int)fdt_totalsize(tree) + TREE_MORE));
    tell_tree(tree);
    clean_to_memory(tree, fdt_totalsize(tree));
    clean_to_memory((void *)FIRST_HANDED, FIRST_HANDED_SIZE);
    return load_cordon();
}
