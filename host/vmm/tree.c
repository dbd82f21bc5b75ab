/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that tells the guest what its machine has. */
#include "tree.h"

#include "device.h"
#include "machine.h"
#include "memory.h"
#include "message.h"
#include "options.h"
#include "vm.h"

#include <errno.h>
#include <libfdt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PHANDLE_GIC 1u
#define PHANDLE_CLOCK 2u
#define PHANDLE_POOL 3u
#define BUS_CLOCK 24000000u
#define IRQ_SPI 0u
#define IRQ_PPI 1u
#define IRQ_LEVEL_HIGH 4u
#define UART_CLOCK 1843200u
#define PCI_MEMORY_32 0x02000000u      /* of a range: memory below 4 GiB */
#define PCI_INTA 1u
#define ROUTE_CELLS 8                   /* of an interrupt: where it comes from (3 + 1), and where it goes to (1 + 3) */
#define CELLS_MAX (DEVICES_MAX * ROUTE_CELLS)

static void must(int error)
{
    if (error)
        die("cannot make the device tree: %s%s", fdt_strerror(error),
            error == -FDT_ERR_NOSPACE ? "; is the text of --append too long?" : "");
}

static void text(void *tree, const char *name, const char *value)
{
    must(fdt_property(tree, name, value, (int)strlen(value) + 1));
}

static void cells(void *tree, const char *name, unsigned n, const uint32_t *values)
{
    fdt32_t big[CELLS_MAX];

    for (unsigned i = 0; i < n; i++)
        big[i] = cpu_to_fdt32(values[i]);
    must(fdt_property(tree, name, big, (int)(n * sizeof(big[0]))));
}

#define CELLS(tree, name, ...) \
    cells(tree, name, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), (uint32_t[]){ __VA_ARGS__ })
/* The two cells of a 64-bit number. */
#define TWO(value) (uint32_t)((value) >> 32), (uint32_t)(value)

static void begin_at(void *tree, const char *name, uint64_t address)
{
    char full[32];

    snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
    must(fdt_begin_node(tree, full));
}

static void seeds(void *tree)
{
    uint8_t bytes[64];
    uint64_t kaslr;

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        die("cannot get random numbers from the host: %s", strerror(errno));
    memcpy(&kaslr, bytes, sizeof(kaslr));
    must(fdt_property_u64(tree, "kaslr-seed", kaslr));
    must(fdt_property(tree, "rng-seed", bytes + sizeof(kaslr), sizeof(bytes) - sizeof(kaslr)));
}

static void chosen(void *tree, const struct vm *vm)
{
    const struct memory *m = &vm->memory;
    char path[32];

    snprintf(path, sizeof(path), "/serial@%llx", UART_BASE);
    must(fdt_begin_node(tree, "chosen"));
    text(tree, "bootargs", vm->options->append);
    text(tree, "stdout-path", path);
    if (m->initrd_size) {
        must(fdt_property_u64(tree, "linux,initrd-start", m->initrd));
        must(fdt_property_u64(tree, "linux,initrd-end", m->initrd + m->initrd_size));
    }
    if (vm->options->random)
        seeds(tree);
    if (vm->options->devices)
        CELLS(tree, "linux,pci-probe-only", 1);     /* BARs are where they are */
    must(fdt_end_node(tree));
}

static void memory(void *tree, const struct memory *m)
{
    begin_at(tree, "memory", RAM_BASE);
    text(tree, "device_type", "memory");
    CELLS(tree, "reg", TWO(RAM_BASE), TWO(m->size));
    must(fdt_end_node(tree));
}

/* The end of memory, for virtio's queues and copies of what it moves: a kernel shares that with the host, if it knows how, and nothing else. */
static void pool(void *tree, const struct vm *vm)
{
    uint64_t size = vm->options->pool, at = RAM_BASE + vm->memory.size - size;

    must(fdt_begin_node(tree, "reserved-memory"));
    CELLS(tree, "#address-cells", 2);
    CELLS(tree, "#size-cells", 2);
    must(fdt_property(tree, "ranges", NULL, 0));
    begin_at(tree, "restricted-dma-pool", at);
    text(tree, "compatible", "restricted-dma-pool");
    CELLS(tree, "reg", TWO(at), TWO(size));
    CELLS(tree, "phandle", PHANDLE_POOL);
    must(fdt_end_node(tree));
    must(fdt_end_node(tree));
}

