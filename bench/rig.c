/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MIB (UINT64_C(1) << 20)
#define BLOCK (2 * MIB)
#define BASE (UINT64_C(0x40000000))

void bench_need(enum cordon_status status, const char *what)
{
    if (status == CORDON_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, cordon_status_word(status));
    exit(1);
}

/* Memory that costs nothing until it is touched, all zero. */
static void *sparse(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        perror("bench: cannot reserve memory for the simulated RAM");
        exit(1);
    }
    return p;
}

/* A pointer such that p[first] is the first of n elements that exist: physical memory has no element below its RAM. */
static struct table *sparse_from(uint64_t first, uint64_t n)
{
    char *p = mmap(NULL, (first + n) * sizeof(struct table), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED || mprotect(p + first * sizeof(struct table), n * sizeof(struct table), PROT_READ | PROT_WRITE) != 0) {
        perror("bench: cannot reserve memory for the simulated RAM");
        exit(1);
    }
    return (struct table *)p;
}

static uint64_t round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

/* RAM: the core's part (host tables) first, then frames to be donated as tables, then the VMs' memory. */
struct bench_machine *bench_machine_new(uint64_t ram, uint32_t vms)
{
    struct bench_machine *m = calloc(1, sizeof *m);
    uint64_t donated = round_up(((uint64_t)vms * 600 + 1024) * CORDON_PAGE_SIZE, BLOCK);
    uint64_t core = round_up(ram / 256 + 64 * MIB, BLOCK);
    struct cordon_mem all = { BASE, core + donated + ram };
    struct cordon_mem own = { BASE, core };
    struct cordon_sizes sizes;
    struct cordon_storage storage = { 0 };

    if (m == NULL)
        bench_need(CORDON_NO_MEMORY, "machine");
    m->config = (struct cordon_config){ .ram = &all, .rams = 1, .core = &own, .cores = 1, .host = { 48, 0 }, .vm = { 48, 0 },
                                        .vms = vms };
    bench_need(cordon_sizes(&m->config, &sizes), "sizes");
    storage.phys_frames = (BASE + all.size) / CORDON_PAGE_SIZE;
    storage.phys = sparse_from(BASE / CORDON_PAGE_SIZE, all.size / CORDON_PAGE_SIZE);
    storage.span = sparse(sizes.spans * sizeof *storage.span);
    storage.section = sparse(sizes.sections * sizeof *storage.section);
    storage.frame = sparse(sizes.sections * 512 * sizeof *storage.frame);
    storage.vm = sparse(sizes.vms * sizeof *storage.vm);
    storage.host_tables = pfn(BASE / CORDON_PAGE_SIZE);
    storage.host_table_count = sizes.host_tables;
    bench_need(cordon_init(&m->core, &m->config, &storage), "init");
    m->spare = (BASE + core) / CORDON_PAGE_SIZE;
    m->spare_end = m->spare + donated / CORDON_PAGE_SIZE;
    m->ram_base = BASE + core + donated;
    return m;
}

void bench_machine_free(struct bench_machine *m)
{
    munmap(m->core.phys, m->core.phys_frames * CORDON_PAGE_SIZE);
    munmap(m->core.section, m->core.sections * sizeof *m->core.section);
    munmap(m->core.frame, m->core.sections * 512 * sizeof *m->core.frame);
    free(m);
}

void bench_vm(struct bench_machine *m, uint32_t id, uint64_t tables)
{
    bench_need(cordon_vm_create(&m->core, vmid(id), pfn(m->spare++)), "create");
    while (tables > 0) {
        uint64_t n = 512 - m->spare % 512;

        n = n < tables ? n : tables;
        if (m->spare + n > m->spare_end)
            bench_need(CORDON_NO_MEMORY, "donate");
        bench_need(cordon_vm_donate(&m->core, vmid(id), pfn(m->spare), n), "donate");
        m->spare += n;
        tables -= n;
    }
}
