/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cordon-vmm: what its files share. The launcher is a plain user of the KVM API: it makes a virtual machine, loads a
 * kernel, and answers the accesses to its one device, a serial port. It is not trusted with anything of the guest's.
 */
#ifndef VMM_H
#define VMM_H

#include "machine.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- exit status ---- */

#define STATUS_OK 0             /* the guest powered off */
#define STATUS_FAILED 1         /* the guest could not go on, or was ended from outside */
#define STATUS_USAGE 2          /* wrong arguments, or something that the launcher needs is not there */
#define STATUS_RESET 3          /* the guest asked for a reset */

#define BLOCK 0x200000ull       /* what a stage-2 block maps */
#define TREE_SIZE 0x10000u      /* room for the device tree */

struct options {
    const char *kernel;
    const char *initrd;
    const char *append;
    const char *dump_tree;
    const char *disk[DISKS_MAX];
    unsigned disks;
    uint64_t memory;
    unsigned cpus;
    bool verbose;
    bool quiet;
    bool test_calls;
    bool random;                /* seeds in the device tree */
};

/* Guest memory, and where things were put in it: guest addresses. */
struct memory {
    uint8_t *host;
    uint64_t size;
    uint64_t entry;
    uint64_t kernel_end;
    uint64_t tree;
    uint64_t initrd;
    uint64_t initrd_size;
};

struct vm;

struct vcpu {
    struct vm *vm;
    unsigned index;
    int fd;
    uint64_t mpidr;
    struct kvm_run *run;
    pthread_t thread;
    bool started;
};

struct vm {
    const struct options *options;
    struct memory memory;
    int kvm;
    int fd;
    int gic;
    size_t run_size;
    struct vcpu vcpu[CPUS_MAX];
    int status;                 /* why it ended; set once, by vm_end() */
    bool ended;
    pthread_mutex_t lock;       /* of the two above */
};

/* ---- main.c ---- */

/* Prints "cordon-vmm: ..." to standard error. die() leaves with STATUS_USAGE. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The same for what only --verbose wants to know, and for what --quiet does not. */
void tell(const struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notice(const struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- options.c ---- */

/* Fills in *o, or leaves the program: --help, --version, or with a complaint. */
void options_read(struct options *o, int argc, char **argv);

/* ---- memory.c ---- */

/* Reserves the guest's memory and loads kernel and initrd; decides where the tree goes. Leaves on failure. */
void memory_load(struct memory *m, const struct options *o);
/* The launcher's address of guest memory, NULL if [gpa, gpa + size) is not all in it. */
void *memory_at(const struct memory *m, uint64_t gpa, uint64_t size);

/* ---- guard.c: touching memory that may be gone ---- */

/* From now on SIGBUS and SIGSEGV in the functions below are an answer, elsewhere the end with a message. */
void guard_set_up(void);
/* Each: false when the access met a signal. */
bool guard_load(const void *from, uint64_t *value);
bool guard_store(void *to, uint64_t value);
bool guard_fill(void *to, uint64_t bytes, uint64_t value);
bool guard_copy(void *to, const void *from, uint64_t bytes);
bool guard_sum(const void *from, uint64_t bytes, uint64_t *sum);

/* ---- tree.c ---- */

/* Makes the device tree in buffer (TREE_SIZE bytes); returns its size. Leaves on failure. */
size_t tree_make(void *buffer, const struct vm *vm);

/* ---- kvm.c ---- */

/* Opens /dev/kvm and makes the virtual machine, its interrupt controller and vCPUs. Leaves on failure. */
void kvm_create(struct vm *vm);
/* Gives it its memory and sets the first vCPU's registers. Leaves on failure. */
void kvm_prepare(struct vm *vm);
/* Sets the level of a shared peripheral interrupt. */
void kvm_interrupt(const struct vm *vm, unsigned spi, bool level);

/* ---- run.c ---- */

/* Runs all vCPUs until the guest ends or a signal ends the launcher. Returns the exit status. */
int run_vm(struct vm *vm);
/* From any thread: the virtual machine ends with this status; the first one counts. */
void run_end(struct vm *vm, int status);

/* ---- console.c: the serial port between the guest and the terminal ---- */

void console_start(struct vm *vm);
uint8_t console_read(unsigned reg);
void console_write(unsigned reg, uint8_t value);
/* Puts the terminal right; may be called at any time, more than once. */
void console_restore(void);
/* Writes all of it to standard output. */
void console_print(const char *text, size_t size);

/* ---- disk.c ---- */

/* Opens the files of the options. Leaves on failure. */
void disk_open(struct vm *vm);
/* Accesses to the registers of a disk that is there. */
uint32_t disk_read(unsigned index, uint64_t offset, unsigned size);
void disk_write(unsigned index, uint64_t offset, uint32_t value);

/* ---- calls.c ---- */

struct test_call {
    uint64_t argument[4];       /* the guest's x1 .. x4 */
    uint64_t answer[4];         /* its x0 .. x3 */
};

/* Does what a test guest asks. */
void calls_do(const struct vm *vm, struct test_call *call);

#endif
