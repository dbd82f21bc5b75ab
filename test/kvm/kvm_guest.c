/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cordon_kvm.ko does once a guest runs, step by step: a guest that does what it is told (agent.S) is driven through
 * the exits of its own device accesses. Memory of every kind gets to it whole; exits, signals, interrupts and the end are
 * as KVM has them, or as docs/KVM.md says.
 *
 *   kvm_guest [NAME...]     the tests with one of the words in their names, or all; exit status 1 if one fails
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psci.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cordon/abi.h"

#define PAGE 4096ul
#define MIB (1ul << 20)
#define RAM 0x80000000ul
#define RAM_SIZE (16 * MIB)
#define DEVICE 0x10000000ul             /* of vCPU 0; the next one's is a page further */
#define FLASH 0x60000000ul
#define GICD 0x3fff0000ul
#define GICR 0x3ff00000ul
#define GICR_STRIDE 0x20000ul
#define SGI_FRAME 0x10000ul
#define CORE(reg) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(reg))
#define MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)
#define KICK SIGUSR1

extern const char agent[], agent_end[];

struct machine {
    int kvm, vm, gic;
    int vcpu[2];
    struct kvm_run *run[2];
    uint8_t *memory;
};

static const char *test_name;
static unsigned failures;

#define check(condition) \
    do { \
        if (!(condition)) { \
            failures++; \
            printf("kvm_guest: %s: line %d: not so: %s\n", test_name, __LINE__, #condition); \
        } \
    } while (0)

static void stop(const char *what)
{
    printf("kvm_guest: %s: %s: %s\n", test_name, what, strerror(errno));
    exit(2);
}

static int must(int result, const char *what)
{
    if (result < 0)
        stop(what);
    return result;
}

/* ---- the machine ---- */

static void set(int fd, unsigned group, uint64_t attr, const void *value)
{
    struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uint64_t)(uintptr_t)value };

    must(ioctl(fd, KVM_SET_DEVICE_ATTR, &a), "set an attribute");
}

static void make_gic(struct machine *m)
{
    struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
    uint64_t dist = GICD, redist = GICR;

    must(ioctl(m->vm, KVM_CREATE_DEVICE, &device), "make a GIC");
    m->gic = (int)device.fd;
    set(m->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
    set(m->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
}

static void make_vcpu(struct machine *m, unsigned i)
{
    struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8,
                                  .features = { 1u << KVM_ARM_VCPU_PSCI_0_2 | (i ? 1u << KVM_ARM_VCPU_POWER_OFF : 0) } };

    m->vcpu[i] = must(ioctl(m->vm, KVM_CREATE_VCPU, (unsigned long)i), "make a vCPU");
    must(ioctl(m->vcpu[i], KVM_ARM_VCPU_INIT, &init), "set a vCPU up");
    m->run[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[i], 0);
    if (m->run[i] == MAP_FAILED)
        stop("map a vCPU's page");
}

static void set_reg(int vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)&value };

    must(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "set a register");
}

/* Memory that is already there gets the agent in its first page. In the order in which kvmtool does it. */
static struct machine make(uint8_t *memory)
{
    uint32_t interrupts = 96;
    struct machine m = { .memory = memory };
    struct kvm_userspace_memory_region region = { 0, 0, RAM, RAM_SIZE, (uint64_t)(uintptr_t)memory };