static void cpus(void *tree, const struct vm *vm)
{
    must(fdt_begin_node(tree, "cpus"));
    CELLS(tree, "#address-cells", 1);
    CELLS(tree, "#size-cells", 0);
    for (unsigned i = 0; i < vm->options->cpus; i++) {
        uint32_t affinity = (uint32_t)(vm->vcpu[i].mpidr & 0xffffff);

        begin_at(tree, "cpu", affinity);
        text(tree, "device_type", "cpu");
        text(tree, "compatible", "arm,armv8");
        text(tree, "enable-method", "psci");
        CELLS(tree, "reg", affinity);
        must(fdt_end_node(tree));
    }
    must(fdt_end_node(tree));
}

static void firmware(void *tree)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    must(fdt_begin_node(tree, "psci"));
    must(fdt_property(tree, "compatible", compatible, sizeof(compatible)));
    text(tree, "method", "hvc");
    must(fdt_end_node(tree));
}

/* Secure, physical, virtual and hypervisor's timer, as the binding wants them; a guest has the virtual one. */
static void timer(void *tree)
{
    must(fdt_begin_node(tree, "timer"));
    text(tree, "compatible", "arm,armv8-timer");
    CELLS(tree, "interrupts", IRQ_PPI, 13, IRQ_LEVEL_HIGH, IRQ_PPI, 14, IRQ_LEVEL_HIGH,
          IRQ_PPI, 11, IRQ_LEVEL_HIGH, IRQ_PPI, 10, IRQ_LEVEL_HIGH);
    must(fdt_property(tree, "always-on", NULL, 0));
    must(fdt_end_node(tree));
}

static void gic(void *tree, const struct vm *vm)
{
    uint64_t size = vm->options->cpus * GICR_SIZE;

    begin_at(tree, "interrupt-controller", GICD_BASE);
    text(tree, "compatible", "arm,gic-v3");
    CELLS(tree, "#interrupt-cells", 3);
    must(fdt_property(tree, "interrupt-controller", NULL, 0));
    CELLS(tree, "reg", TWO(GICD_BASE), TWO(GICD_SIZE), TWO(GICD_BASE - size), TWO(size));
    CELLS(tree, "phandle", PHANDLE_GIC);
    must(fdt_end_node(tree));
}

static void uart(void *tree, uint64_t base, unsigned spi)
{
    begin_at(tree, "serial", base);
    text(tree, "compatible", "ns16550a");
    CELLS(tree, "reg", TWO(base), TWO(UART_SIZE));
    CELLS(tree, "interrupts", IRQ_SPI, spi, IRQ_LEVEL_HIGH);
    CELLS(tree, "clock-frequency", UART_CLOCK);
    must(fdt_end_node(tree));
}

/* A clock of Arm's PrimeCells, which have to have a bus clock. */
static void rtc(void *tree)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";

    must(fdt_begin_node(tree, "apb-pclk"));
    text(tree, "compatible", "fixed-clock");
    CELLS(tree, "#clock-cells", 0);
    CELLS(tree, "clock-frequency", BUS_CLOCK);
    CELLS(tree, "phandle", PHANDLE_CLOCK);
    must(fdt_end_node(tree));
    begin_at(tree, "rtc", RTC_BASE);
    must(fdt_property(tree, "compatible", compatible, sizeof(compatible)));
    CELLS(tree, "reg", TWO(RTC_BASE), TWO(RTC_SIZE));
    CELLS(tree, "interrupts", IRQ_SPI, RTC_SPI, IRQ_LEVEL_HIGH);
    CELLS(tree, "clocks", PHANDLE_CLOCK);
    text(tree, "clock-names", "apb_pclk");
    must(fdt_end_node(tree));
}

