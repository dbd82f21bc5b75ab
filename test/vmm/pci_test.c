/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration space of a guest's own function by itself: what Linux does to it as it looks for devices, and what must not come through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pci.h"

/* A virtio disk as it is: MSI-X at 0x98, virtio's capabilities, PCI Express, power. */
#define VIRTIO_COMMON 0x84u
#define VIRTIO_WINDOW 0x40u
#define VIRTIO_NOTIFY 0x54u
#define MSIX 0x98u
#define EXPRESS 0xc8u

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void capability(uint8_t *real, unsigned at, uint8_t id, unsigned next, uint8_t length, uint8_t kind)
{
    memset(real + at, 0x77, length > 4 ? length : 4);
    real[at] = id;
    real[at + 1] = (uint8_t)next;
    real[at + 2] = length;
    real[at + 3] = kind;
}

static void make_real(uint8_t real[PCI_CONFIG_SIZE])
{
    memset(real, 0xee, PCI_CONFIG_SIZE);        /* whatever else is there must not be seen */
    put32(real, 0x10421af4);
    put32(real + 4, 0x00100546);
    put32(real + 8, 0x01000001);
    real[0x0e] = 0;
    put32(real + 0x2c, 0x11001af4);
    real[0x34] = MSIX;
    capability(real, MSIX, 0x11, VIRTIO_COMMON, 12, 0);
    capability(real, VIRTIO_COMMON, 0x09, EXPRESS, 16, 1);
    capability(real, EXPRESS, 0x10, VIRTIO_WINDOW, 0x34, 0);
    capability(real, VIRTIO_WINDOW, 0x09, VIRTIO_NOTIFY, 20, 5);
    capability(real, VIRTIO_NOTIFY, 0x09, 0, 20, 2);
}

static const struct pci_bar bars[PCI_BARS] = {
    [1] = { .address = 0x50000000, .size = 0x1000 },
    [4] = { .address = 0x50004000, .size = 0x4000, .wide = true, .prefetchable = true },
};

static struct pci make(void)
{
    uint8_t real[PCI_CONFIG_SIZE];
    struct pci p;

    make_real(real);
    pci_make(&p, real, bars, true);
    return p;
}

static void the_header_has_names_and_nothing_else(void **state)
{
    struct pci p = make();

    (void)state;
    assert_int_equal(pci_read(&p, 0x00, 4), 0x10421af4);
    assert_int_equal(pci_read(&p, 0x02, 2), 0x1042);
    assert_int_equal(pci_read(&p, 0x08, 4), 0x01000001);
    assert_int_equal(pci_read(&p, 0x0c, 4), 0);
    assert_int_equal(pci_read(&p, 0x2c, 4), 0x11001af4);
    assert_int_equal(pci_read(&p, 0x30, 4), 0);
    assert_int_equal(pci_read(&p, 0x3c, 4), 0x0100);
    assert_int_equal(pci_read(&p, 0x100, 4), 0);
}

static void bars_tell_their_sizes_and_do_not_move(void **state)
{
    struct pci p = make();

    (void)state;
    assert_int_equal(pci_read(&p, 0x10, 4), 0);
    assert_int_equal(pci_read(&p, 0x14, 4), 0x50000000);
    assert_int_equal(pci_read(&p, 0x20, 4), 0x5000400c);
    assert_int_equal(pci_read(&p, 0x24, 4), 0);
    for (unsigned at = 0x10; at < 0x28; at += 4)
        pci_write(&p, at, 4, UINT32_MAX);
    assert_int_equal(pci_read(&p, 0x10, 4), 0);
    assert_int_equal(pci_read(&p, 0x14, 4), 0xfffff000);
    assert_int_equal(pci_read(&p, 0x20, 4), 0xffffc00c);
    assert_int_equal(pci_read(&p, 0x24, 4), 0xffffffff);
    assert_int_equal(pci_read(&p, 0x22, 2), 0xffff);
    for (unsigned at = 0x10; at < 0x28; at += 4)
        pci_write(&p, at, 4, 0x60000000);
    assert_int_equal(pci_read(&p, 0x14, 4), 0x50000000);
    assert_int_equal(pci_read(&p, 0x20, 4), 0x5000400c);
    assert_int_equal(pci_read(&p, 0x24, 4), 0);
}

static void only_virtios_capabilities_are_there(void **state)
{
    struct pci p = make();

    (void)state;
    assert_int_equal(pci_read(&p, 0x06, 2), 0x0010);
    assert_int_equal(pci_read(&p, 0x34, 1), VIRTIO_COMMON);
    assert_int_equal(pci_read(&p, VIRTIO_COMMON, 4), 0x01100009 | VIRTIO_NOTIFY << 8);
    assert_int_equal(pci_read(&p, VIRTIO_COMMON + 4, 4), 0x77777777);
    assert_int_equal(pci_read(&p, VIRTIO_NOTIFY, 4), 0x02140009);
    assert_int_equal(pci_read(&p, MSIX, 4), 0);
    assert_int_equal(pci_read(&p, EXPRESS, 4), 0);
    assert_int_equal(pci_read(&p, VIRTIO_WINDOW, 4), 0);
    pci_write(&p, VIRTIO_COMMON, 4, 0);
    assert_int_equal(pci_read(&p, VIRTIO_COMMON, 1), 0x09);
}