    memcpy(memory, agent, (size_t)(agent_end - agent));
    m.kvm = must(open("/dev/kvm", O_RDWR), "open /dev/kvm");
    m.vm = must(ioctl(m.kvm, KVM_CREATE_VM, 0ul), "make a VM");
    make_gic(&m);
    must(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &region), "give memory");
    for (unsigned i = 0; i < 2; i++)
        make_vcpu(&m, i);
    set(m.gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
    set(m.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    set_reg(m.vcpu[0], CORE(regs.regs[0]), DEVICE);
    set_reg(m.vcpu[0], CORE(regs.pc), RAM);
    return m;
}

static uint8_t *anonymous(void)
{
    uint8_t *at = mmap(NULL, RAM_SIZE + 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        stop("mmap");
    return (uint8_t *)(((uintptr_t)at + 2 * MIB - 1) & ~(2 * MIB - 1));
}

static void end(struct machine *m)
{
    for (unsigned i = 0; i < 2; i++) {
        munmap(m->run[i], PAGE);
        close(m->vcpu[i]);
    }
    close(m->gic);
    close(m->vm);
    close(m->kvm);
}

/* ---- orders ---- */

struct order {
    uint64_t what, argument[5], result[4];
};

static int run(struct machine *m, unsigned i)
{
    return ioctl(m->vcpu[i], KVM_RUN, 0) < 0 ? -errno : 0;
}

/* Serves accesses to the agent's device until the order is done: 0; or says which other exit came, or minus an errno. */
static int go_on(struct machine *m, unsigned i, struct order *o)
{
    struct kvm_run *r = m->run[i];

    for (;;) {
        int result = run(m, i);
        uint64_t at = r->mmio.phys_addr - DEVICE - i * PAGE;

        if (result != 0)
            return result;
        if (r->exit_reason != KVM_EXIT_MMIO || at >= PAGE || r->mmio.len != 8)
            return (int)r->exit_reason;
        if (!r->mmio.is_write)
            memcpy(r->mmio.data, (uint64_t *)&o->what + at / 8, 8);
        else
            memcpy(&o->result[(at - 64) / 8], r->mmio.data, 8);
        if (r->mmio.is_write && at == 88)
            return 0;
    }
}

static struct order tell(struct machine *m, unsigned i, uint64_t what, uint64_t a0, uint64_t a1)
{
    struct order o = { .what = what, .argument = { a0, a1 } };
    int result = go_on(m, i, &o);

    if (result != 0) {
        failures++;
        printf("kvm_guest: %s: order %llu of vCPU %u: exit %d\n", test_name, (unsigned long long)what, i, result);
        exit(1);
    }
    return o;
}

static uint64_t guest_read(struct machine *m, uint64_t address)
{
    return tell(m, 0, ORDER_READ64, address, 0).result[0];
}

static struct order hvc(struct machine *m, uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct order o = { .what = ORDER_HVC, .argument = { function, x1, x2, x3 } };
    int result = go_on(m, 0, &o);

    if (result != 0)
        o.result[0] = 0xbad00000u + (unsigned)result;
    return o;
}

/* ---- memory ---- */

static uint64_t mark(uint64_t page)
{
    return 0x1234567800000000u + page * 0x10001;
}

static void fill(uint8_t *memory, uint64_t first, uint64_t n)
{
    for (uint64_t i = first; i < first + n; i++)
        *(volatile uint64_t *)(memory + i * PAGE + 8) = mark(i);
}

/* Some of the pages, and those that nobody has filled: zero. */
static void compare(struct machine *m, uint64_t first, uint64_t n)
{
    for (uint64_t i = first; i < first + n; i += 7)
        check(guest_read(m, RAM + i * PAGE + 8) == mark(i));
    check(guest_read(m, RAM + (first + n - 1) * PAGE + 8) == mark(first + n - 1));
    check(guest_read(m, RAM + RAM_SIZE - PAGE) == 0);
    check(guest_read(m, RAM + RAM_SIZE / 2 + 8 * PAGE) == 0);
}

static void filled_memory(uint8_t *memory)
{
    struct machine m;

    fill(memory, 1, 300);
    m = make(memory);
    compare(&m, 1, 300);
    end(&m);
}

static void test_memory_anonymous(void)
{
    uint8_t *memory = anonymous();

    madvise(memory, RAM_SIZE, MADV_NOHUGEPAGE);
    filled_memory(memory);
    munmap(memory, RAM_SIZE);
}

static void test_memory_huge(void)
{
    uint8_t *memory = anonymous();

    madvise(memory, RAM_SIZE, MADV_HUGEPAGE);
    filled_memory(memory);
    munmap(memory, RAM_SIZE);
}

static void test_memory_shared(void)
{
    int fd = must((int)memfd_create("guest", 0), "memfd_create");
    uint8_t *memory;

    must(ftruncate(fd, RAM_SIZE), "ftruncate");
    memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    filled_memory(memory);
    munmap(memory, RAM_SIZE);
    close(fd);
}

/* What is in the file, though this process has never touched it. */
static void test_memory_shared_elsewhere(void)
{
    int fd = must((int)memfd_create("guest", 0), "memfd_create");
    uint8_t *memory, *other;
    struct machine m;

    must(ftruncate(fd, RAM_SIZE), "ftruncate");
    other = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fill(other, 1, 40);
    munmap(other, RAM_SIZE);
    memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    m = make(memory);
    compare(&m, 1, 40);
    end(&m);
    munmap(memory, RAM_SIZE);
    close(fd);
}

/* A private mapping of a file: what is in the file, and what was written over it. */
static void test_memory_private_file(void)
{
    char name[] = "/tmp/kvm_guest.XXXXXX";
    int fd = must(mkstemp(name), "mkstemp");
    uint8_t *memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint8_t *private;
    struct machine m;

    unlink(name);
    must(ftruncate(fd, RAM_SIZE), "ftruncate");
    fill(memory, 1, 50);
    private = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    fill(private, 51, 50);
    m = make(private);
    compare(&m, 1, 100);
    check(*(uint64_t *)(memory + PAGE + 8) == mark(1));
    end(&m);
    munmap(private, RAM_SIZE);
    munmap(memory, RAM_SIZE);
    close(fd);
}

/* Pages that a child shares are mapped read-only: the guest gets a copy of its own, and the child keeps what it has. */
static void test_memory_after_fork(void)
{
    uint8_t *memory = anonymous();
    int go[2], status = 0;
    struct machine m;
    char byte = 0;
    pid_t child;

    must(pipe(go), "pipe");
    fill(memory, 1, 100);
    child = fork();
    if (child == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) < 0)
            _exit(2);
        _exit(*(uint64_t *)(memory + 5 * PAGE + 8) == mark(5) ? 0 : 1);
    }
    m = make(memory);
    compare(&m, 1, 100);
    close(go[1]);
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(go[0]);
    end(&m);
    munmap(memory, RAM_SIZE);
}

/* Pages that were only read are the kernel's page of zeros. */
static void test_memory_of_zeros(void)
{
    uint8_t *memory = anonymous();
    uint64_t sum = 0;
    struct machine m;

    madvise(memory, RAM_SIZE, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < 64; i++)
        sum += *(volatile uint8_t *)(memory + i * PAGE);
    check(sum == 0);
    fill(memory, 70, 10);
    m = make(memory);
    check(guest_read(&m, RAM + 10 * PAGE) == 0);
    compare(&m, 70, 10);
    tell(&m, 0, ORDER_WRITE64, RAM + 10 * PAGE, 77);
    check(guest_read(&m, RAM + 10 * PAGE) == 77);
    end(&m);
    munmap(memory, RAM_SIZE);
}

static sigjmp_buf out;