/* Coherent: what a device does here is done by the host's CPUs. */
static void virtio(void *tree, const struct vm *vm, unsigned index)
{
    begin_at(tree, "virtio_mmio", VIRTIO_BASE + index * VIRTIO_SIZE);
    text(tree, "compatible", "virtio,mmio");
    CELLS(tree, "reg", TWO(VIRTIO_BASE + index * VIRTIO_SIZE), TWO(VIRTIO_SIZE));
    CELLS(tree, "interrupts", IRQ_SPI, VIRTIO_SPI + index, IRQ_LEVEL_HIGH);
    if (vm->options->pool)
        CELLS(tree, "memory-region", PHANDLE_POOL);
    must(fdt_property(tree, "dma-coherent", NULL, 0));
    must(fdt_end_node(tree));
}

/* From the function of each slot, by its address in configuration space without registers. */
static void routes(void *tree, unsigned devices)
{
    uint32_t map[CELLS_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < devices; i++) {
        const uint32_t route[ROUTE_CELLS] = { i << 11, 0, 0, PCI_INTA, PHANDLE_GIC, IRQ_SPI, DEVICE_SPI + i, IRQ_LEVEL_HIGH };

        if (device_has_interrupt(i)) {
            memcpy(map + n, route, sizeof(route));
            n += ROUTE_CELLS;
        }
    }
    CELLS(tree, "interrupt-map-mask", 0xf800, 0, 0, 7);
    cells(tree, "interrupt-map", n, map);
}

/* One bus with the guest's own functions. Coherent: the host's devices are. */
static void pci(void *tree, unsigned devices)
{
    begin_at(tree, "pcie", PCI_ECAM_BASE);
    text(tree, "compatible", "pci-host-ecam-generic");
    text(tree, "device_type", "pci");
    CELLS(tree, "#address-cells", 3);
    CELLS(tree, "#size-cells", 2);
    CELLS(tree, "#interrupt-cells", 1);
    CELLS(tree, "reg", TWO(PCI_ECAM_BASE), TWO(PCI_ECAM_SIZE));
    CELLS(tree, "bus-range", 0, 0);
    CELLS(tree, "ranges", PCI_MEMORY_32, TWO(PCI_WINDOW_BASE), TWO(PCI_WINDOW_BASE), TWO(PCI_WINDOW_SIZE));
    routes(tree, devices);
    must(fdt_property(tree, "dma-coherent", NULL, 0));
    must(fdt_end_node(tree));
}

/* What the library leaves behind the tree is no part of it, and would be measured. */
static void clear_rest(void *buffer)
{
    size_t size = fdt_totalsize(buffer);

    memset((uint8_t *)buffer + size, 0, TREE_SIZE - size);
}

size_t tree_make(void *buffer, const struct vm *vm)
{
    must(fdt_create(buffer, TREE_SIZE));
    must(fdt_finish_reservemap(buffer));
    must(fdt_begin_node(buffer, ""));
    CELLS(buffer, "#address-cells", 2);
    CELLS(buffer, "#size-cells", 2);
    CELLS(buffer, "interrupt-parent", PHANDLE_GIC);
    text(buffer, "compatible", "linux,dummy-virt");
    text(buffer, "model", "cordon-vmm");
    chosen(buffer, vm);
    memory(buffer, &vm->memory);
    if (vm->options->pool)
        pool(buffer, vm);
    cpus(buffer, vm);
    firmware(buffer);
    timer(buffer);
    gic(buffer, vm);
    uart(buffer, UART_BASE, UART_SPI);
    if (vm->options->serial)
        uart(buffer, SECOND_UART_BASE, SECOND_UART_SPI);
    rtc(buffer);
    for (unsigned i = 0; i < options_slots(vm->options); i++)
        virtio(buffer, vm, i);
    if (vm->options->devices)
        pci(buffer, vm->options->devices);
    must(fdt_end_node(buffer));
    must(fdt_finish(buffer));
    clear_rest(buffer);
    return fdt_totalsize(buffer);
}

void tree_write(const char *name, const void *tree, size_t size)
{
    FILE *file = fopen(name, "wb");

    if (!file)
        die("cannot make %s: %s", name, strerror(errno));
    if (fwrite(tree, 1, size, file) != size || fclose(file))
        die("cannot write %s: %s", name, strerror(errno));
}