static void a_function_without_capabilities_has_none(void **state)
{
    uint8_t real[PCI_CONFIG_SIZE];
    struct pci p;

    (void)state;
    make_real(real);
    real[0x06] = 0;
    pci_make(&p, real, bars, false);
    assert_int_equal(pci_read(&p, 0x06, 2), 0);
    assert_int_equal(pci_read(&p, 0x34, 1), 0);
    assert_int_equal(pci_read(&p, VIRTIO_COMMON, 4), 0);
    assert_int_equal(pci_read(&p, 0x3d, 1), 0);
}

static void a_list_that_goes_round_ends(void **state)
{
    uint8_t real[PCI_CONFIG_SIZE];
    struct pci p;

    (void)state;
    make_real(real);
    real[VIRTIO_NOTIFY + 1] = VIRTIO_COMMON;
    pci_make(&p, real, bars, true);
    assert_int_equal(pci_read(&p, 0x34, 1), VIRTIO_COMMON);
    assert_int_equal(pci_read(&p, VIRTIO_COMMON + 1, 1), VIRTIO_NOTIFY);
    assert_int_equal(pci_read(&p, VIRTIO_NOTIFY + 1, 1), 0);
}

static void of_the_command_a_few_bits_stay(void **state)
{
    struct pci p = make();

    (void)state;
    assert_int_equal(pci_read(&p, 0x04, 2), 0);
    pci_write(&p, 0x04, 2, 0xffff);
    assert_int_equal(pci_read(&p, 0x04, 4), 0x00100406);
    pci_write(&p, 0x05, 1, 0);
    assert_int_equal(pci_read(&p, 0x04, 2), 0x0006);
    pci_write(&p, 0x04, 4, 0);
    assert_int_equal(pci_read(&p, 0x04, 4), 0x00100000);
    pci_write(&p, 0x3c, 1, 0x2a);
    assert_int_equal(pci_read(&p, 0x3c, 2), 0x012a);
}

static void accesses_that_are_none_find_ones(void **state)
{
    struct pci p = make();

    (void)state;
    assert_int_equal(pci_read(&p, 1, 2), UINT32_MAX);
    assert_int_equal(pci_read(&p, 0, 8), UINT32_MAX);
    assert_int_equal(pci_read(&p, 0, 3), UINT32_MAX);
    pci_write(&p, 5, 2, 0xffff);
    assert_int_equal(pci_read(&p, 4, 2), 0);
}

/* Nothing that is written changes more than the command, the line, and what a BAR answers. */
static void random_accesses_change_nothing_else(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    struct pci fresh = make();
    struct pci p = make();

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t offset = (uint64_t)rand() % 0x1000;
        unsigned size = 1u << rand() % 4;

        pci_write(&p, offset, size, (uint32_t)rand() << 16 ^ (uint32_t)rand());
        pci_read(&p, offset, size);
    }
    for (unsigned at = PCI_BAR; at < 0x28; at += 4)
        pci_write(&p, at, 4, 0);
    pci_write(&p, PCI_COMMAND, 2, 0);
    pci_write(&p, PCI_INTERRUPT_LINE, 1, 0);
    assert_memory_equal(&p, &fresh, sizeof(p));
}

/* Configuration spaces of any content: what a guest sees is its own and bounded. */
static void random_functions_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t real[PCI_CONFIG_SIZE];
        struct pci p;

        for (unsigned k = 0; k < PCI_CONFIG_SIZE; k++)
            real[k] = (uint8_t)(rand() % 8 == 0 ? rand() : rand() % 3 == 0 ? 0x09 : 0x40 + rand() % 0x30 * 4);
        pci_make(&p, real, bars, true);
        assert_int_equal(pci_read(&p, 0x14, 4), 0x50000000);
        assert_int_equal(pci_read(&p, 0x0e, 1), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_has_names_and_nothing_else),
        cmocka_unit_test(bars_tell_their_sizes_and_do_not_move),
        cmocka_unit_test(only_virtios_capabilities_are_there),
        cmocka_unit_test(a_function_without_capabilities_has_none),
        cmocka_unit_test(a_list_that_goes_round_ends),
        cmocka_unit_test(of_the_command_a_few_bits_stay),
        cmocka_unit_test(accesses_that_are_none_find_ones),
        cmocka_unit_test(random_accesses_change_nothing_else),
        cmocka_unit_test(random_functions_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
