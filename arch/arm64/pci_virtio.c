/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual I/O Device 1.2, 4.1.4. */
#include "pci_virtio.h"

#include "pci_access.h"
#include "pci_function.h"
#include "pci_registers.h"

#define VENDOR_VIRTIO 0x1af4u
#define VIRTIO_FIRST 0x1000u        /* of its devices' numbers */
#define VIRTIO_LAST 0x107fu

#define CFG_COMMON 1u               /* cfg_type: where the common registers are */
#define CFG_WINDOW 5u               /* a window to any register, in configuration space */
#define WINDOW_WORDS 3u             /* of its capability, behind the first: BAR, offset, length; then what is seen */
#define COMMON_FEATURE_SELECT 0u
#define COMMON_FEATURE 4u
#define ACCESS_PLATFORM (1u << 1)   /* of features 32 .. 63: feature 33, it goes where other devices go */

/* Points the window at 4 bytes of the common registers; returns where they are seen then. */
static uint32_t look_at(uint64_t ecam, uint32_t function, uint32_t window, uint32_t common, uint32_t offset)
{
    pci_write(ecam, function, window + 4, pci_read(ecam, function, common + 4) & 0xff);
    pci_write(ecam, function, window + 8, pci_read(ecam, function, common + 8) + offset);
    pci_write(ecam, function, window + 12, 4);
    return window + 4 + 4 * WINDOW_WORDS;
}

static bool is_virtio(uint32_t id)
{
    return (id & 0xffff) == VENDOR_VIRTIO && id >> 16 >= VIRTIO_FIRST && id >> 16 <= VIRTIO_LAST;
}

/* Features 32 .. 63 of a device, by the window to its registers. */
static uint32_t upper_features(uint64_t ecam, uint32_t function, uint32_t window, uint32_t common)
{
    uint32_t before[WINDOW_WORDS];
    uint32_t features;

    for (uint32_t i = 0; i < WINDOW_WORDS; i++)
        before[i] = pci_read(ecam, function, window + 4 + 4 * i);
    pci_write(ecam, function, look_at(ecam, function, window, common, COMMON_FEATURE_SELECT), 1);
    features = pci_read(ecam, function, look_at(ecam, function, window, common, COMMON_FEATURE));
    pci_write(ecam, function, look_at(ecam, function, window, common, COMMON_FEATURE_SELECT), 0);
    for (uint32_t i = 0; i < WINDOW_WORDS; i++)
        pci_write(ecam, function, window + 4 + 4 * i, before[i]);
    return features;
}

/* One that only old drivers know cannot stay behind an SMMU. */
bool pci_virtio_goes_past(uint64_t ecam, uint32_t function)
{
    uint32_t common;
    uint32_t window;

    if (!is_virtio(pci_read(ecam, function, PCI_ID)))
        return false;
    common = pci_capability(ecam, function, CAPABILITY_VENDOR, CFG_COMMON);
    window = pci_capability(ecam, function, CAPABILITY_VENDOR, CFG_WINDOW);
    return common == 0 || window == 0 || (upper_features(ecam, function, window, common) & ACCESS_PLATFORM) == 0;
}
