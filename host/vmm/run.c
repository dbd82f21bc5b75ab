/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs at work: a thread each, and what their exits ask for. */
#include "run.h"

#include "calls.h"
#include "console.h"
#include "device.h"
#include "guest_calls.h"
#include "machine.h"
#include "message.h"
#include "net.h"
#include "options.h"
#include "ports.h"
#include "rtc.h"
#include "slot.h"
#include "terminal.h"
#include "vm.h"

#include <cordon/abi.h>

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define KICK SIGUSR1                /* brings a vCPU's thread out of KVM_RUN */
#define JOIN_SECONDS 5

/* ---- exits ---- */

/* An address with nothing behind it: reads as zero. Said once. */
static uint64_t no_device(const struct kvm_run *run)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&said))
        tell("the guest %s 0x%llx, where there is nothing; more of these are not told",
             run->mmio.is_write ? "writes to" : "reads from", (unsigned long long)run->mmio.phys_addr);
    return 0;
}

/* Byte registers, one apart: a wider access touches the first of its registers. */
static uint64_t do_uart(const struct kvm_run *run, uint64_t offset, uint64_t value)
{
    if (!run->mmio.is_write)
        return console_read((unsigned)offset);
    console_write((unsigned)offset, (uint8_t)value);
    return 0;
}

static uint64_t do_second_uart(const struct kvm_run *run, uint64_t offset, uint64_t value)
{
    if (!run->mmio.is_write)
        return ports_read((unsigned)offset);
    ports_write((unsigned)offset, (uint8_t)value);
    return 0;
}

static uint64_t do_rtc(const struct kvm_run *run, uint64_t offset, uint64_t value)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct rtc rtc;
    uint32_t now = (uint32_t)time(NULL);
    uint32_t read = 0;

    pthread_mutex_lock(&lock);
    if (run->mmio.is_write)
        rtc_write(&rtc, offset, (uint32_t)value, now);
    else
        read = rtc_read(&rtc, offset, now);
    pthread_mutex_unlock(&lock);
    return read;
}

static uint64_t do_slot(const struct kvm_run *run, uint64_t offset, uint64_t value)
{
    if (!run->mmio.is_write)
        return slot_read(offset, run->mmio.len);
    slot_write(offset, run->mmio.len, (uint32_t)value);
    return 0;
}

static uint64_t do_device(const struct kvm_run *run, uint64_t offset, uint64_t value)
{
    if (!run->mmio.is_write)
        return device_read(offset, run->mmio.len);
    device_write(offset, run->mmio.len, (uint32_t)value);
    return 0;
}

/* Data is in the order of memory: the low byte comes first. */
static void do_mmio(struct vm *vm, struct kvm_run *run)
{
    uint64_t at = run->mmio.phys_addr;
    uint64_t value = 0;

    if (run->mmio.is_write)
        memcpy(&value, run->mmio.data, run->mmio.len <= 8 ? run->mmio.len : 8);
    if (at - UART_BASE < UART_SIZE)
        value = do_uart(run, at - UART_BASE, value);
    else if (vm->options->serial && at - SECOND_UART_BASE < UART_SIZE)
        value = do_second_uart(run, at - SECOND_UART_BASE, value);
    else if (at - RTC_BASE < RTC_SIZE)
        value = do_rtc(run, at - RTC_BASE, value);
    else if (at - VIRTIO_BASE < slot_count() * VIRTIO_SIZE)
        value = do_slot(run, at - VIRTIO_BASE, value);
    else if (vm->options->devices && at - PCI_ECAM_BASE < PCI_ECAM_SIZE)
        value = do_device(run, at - PCI_ECAM_BASE, value);
    else
        value = no_device(run);
    if (!run->mmio.is_write)
        memcpy(run->mmio.data, &value, sizeof(value));
}

static void do_system_event(struct vm *vm, const struct kvm_run *run)
{
    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        notice("the guest powered off");
        vm_end(vm, STATUS_OK);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        notice("the guest asked for a reset");
        vm_end(vm, STATUS_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        complain("the guest says that it crashed");
        vm_end(vm, STATUS_FAILED);
        break;
    default:
        complain("the guest asked for a system event that is not known: %u", run->system_event.type);
        vm_end(vm, STATUS_FAILED);
    }
}