static void on_bus_error(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

static bool can_read(const volatile uint8_t *at)
{
    struct sigaction old, new = { .sa_handler = on_bus_error };
    volatile bool could = false;

    sigaction(SIGBUS, &new, &old);
    if (sigsetjmp(out, 1) == 0) {
        (void)*at;
        could = true;
    }
    sigaction(SIGBUS, &old, NULL);
    return could;
}

static void test_memory_is_private(void)
{
    struct machine m = make(anonymous());
    uint64_t page = 2 * MIB / PAGE;

    check(can_read(m.memory + RAM_SIZE - PAGE));
    tell(&m, 0, ORDER_WRITE64, RAM + page * PAGE, 0x5ec7e7);
    check(!can_read(m.memory));
    check(!can_read(m.memory + page * PAGE));
    check(hvc(&m, CORDON_GUEST_GRANT, RAM + page * PAGE, PAGE, 0).result[2] == 1);
    check(can_read(m.memory + page * PAGE) && *(uint64_t *)(m.memory + page * PAGE) == 0x5ec7e7);
    check(hvc(&m, CORDON_GUEST_REVOKE, RAM + page * PAGE, PAGE, 0).result[2] == 1);
    check(!can_read(m.memory + page * PAGE));
    end(&m);
    check(can_read(m.memory + page * PAGE) && *(uint64_t *)(m.memory + page * PAGE) == 0);
    check(can_read(m.memory) && *(uint64_t *)m.memory == 0);
    munmap(m.memory, RAM_SIZE);
}

/* The guest gives pages back: they are zero here, and new and zero when it wants them again. */
static void test_memory_relinquished(void)
{
    struct machine m = make(anonymous());
    uint64_t gpa = RAM + 4 * MIB;
    struct order o;

    tell(&m, 0, ORDER_WRITE64, gpa, 0x11);
    tell(&m, 0, ORDER_WRITE64, gpa + PAGE, 0x22);
    o = hvc(&m, CORDON_GUEST_RELINQUISH, gpa, PAGE, 0);
    check(o.result[0] == 0 && o.result[2] == 1);
    check(can_read(m.memory + 4 * MIB) && *(uint64_t *)(m.memory + 4 * MIB) == 0);
    check(!can_read(m.memory + 4 * MIB + PAGE));
    *(uint64_t *)(m.memory + 4 * MIB) = 0x33;
    check(guest_read(&m, gpa) == 0);
    check(guest_read(&m, gpa + PAGE) == 0x22);
    check(!can_read(m.memory + 4 * MIB));
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void write_file(const char *name, const char *text)
{
    int fd = must(open(name, O_WRONLY), name);

    if (write(fd, text, strlen(text)) < 0)
        stop(name);
    close(fd);
}

static void test_memory_of_huge_pages(void)
{
    uint8_t *memory;

    write_file("/proc/sys/vm/nr_hugepages", "16");
    memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (memory == MAP_FAILED)
        stop("mmap of huge pages");
    filled_memory(memory);
    munmap(memory, RAM_SIZE);
    write_file("/proc/sys/vm/nr_hugepages", "0");
}

/* A file that the kernel writes back on its own time cannot be a guest's memory: it would have to read it. */
static void test_memory_of_a_file(void)
{
    char directory[] = "/tmp/kvm_guest.XXXXXX";
    uint8_t *memory;
    struct machine m;
    int fd;

    if (!mkdtemp(directory))
        stop("mkdtemp");
    must(mount("ramfs", directory, "ramfs", 0, NULL), "mount");
    must(chdir(directory), "chdir");
    fd = must(open("file", O_RDWR | O_CREAT, 0600), "open");
    must(ftruncate(fd, RAM_SIZE), "ftruncate");
    memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    m = make(memory);
    check(run(&m, 0) == -EINVAL);
    end(&m);
    munmap(memory, RAM_SIZE);
    close(fd);
    must(chdir("/"), "chdir");
    must(umount(directory), "umount");
    rmdir(directory);
}

/* One page of each of many blocks: every block has to become pages, for which there must be tables. */
static void test_memory_relinquished_from_blocks(void)
{
    struct machine m;
    uint8_t *memory = anonymous();

    madvise(memory, RAM_SIZE, MADV_HUGEPAGE);
    fill(memory, 1, 3 * MIB / PAGE);
    m = make(memory);
    for (uint64_t at = 2 * MIB; at < RAM_SIZE; at += 2 * MIB)
        tell(&m, 0, ORDER_WRITE64, RAM + at + PAGE, 0x44);
    for (uint64_t at = 0; at < RAM_SIZE; at += 2 * MIB) {
        struct order o;

        tell(&m, 0, ORDER_WRITE64, RAM + at + 7 * PAGE, 0x55);      /* there already, if the host has huge pages */
        o = hvc(&m, CORDON_GUEST_RELINQUISH, RAM + at + 7 * PAGE, PAGE, 0);
        check(o.result[0] == 0 && o.result[2] == 1);
        check(can_read(memory + at + 7 * PAGE) && !can_read(memory + at + PAGE));
    }
    for (uint64_t at = 0; at < RAM_SIZE; at += 2 * MIB)
        check(guest_read(&m, RAM + at + 7 * PAGE) == 0);
    check(guest_read(&m, RAM + 2 * MIB + PAGE) == 0x44);
    end(&m);
    munmap(memory, RAM_SIZE);
}

/* A child does not get the guest's memory. */
static void test_memory_kept_away(void)
{
    struct machine m = make(anonymous());
    int status = 0;
    pid_t child;

    check(guest_read(&m, RAM) != 0);
    child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(*(volatile uint8_t *)m.memory);
    }
    waitpid(child, &status, 0);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* Memory that goes away under a running guest: an error for user space, and the guest goes on when it is back. */
static void test_memory_missing(void)
{
    struct machine m = make(anonymous());
    struct order o = { .what = ORDER_READ64, .argument = { RAM + 8 * MIB } };

    munmap(m.memory + 8 * MIB, 8 * MIB);
    check(go_on(&m, 0, &o) == -EFAULT);
    check(go_on(&m, 0, &o) == -EFAULT);
    check(mmap(m.memory + 8 * MIB, 8 * MIB, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    check(go_on(&m, 0, &o) == -EFAULT);
    must(mprotect(m.memory + 8 * MIB, 8 * MIB, PROT_READ | PROT_WRITE), "mprotect");
    check(go_on(&m, 0, &o) == 0 && o.result[0] == 0);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- exits ---- */

static void one_device_read(struct machine *m, uint64_t order, unsigned bytes, uint64_t given, uint64_t seen)
{
    struct order o = { .what = order, .argument = { 0x20000000 } };
    struct kvm_run *r = m->run[0];

    check(go_on(m, 0, &o) == KVM_EXIT_MMIO);
    check(r->mmio.phys_addr == 0x20000000 && r->mmio.len == bytes && !r->mmio.is_write);
    memcpy(r->mmio.data, &given, 8);
    r->mmio.len = 200;      /* nobody may believe it */
    r->mmio.is_write = 1;
    check(go_on(m, 0, &o) == 0);
    check(o.result[0] == seen);
}

static void one_device_write(struct machine *m, uint64_t order, unsigned bytes, uint64_t seen)
{
    struct order o = { .what = order, .argument = { 0x20000000 + bytes, 0x8877665544332211 } };
    struct kvm_run *r = m->run[0];
    uint64_t value;

    check(go_on(m, 0, &o) == KVM_EXIT_MMIO);
    memcpy(&value, r->mmio.data, 8);
    check(r->mmio.phys_addr == 0x20000000 + bytes && r->mmio.len == bytes && r->mmio.is_write && value == seen);
    check(go_on(m, 0, &o) == 0);
}

static void test_exit_device(void)
{
    struct machine m = make(anonymous());

    one_device_read(&m, ORDER_READ8, 1, 0x8877665544332281, 0x81);
    one_device_read(&m, ORDER_READ16, 2, 0x8877665544338281, 0x8281);
    one_device_read(&m, ORDER_READ32, 4, 0x8877665584338281, 0x84338281);
    one_device_read(&m, ORDER_READ64, 8, 0x8877665584338281, 0x8877665584338281);
    one_device_read(&m, ORDER_READ8_SIGNED, 1, 0x81, 0xffffffffffffff81);
    one_device_write(&m, ORDER_WRITE8, 1, 0x11);
    one_device_write(&m, ORDER_WRITE16, 2, 0x2211);
    one_device_write(&m, ORDER_WRITE32, 4, 0x44332211);
    one_device_write(&m, ORDER_WRITE64, 8, 0x8877665544332211);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_exit_host_call(void)
{
    struct machine m = make(anonymous());
    struct order o = { .what = ORDER_HVC, .argument = { CORDON_GUEST_HOST, 11, 22, 33, 44 } };
    struct kvm_run *r = m.run[0];

    check(go_on(&m, 0, &o) == KVM_EXIT_HYPERCALL);
    check(r->hypercall.nr == CORDON_GUEST_HOST && r->hypercall.args[0] == 11 && r->hypercall.args[3] == 44);
    check(r->hypercall.ret == (uint64_t)CORDON_NOT_SUPPORTED);
    r->hypercall.ret = 1;
    for (unsigned i = 1; i < 4; i++)
        r->hypercall.args[i] = 100 + i;
    check(go_on(&m, 0, &o) == 0);
    check(o.result[0] == 1 && o.result[1] == 101 && o.result[2] == 102 && o.result[3] == 103);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_exit_end(void)
{
    struct machine m = make(anonymous());
    struct order o = { .what = ORDER_HVC, .argument = { PSCI_0_2_FN_SYSTEM_RESET } };
    struct kvm_run *r = m.run[0];

    for (unsigned i = 0; i < 2; i++) {
        check(go_on(&m, 0, &o) == KVM_EXIT_SYSTEM_EVENT);
        check(r->system_event.type == KVM_SYSTEM_EVENT_RESET && r->system_event.ndata == 1 && r->system_event.data[0] == 0);
    }
    end(&m);
    munmap(m.memory, RAM_SIZE);
    m = make(anonymous());
    o = (struct order){ .what = ORDER_HVC, .argument = { PSCI_0_2_FN_SYSTEM_OFF } };
    check(go_on(&m, 0, &o) == KVM_EXIT_SYSTEM_EVENT);
    check(m.run[0]->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- what user space may not any more ---- */

static void test_hidden(void)
{
    struct machine m = make(anonymous());
    struct kvm_userspace_memory_region region = { 1, 0, RAM + RAM_SIZE, PAGE, (uint64_t)(uintptr_t)m.memory };
    struct { struct kvm_reg_list list; uint64_t reg[256]; } l = { .list = { .n = 256 } };
    uint64_t value = RAM;
    struct kvm_one_reg reg = { CORE(regs.pc), (uint64_t)(uintptr_t)&value };

    tell(&m, 0, ORDER_READ64, RAM, 0);
    check(ioctl(m.vcpu[0], KVM_SET_ONE_REG, &reg) < 0 && errno == EPERM);
    check(ioctl(m.vcpu[0], KVM_GET_REG_LIST, &l) == 0 && l.list.n > 30);
    for (uint64_t i = 0; i < l.list.n; i++) {   /* what a VMM reads says nothing, and may be written back */
        reg.id = l.reg[i];
        check(ioctl(m.vcpu[0], KVM_GET_ONE_REG, &reg) == 0);
        check((reg.id & KVM_REG_ARM_COPROC_MASK) != KVM_REG_ARM_CORE || value == (reg.id == CORE(regs.pstate) ? 0x3c5 : 0));
        check(ioctl(m.vcpu[0], KVM_SET_ONE_REG, &reg) == 0);
    }
    reg.id = MPIDR;
    check(ioctl(m.vcpu[0], KVM_GET_ONE_REG, &reg) == 0 && value == 0x80000000);
    check(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 && errno == EBUSY);
    region = (struct kvm_userspace_memory_region){ 0, 0, RAM, 0, (uint64_t)(uintptr_t)m.memory };
    check(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 && errno == EBUSY);
    set_reg(m.vcpu[1], CORE(regs.pc), 0);       /* one that the guest has not started is as it was */
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- signals ---- */

static void on_kick(int number)
{
    (void)number;
}

/* Again and again, until timer_delete(): a signal that comes before KVM_RUN begins ends nothing. */
static timer_t kick_every(long milliseconds)
{
    struct timespec period = { 0, milliseconds * 1000000 };
    struct itimerspec when = { .it_value = period, .it_interval = period };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = KICK };
    timer_t timer;

    must(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
    must(timer_settime(timer, 0, &when, NULL), "timer_settime");
    return timer;
}

static void test_signal_ends_a_run(void)
{
    struct machine m = make(anonymous());
    struct order o = { .what = ORDER_WFI };
    timer_t timer = kick_every(50);

    check(go_on(&m, 0, &o) == -EINTR && m.run[0]->exit_reason == KVM_EXIT_INTR);     /* it sleeps, with nothing to wait for */
    timer_delete(timer);
    o.what = ORDER_SPIN;
    m.run[0]->immediate_exit = 1;
    check(go_on(&m, 0, &o) == -EINTR);
    m.run[0]->immediate_exit = 0;
    end(&m);
    munmap(m.memory, RAM_SIZE);
    m = make(anonymous());
    timer = kick_every(300);
    check(go_on(&m, 0, &o) == -EINTR);          /* it is in the guest */
    check(go_on(&m, 0, &o) == -EINTR);
    timer_delete(timer);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_signal_ends_the_wait_of_one_that_is_off(void)
{
    struct machine m = make(anonymous());
    struct kvm_mp_state state = { 99 };
    timer_t timer;

    tell(&m, 0, ORDER_READ64, RAM, 0);
    timer = kick_every(50);
    check(run(&m, 1) == -EINTR && m.run[1]->exit_reason == KVM_EXIT_INTR);
    timer_delete(timer);
    check(ioctl(m.vcpu[1], KVM_GET_MP_STATE, &state) == 0 && state.mp_state == KVM_MP_STATE_STOPPED);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- interrupts ---- */

static void gic_write(struct machine *m, uint64_t address, uint32_t value)
{
    tell(m, 0, ORDER_WRITE32, address, value);
}

static uint32_t gic_read(struct machine *m, uint64_t address)
{
    return (uint32_t)tell(m, 0, ORDER_READ32, address, 0).result[0];
}

static void test_gic_registers(void)
{
    struct machine m = make(anonymous());

    check(gic_read(&m, GICD + 0xffe8) == 0x3b && gic_read(&m, GICR + 0xffe8) == 0x3b);
    check((gic_read(&m, GICD + 4) & 0x1f) == 2);                /* 96 interrupts */
    check(gic_read(&m, GICD) == 0x50);
    gic_write(&m, GICD, 0x52);
    check(gic_read(&m, GICD) == 0x52);
    check(tell(&m, 0, ORDER_READ64, GICR + 8, 0).result[0] == 0);
    check(tell(&m, 0, ORDER_READ64, GICR + GICR_STRIDE + 8, 0).result[0] == 0x100000110);
    check(gic_read(&m, GICR + GICR_STRIDE + 12) == 1);
    gic_write(&m, GICD + 0x104, 0x80000001);                    /* ISENABLER1 */
    check(gic_read(&m, GICD + 0x104) == 0x80000001 && gic_read(&m, GICD + 0x184) == 0x80000001);
    gic_write(&m, GICD + 0x184, 1);
    check(gic_read(&m, GICD + 0x104) == 0x80000000);
    gic_write(&m, GICD + 0x100, 0xffffffff);                    /* vCPUs' own: not here */
    check(gic_read(&m, GICD + 0x100) == 0 && gic_read(&m, GICR + SGI_FRAME + 0x100) == 0);
    gic_write(&m, GICR + SGI_FRAME + 0x100, 0x08000001);
    check(gic_read(&m, GICR + SGI_FRAME + 0x100) == 0x08000001);
    check(gic_read(&m, GICR + GICR_STRIDE + SGI_FRAME + 0x100) == 0);
    tell(&m, 0, ORDER_WRITE8, GICD + 0x421, 0xa7);              /* the priority of 33: five bits */
    check(gic_read(&m, GICD + 0x420) == 0xa000);
    check(tell(&m, 0, ORDER_READ8, GICD + 0x421, 0).result[0] == 0xa0);
    check(gic_read(&m, GICR + SGI_FRAME + 0xc00) == 0xaaaaaaaa && gic_read(&m, GICR + SGI_FRAME + 0xc04) == 0);
    gic_write(&m, GICD + 0xc08, 0);                             /* 32 .. 47 are levels */
    check(gic_read(&m, GICD + 0xc08) == 0 && gic_read(&m, GICD + 0xc0c) == 0xaaaaaaaa);
    tell(&m, 0, ORDER_WRITE64, GICD + 0x6000 + 8 * 40, 0xffffffffffffffff);
    check(tell(&m, 0, ORDER_READ64, GICD + 0x6000 + 8 * 40, 0).result[0] == 0xff80ffffff);
    gic_write(&m, GICR + SGI_FRAME + 0x200, 1 << 3 | 1 << 20 | 1 << 27);    /* neither an SGI nor the timer's */
    check(gic_read(&m, GICR + SGI_FRAME + 0x200) == 1 << 20);
    gic_write(&m, GICR + SGI_FRAME + 0x280, 1 << 20);
    check(gic_read(&m, GICR + SGI_FRAME + 0x200) == 0);
    check(gic_read(&m, GICD + 0xfff0 - 0x10 + 4) == 0 && gic_read(&m, GICD + 0x8000) == 0);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void open_interface(struct machine *m, uint32_t spi)
{
    gic_write(m, GICD, 2);
    tell(m, 0, ORDER_INTERFACE, 0, 0);
    if (spi)
        gic_write(m, GICD + 0x100 + spi / 32 * 4, 1u << spi % 32);
}

static void line(struct machine *m, uint32_t type, uint32_t irq, uint32_t level)
{
    struct kvm_irq_level l = { .irq = type << KVM_ARM_IRQ_TYPE_SHIFT | irq, .level = level };

    must(ioctl(m->vm, KVM_IRQ_LINE, &l), "KVM_IRQ_LINE");
}

static uint64_t acknowledge(struct machine *m)
{
    return tell(m, 0, ORDER_ACKNOWLEDGE, 0, 0).result[0];
}

static void test_interrupt_edge(void)
{
    struct machine m = make(anonymous());

    open_interface(&m, 40);
    check(acknowledge(&m) == 1023);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 0);
    check(acknowledge(&m) == 40);
    check(gic_read(&m, GICD + 0x304) == 1 << 8);                /* active */
    check(acknowledge(&m) == 1023);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);                      /* a new one while the first is served */
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 0);
    check(acknowledge(&m) == 1023);
    tell(&m, 0, ORDER_EOI, 40, 0);
    check(acknowledge(&m) == 40);
    tell(&m, 0, ORDER_EOI, 40, 0);
    check(acknowledge(&m) == 1023);
    check(gic_read(&m, GICD + 0x304) == 0);
    gic_write(&m, GICD + 0x184, 1 << 8);                        /* not while it is disabled, but after */
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);
    check(acknowledge(&m) == 1023);
    gic_write(&m, GICD + 0x104, 1 << 8);
    check(acknowledge(&m) == 40);
    tell(&m, 0, ORDER_EOI, 40, 0);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);                      /* withdrawn by the guest */
    gic_write(&m, GICD + 0x284, 1 << 8);
    check(acknowledge(&m) == 1023);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_interrupt_level(void)
{
    struct machine m = make(anonymous());

    open_interface(&m, 41);
    gic_write(&m, GICD + 0xc08, 0);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 41, 1);
    check(acknowledge(&m) == 41);
    tell(&m, 0, ORDER_EOI, 41, 0);
    check(acknowledge(&m) == 41);               /* the line is still up */
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 41, 0);
    tell(&m, 0, ORDER_EOI, 41, 0);
    check(acknowledge(&m) == 1023);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 41, 1);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 41, 0);
    check(acknowledge(&m) == 1023);             /* nobody has seen it */
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_interrupt_priorities(void)
{
    struct machine m = make(anonymous());

    open_interface(&m, 0);
    gic_write(&m, GICD + 0x104, 0x3f00);        /* 40 .. 45 */
    for (uint32_t i = 0; i < 6; i++)
        tell(&m, 0, ORDER_WRITE8, GICD + 0x400 + 40 + i, 0xf0 - 8 * i - 8);
    for (uint32_t i = 0; i < 6; i++)
        line(&m, KVM_ARM_IRQ_TYPE_SPI, 40 + i, 1);
    check(acknowledge(&m) == 45);
    tell(&m, 0, ORDER_EOI, 45, 0);
    for (uint32_t i = 44; i >= 40; i--) {       /* more than there are list registers */
        check(acknowledge(&m) == i);
        tell(&m, 0, ORDER_EOI, i, 0);
    }
    check(acknowledge(&m) == 1023);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void test_interrupt_of_its_own(void)
{
    struct machine m = make(anonymous());

    open_interface(&m, 0);
    gic_write(&m, GICR + SGI_FRAME + 0x100, 0xffffffff);
    line(&m, KVM_ARM_IRQ_TYPE_PPI, 20, 1);
    check(acknowledge(&m) == 20);
    line(&m, KVM_ARM_IRQ_TYPE_PPI, 20, 0);
    tell(&m, 0, ORDER_EOI, 20, 0);
    tell(&m, 0, ORDER_SGI, 5ull << 24 | 1, 0);
    check(acknowledge(&m) == 5);
    tell(&m, 0, ORDER_EOI, 5, 0);
    check(acknowledge(&m) == 1023);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The timer wakes a vCPU that sleeps, not before its time. */
static void test_interrupt_timer(void)
{
    struct machine m = make(anonymous());
    uint64_t rate;
    double began;

    asm volatile("mrs %0, cntfrq_el0" : "=r"(rate));
    open_interface(&m, 0);
    gic_write(&m, GICR + SGI_FRAME + 0x100, 1u << CORDON_TIMER_INTID);
    for (unsigned i = 0; i < 3; i++) {
        began = now();
        tell(&m, 0, ORDER_TIMER, rate / 10, 1);
        tell(&m, 0, ORDER_WFI, 0, 0);
        check(now() - began > 0.09 && now() - began < 2);
        check(acknowledge(&m) == CORDON_TIMER_INTID);
        tell(&m, 0, ORDER_TIMER, 0, 0);
        tell(&m, 0, ORDER_EOI, CORDON_TIMER_INTID, 0);
        check(acknowledge(&m) == 1023);
    }
    tell(&m, 0, ORDER_TIMER, 0, 1);             /* at once, and again as long as it is on */
    check(acknowledge(&m) == CORDON_TIMER_INTID);
    tell(&m, 0, ORDER_EOI, CORDON_TIMER_INTID, 0);
    check(acknowledge(&m) == CORDON_TIMER_INTID);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- event descriptors ---- */

static int64_t count_of(int fd)
{
    uint64_t count;

    return read(fd, &count, 8) == 8 ? (int64_t)count : -errno;
}

static long ioeventfd(struct machine *m, int fd, uint64_t address, uint32_t bytes, uint64_t value, uint32_t flags)
{
    struct kvm_ioeventfd e = { .datamatch = value, .addr = address, .len = bytes, .fd = fd, .flags = flags };

    return ioctl(m->vm, KVM_IOEVENTFD, &e) < 0 ? -errno : 0;
}

static void test_event_of_the_guest(void)
{
    struct machine m = make(anonymous());
    int fd = must(eventfd(0, EFD_NONBLOCK), "eventfd"), other = must(eventfd(0, EFD_NONBLOCK), "eventfd");
    struct order o = { .what = ORDER_WRITE32, .argument = { 0x20000050, 4 } };

    check(ioeventfd(&m, fd, 0x20000050, 4, 3, KVM_IOEVENTFD_FLAG_DATAMATCH) == 0);
    check(ioeventfd(&m, other, 0x20000050, 4, 3, KVM_IOEVENTFD_FLAG_DATAMATCH) == -EEXIST);
    check(ioeventfd(&m, other, 0x20000060, 0, 0, 0) == 0);
    check(ioeventfd(&m, fd, 0x20000070, 3, 0, 0) == -EINVAL);
    check(ioeventfd(&m, fd, 0x20000070, 4, 0, 1u << 20) == -EINVAL);
    check(ioeventfd(&m, 0, 0x20000070, 4, 0, 0) < 0);           /* no event descriptor */
    check(ioeventfd(&m, fd, 0x20000070, 4, 0, KVM_IOEVENTFD_FLAG_DEASSIGN) == -ENOENT);
    tell(&m, 0, ORDER_WRITE32, 0x20000050, 3);
    tell(&m, 0, ORDER_WRITE32, 0x20000050, 3);
    check(count_of(fd) == 2);
    check(go_on(&m, 0, &o) == KVM_EXIT_MMIO && m.run[0]->mmio.phys_addr == 0x20000050);    /* another value */
    check(go_on(&m, 0, &o) == 0);
    check(count_of(fd) == -EAGAIN);
    tell(&m, 0, ORDER_WRITE8, 0x20000060, 1);
    tell(&m, 0, ORDER_WRITE64, 0x20000060, 2);
    check(count_of(other) == 2);
    check(ioeventfd(&m, fd, 0x20000050, 4, 3, KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN) == 0);
    o.argument[1] = 3;
    check(go_on(&m, 0, &o) == KVM_EXIT_MMIO);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static long irqfd(struct machine *m, int fd, uint32_t gsi, uint32_t flags)
{
    struct kvm_irqfd f = { .fd = (uint32_t)fd, .gsi = gsi, .flags = flags };

    return ioctl(m->vm, KVM_IRQFD, &f) < 0 ? -errno : 0;
}

static void signal_event(int fd)
{
    if (write(fd, &(uint64_t){ 1 }, 8) != 8)
        stop("write to an event descriptor");
}

static void test_event_for_the_guest(void)
{
    struct machine m = make(anonymous());
    int fd = must(eventfd(1, EFD_NONBLOCK), "eventfd"), other = must(eventfd(0, EFD_NONBLOCK), "eventfd");

    open_interface(&m, 50);
    gic_write(&m, GICD + 0x104, 1u << (51 - 32));
    check(irqfd(&m, fd, 50 - 32, 0) == 0);
    check(acknowledge(&m) == 50);               /* it was written to before */
    tell(&m, 0, ORDER_EOI, 50, 0);
    check(irqfd(&m, fd, 51 - 32, 0) == -EBUSY);
    check(irqfd(&m, other, 4096, 0) == -EINVAL);
    check(irqfd(&m, 1000, 51 - 32, 0) == -EBADF);
    check(irqfd(&m, other, 51 - 32, KVM_IRQFD_FLAG_RESAMPLE) == -EINVAL);      /* to no event descriptor */
    check(irqfd(&m, other, 51 - 32, 0) == 0);
    signal_event(fd);
    signal_event(other);
    check(acknowledge(&m) == 50);
    tell(&m, 0, ORDER_EOI, 50, 0);
    check(acknowledge(&m) == 51);
    tell(&m, 0, ORDER_EOI, 51, 0);
    check(irqfd(&m, fd, 50 - 32, KVM_IRQFD_FLAG_DEASSIGN) == 0);
    signal_event(fd);
    close(other);                               /* the other's end comes by itself */
    check(acknowledge(&m) == 1023);
    check(irqfd(&m, fd, 51 - 32, 0) == 0);
    end(&m);
    signal_event(fd);                           /* the VM is gone */
    munmap(m.memory, RAM_SIZE);
}

/* A level, until the guest has ended it: then its user hears of it, and may raise it again. Routes say which interrupt it is. */
static void test_event_resampled(void)
{
    struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry e; } routes = {
        { .nr = 1 }, { .gsi = 900, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { 0, 52 - 32 } } };
    struct machine m = make(anonymous());
    int fd = must(eventfd(0, EFD_NONBLOCK), "eventfd"), ended = must(eventfd(0, EFD_NONBLOCK), "eventfd");
    struct kvm_irqfd f = { .fd = (uint32_t)fd, .gsi = 900, .flags = KVM_IRQFD_FLAG_RESAMPLE, .resamplefd = (uint32_t)ended };

    open_interface(&m, 52);
    gic_write(&m, GICD + 0xc0c, 0);             /* 48 .. 63 are levels */
    check(ioctl(m.vm, KVM_IRQFD, &f) == 0);
    signal_event(fd);
    check(acknowledge(&m) == 1023);             /* it leads nowhere */
    must(ioctl(m.vm, KVM_SET_GSI_ROUTING, &routes), "routes");
    for (unsigned turn = 0; turn < 2; turn++) {
        signal_event(fd);
        check(acknowledge(&m) == 52 && acknowledge(&m) == 1023);
        check(count_of(ended) == -EAGAIN);
        tell(&m, 0, ORDER_EOI, 52, 0);
        check(acknowledge(&m) == 1023);
        check(count_of(ended) == 1);
    }
    f.flags = KVM_IRQFD_FLAG_DEASSIGN;
    signal_event(fd);
    check(ioctl(m.vm, KVM_IRQFD, &f) == 0);
    check(acknowledge(&m) == 1023);             /* its line is down with it */
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- a VM that begins anew ---- */

static long init(int vcpu)
{
    struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8, .features = { 1u << KVM_ARM_VCPU_PSCI_0_2 } };

    return ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0 ? -errno : 0;
}

/* As a VMM does it that reboots its guest: the memory comes back zero, and is another guest's when it runs again. */
static void begin_anew(struct machine *m)
{
    check(init(m->vcpu[0]) == 0);
    for (uint64_t at = 0; at < RAM_SIZE; at += PAGE)
        check(*(volatile uint64_t *)(m->memory + at) == 0 && *(volatile uint64_t *)(m->memory + at + 8) == 0);
    memcpy(m->memory, agent, (size_t)(agent_end - agent));
    set_reg(m->vcpu[0], CORE(regs.regs[0]), DEVICE);
    set_reg(m->vcpu[0], CORE(regs.pc), RAM);
}

static void test_begins_anew(void)
{
    struct machine m = make(anonymous());
    struct order o = { .what = ORDER_HVC, .argument = { PSCI_0_2_FN_SYSTEM_RESET } };

    fill(m.memory, 1, 20);
    for (unsigned turn = 0; turn < 3; turn++) {
        open_interface(&m, 40);
        line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);
        tell(&m, 0, ORDER_WRITE64, RAM + 4 * MIB + 8, 0x5ec7e7);
        check(go_on(&m, 0, &o) == KVM_EXIT_SYSTEM_EVENT && m.run[0]->system_event.type == KVM_SYSTEM_EVENT_RESET);
        begin_anew(&m);
        check(guest_read(&m, RAM + 4 * MIB + 8) == 0 && gic_read(&m, GICD) == 0x50 && gic_read(&m, GICD + 0x104) == 0);
        begin_anew(&m);                         /* one that has not ended is thrown away too */
    }
    open_interface(&m, 40);
    check(acknowledge(&m) == 1023);             /* an edge that was there before is gone */
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 0);
    line(&m, KVM_ARM_IRQ_TYPE_SPI, 40, 1);
    check(acknowledge(&m) == 40);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

static void *runs_second(void *argument)
{
    struct machine *m = argument;

    check(run(m, 1) == -EINTR);
    return NULL;
}

/* Not while another vCPU is in use: its registers are not to be taken from under it. */
static void test_begins_anew_when_nobody_runs(void)
{
    struct machine m = make(anonymous());
    pthread_t thread;
    long result;

    tell(&m, 0, ORDER_READ64, RAM, 0);
    pthread_create(&thread, NULL, runs_second, &m);
    do
        result = init(m.vcpu[0]);               /* until the other one is in its run */
    while (result == 0 && (begin_anew(&m), tell(&m, 0, ORDER_READ64, RAM, 0), true));
    check(result == -EBUSY);
    check(guest_read(&m, RAM + 4 * MIB) == 0);  /* the guest is as it was */
    pthread_kill(thread, KICK);
    pthread_join(thread, NULL);
    begin_anew(&m);
    check(guest_read(&m, RAM + 4 * MIB) == 0);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- read-only slots ---- */

/* The guest gets copies of what is there; a slot with nothing in it is a device that user space answers for. */
static void test_memory_readonly(void)
{
    struct machine m = make(anonymous());
    uint8_t *flash = anonymous();
    struct kvm_userspace_memory_region code = { 1, KVM_MEM_READONLY, FLASH, MIB, (uint64_t)(uintptr_t)flash };
    struct kvm_userspace_memory_region empty = { 2, KVM_MEM_READONLY, FLASH + MIB, MIB, (uint64_t)(uintptr_t)flash + MIB };
    struct order o = { .what = ORDER_READ64, .argument = { FLASH + MIB } };

    madvise(flash, RAM_SIZE, MADV_NOHUGEPAGE);  /* a huge page of the first would be in the second as well */
    *(volatile uint64_t *)(flash + 5 * PAGE) = 0x1234;
    must(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &code), "read-only memory");
    must(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &empty), "read-only memory with nothing in it");
    check(guest_read(&m, FLASH + 5 * PAGE) == 0x1234 && guest_read(&m, FLASH + 9 * PAGE) == 0);
    tell(&m, 0, ORDER_WRITE64, FLASH + 5 * PAGE, 0x5678);
    tell(&m, 0, ORDER_WRITE64, FLASH + 9 * PAGE, 0x5678);
    check(*(volatile uint64_t *)(flash + 5 * PAGE) == 0x1234 && *(volatile uint64_t *)(flash + 9 * PAGE) == 0);
    check(guest_read(&m, FLASH + 5 * PAGE) == 0x5678);
    check(go_on(&m, 0, &o) == KVM_EXIT_MMIO && m.run[0]->mmio.phys_addr == FLASH + MIB);
    code.memory_size = 0;
    check(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &code) < 0 && errno == EBUSY);
    empty.memory_size = 0;
    check(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &empty) == 0);        /* as a flash does that is written to */
    empty.memory_size = MIB;
    check(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &empty) == 0);
    end(&m);
    munmap(m.memory, RAM_SIZE);
    munmap(flash, RAM_SIZE);
}

/* ---- two vCPUs ---- */

static void *second_thread(void *argument)
{
    struct machine *m = argument;
    struct order o = { .what = ORDER_INTERFACE };

    check(go_on(m, 1, &o) == 0);                /* waits until the guest starts it */
    o = (struct order){ .what = ORDER_WFI };
    check(go_on(m, 1, &o) == 0);
    o = (struct order){ .what = ORDER_ACKNOWLEDGE };
    check(go_on(m, 1, &o) == 0 && o.result[0] == 7);
    o = (struct order){ .what = ORDER_SPIN };
    check(go_on(m, 1, &o) == -EINTR);           /* until it is kicked, as the VM has ended */
    return NULL;
}

static void test_two_vcpus(void)
{
    struct machine m = make(anonymous());
    struct kvm_mp_state state = { 99 };
    struct order o = { .what = ORDER_HVC, .argument = { PSCI_0_2_FN_SYSTEM_OFF } };
    pthread_t thread;

    pthread_create(&thread, NULL, second_thread, &m);
    open_interface(&m, 0);
    gic_write(&m, GICR + GICR_STRIDE + SGI_FRAME + 0x100, 0xff);
    check(hvc(&m, PSCI_0_2_FN64_CPU_ON, 1, RAM, DEVICE + PAGE).result[0] == 0);
    check((int64_t)hvc(&m, PSCI_0_2_FN64_CPU_ON, 1, RAM, DEVICE + PAGE).result[0] < 0);
    check((int64_t)hvc(&m, PSCI_0_2_FN64_CPU_ON, 2, RAM, DEVICE + PAGE).result[0] < 0);
    usleep(100000);
    tell(&m, 0, ORDER_SGI, 7ull << 24 | 2, 0);
    usleep(200000);
    check(go_on(&m, 0, &o) == KVM_EXIT_SYSTEM_EVENT);
    usleep(50000);
    pthread_kill(thread, KICK);
    pthread_join(thread, NULL);
    check(ioctl(m.vcpu[1], KVM_GET_MP_STATE, &state) == 0 && state.mp_state == KVM_MP_STATE_RUNNABLE);
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- what the CPU is ---- */

static bool reads_as(struct machine *m, uint64_t id, uint64_t order)
{
    uint64_t value = 0x5a5a5a5a5a5a5a5a;
    struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)&value };
    uint64_t guests = tell(m, 0, order, 0, 0).result[0];

    if (ioctl(m->vcpu[0], KVM_GET_ONE_REG, &reg) == 0 && value == guests)
        return true;
    printf("kvm_guest: %s: register %llx is %llx for the guest and %llx for its VMM\n", test_name, (unsigned long long)id,
           (unsigned long long)guests, (unsigned long long)value);
    return false;
}

/* The same for the VMM and in the guest, and not all of it zero. */
static void test_identity(void)
{
    static const uint64_t identity[] = { ARM64_SYS_REG(3, 0, 0, 0, 0), MPIDR, ARM64_SYS_REG(3, 0, 0, 0, 6), ARM64_SYS_REG(3, 1, 0, 0, 1),
                                         ARM64_SYS_REG(3, 1, 0, 0, 7), ARM64_SYS_REG(3, 3, 0, 0, 1) };
    struct machine m = make(anonymous());

    for (uint64_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++)
        check(reads_as(&m, identity[i], ORDER_IDENTITY + i));
    for (uint64_t i = 0; i < 56; i++)
        check(reads_as(&m, ARM64_SYS_REG(3, 0, 0, 1 + i / 8, i % 8), ORDER_FEATURE + i));
    check((tell(&m, 0, ORDER_FEATURE + 24, 0, 0).result[0] & 0xff) == 0x11);         /* ID_AA64PFR0_EL1: EL0 and EL1 in AArch64 */
    check((tell(&m, 0, ORDER_FEATURE + 48, 0, 0).result[0] >> 28 & 0xf) == 0);       /* ID_AA64MMFR0_EL1: pages of 4 KiB */
    end(&m);
    munmap(m.memory, RAM_SIZE);
}

/* ---- the list ---- */

static const struct test {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "memory_anonymous", test_memory_anonymous },
    { "memory_huge", test_memory_huge },
    { "memory_shared", test_memory_shared },
    { "memory_shared_elsewhere", test_memory_shared_elsewhere },
    { "memory_private_file", test_memory_private_file },
    { "memory_after_fork", test_memory_after_fork },
    { "memory_of_zeros", test_memory_of_zeros },
    { "memory_is_private", test_memory_is_private },
    { "memory_relinquished", test_memory_relinquished },
    { "memory_relinquished_from_blocks", test_memory_relinquished_from_blocks },
    { "memory_kept_away", test_memory_kept_away },
    { "memory_of_huge_pages", test_memory_of_huge_pages },
    { "memory_of_a_file", test_memory_of_a_file },
    { "memory_missing", test_memory_missing },
    { "exit_device", test_exit_device },
    { "exit_host_call", test_exit_host_call },
    { "exit_end", test_exit_end },
    { "hidden", test_hidden },
    { "begins_anew", test_begins_anew },
    { "begins_anew_when_nobody_runs", test_begins_anew_when_nobody_runs },
    { "memory_readonly", test_memory_readonly },
    { "signal_ends_a_run", test_signal_ends_a_run },
    { "signal_ends_the_wait_of_one_that_is_off", test_signal_ends_the_wait_of_one_that_is_off },
    { "gic_registers", test_gic_registers },
    { "interrupt_edge", test_interrupt_edge },
    { "interrupt_level", test_interrupt_level },
    { "interrupt_priorities", test_interrupt_priorities },
    { "interrupt_of_its_own", test_interrupt_of_its_own },
    { "interrupt_timer", test_interrupt_timer },
    { "event_of_the_guest", test_event_of_the_guest },
    { "event_for_the_guest", test_event_for_the_guest },
    { "event_resampled", test_event_resampled },
    { "two_vcpus", test_two_vcpus },
    { "identity", test_identity },
};

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc < 2;
}

/* In a process of its own: a test that hangs or dies is one that fails. */
static bool passes(const struct test *test)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        test_name = test->name;
        alarm(60);
        test->run();
        fflush(stdout);
        _exit(failures > 0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("kvm_guest: %s: ended by signal %d\n", test->name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    struct sigaction kick = { .sa_handler = on_kick };
    unsigned passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(KICK, &kick, NULL);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (!wanted(tests[i].name, argc, argv))
            continue;
        if (passes(&tests[i]))
            passed++;
        else
            failed++;
    }
    printf("kvm_guest: %u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