/* The guest's CORDON_GUEST_HOST; its x0 is run->hypercall.ret, x1 .. x3 are args[1] .. args[3]. */
static void do_hypercall(struct vm *vm, struct kvm_run *run)
{
    struct test_call call = { .answer = { (uint64_t)CORDON_NOT_SUPPORTED } };

    memcpy(call.argument, (const void *)run->hypercall.args, sizeof(call.argument));
    if (run->hypercall.nr == CORDON_GUEST_HOST && call.argument[0] == GUEST_CALL_GAVE_BACK)
        call.answer[0] = memory_give_back(&vm->memory, call.argument[1], call.argument[2]) ? 0 : (uint64_t)-EINVAL;
    else if (vm->options->test_calls && run->hypercall.nr == CORDON_GUEST_HOST)
        calls_do(vm, &call);
    run->hypercall.ret = call.answer[0];
    for (unsigned i = 1; i < 4; i++)
        run->hypercall.args[i] = call.answer[i];
}

static void do_exit(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    struct vm *vm = vcpu->vm;

    switch (run->exit_reason) {
    case KVM_EXIT_MMIO: do_mmio(vm, run); return;
    case KVM_EXIT_HYPERCALL: do_hypercall(vm, run); return;
    case KVM_EXIT_SYSTEM_EVENT: do_system_event(vm, run); return;
    case KVM_EXIT_INTR: return;
    case KVM_EXIT_FAIL_ENTRY:
        complain("vCPU %u cannot be entered: hardware reason 0x%llx", vcpu->index,
                 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        complain("vCPU %u cannot go on: KVM's internal error %u", vcpu->index, run->internal.suberror);
        break;
    default:
        complain("vCPU %u: an exit that is not known: %u", vcpu->index, run->exit_reason);
        break;
    }
    vm_end(vm, STATUS_FAILED);
}

/* KVM_RUN failed. */
static void do_failure(struct vcpu *vcpu, int error)
{
    if (error == EINTR || error == EAGAIN)
        return;
    complain("vCPU %u cannot run: %s%s", vcpu->index, strerror(error),
             error == ENOSYS ? "; the guest accessed a device with an instruction that KVM cannot follow" :
             error == ENODEV ? "; Cordon gives this host's guests no such device: dmesg has which, docs/KVM.md why" :
             error == ENOMEM ? "; the host has too little memory for it" :
             error == EFAULT ? "; its memory cannot be had" : "");
    vm_end(vcpu->vm, error == ENODEV ? STATUS_USAGE : STATUS_FAILED);
}

static void *vcpu_thread(void *argument)
{
    struct vcpu *vcpu = argument;

    while (!vm_has_ended(vcpu->vm)) {
        if (ioctl(vcpu->fd, KVM_RUN, NULL) < 0)
            do_failure(vcpu, errno);
        else
            do_exit(vcpu);
    }
    return NULL;
}

/* ---- start and end ---- */

static void on_kick(int number)
{
    (void)number;       /* its arrival is what counts: KVM_RUN returns */
}

/* Signals that end the launcher are taken by the main thread alone, one by one. */
static sigset_t set_signals(void)
{
    struct sigaction kick = { .sa_handler = on_kick };
    sigset_t waited;

    sigaction(KICK, &kick, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&waited);
    sigaddset(&waited, VM_ENDED);
    sigaddset(&waited, SIGINT);
    sigaddset(&waited, SIGTERM);
    sigaddset(&waited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &waited, NULL);
    return waited;
}

static void wait_for_end(struct vm *vm, const sigset_t *waited)
{
    int number;

    while (!vm_has_ended(vm)) {
        if (sigwait(waited, &number) || number == VM_ENDED)
            continue;
        complain("ended by a signal: %s", strsignal(number));
        vm_end(vm, STATUS_FAILED);
    }
}

/* Every vCPU out of the guest. One that does not come within seconds is left to the kernel. */
static void stop_vcpus(struct vm *vm)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += JOIN_SECONDS;
    for (unsigned i = 0; i < vm->options->cpus; i++) {
        if (!vm->vcpu[i].started)
            continue;
        vm->vcpu[i].run->immediate_exit = 1;
        pthread_kill(vm->vcpu[i].thread, KICK);
    }
    for (unsigned i = 0; i < vm->options->cpus; i++)
        if (vm->vcpu[i].started && pthread_timedjoin_np(vm->vcpu[i].thread, NULL, &limit))
            complain("vCPU %u does not stop", i);
}

int run_vm(struct vm *vm)
{
    sigset_t waited = set_signals();
    int error = 0;

    console_start(vm);
    net_start();
    ports_start();
    for (unsigned i = 0; i < vm->options->cpus && !error; i++) {
        error = pthread_create(&vm->vcpu[i].thread, NULL, vcpu_thread, &vm->vcpu[i]);
        vm->vcpu[i].started = !error;
    }
    if (error) {
        complain("cannot start a thread for each vCPU: %s", strerror(error));
        vm_end(vm, STATUS_USAGE);
    }
    wait_for_end(vm, &waited);
    stop_vcpus(vm);
    ports_close();
    terminal_restore();
    return vm->status;
}
