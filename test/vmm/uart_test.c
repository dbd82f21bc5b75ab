/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's serial port by itself: what Linux's 8250 driver relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uart.h"

static void what_is_written_goes_out_at_once(void **state)
{
    struct uart u = { 0 };

    (void)state;
    assert_int_equal(uart_write(&u, UART_DATA, 'a'), 'a');
    assert_int_equal(uart_read(&u, UART_LSR) & UART_LSR_SENT, UART_LSR_SENT);
    assert_int_equal(uart_write(&u, UART_SCR, 0x5a), -1);
    assert_int_equal(uart_read(&u, UART_SCR), 0x5a);
}

static void with_dlab_the_first_two_are_the_divisor(void **state)
{
    struct uart u = { 0 };

    (void)state;
    uart_write(&u, UART_LCR, UART_LCR_DLAB | 3);
    assert_int_equal(uart_write(&u, UART_DATA, 12), -1);
    uart_write(&u, UART_IER, 34);
    assert_int_equal(uart_read(&u, UART_DATA), 12);
    assert_int_equal(uart_read(&u, UART_IER), 34);
    uart_write(&u, UART_LCR, 3);
    assert_int_equal(uart_read(&u, UART_IER), 0);
    assert_int_equal(uart_write(&u, UART_DATA, 12), 12);
}

/* The driver tests for a port that does not do this, and then polls it. */
static void the_send_interrupt_comes_again_each_time_it_is_enabled(void **state)
{
    struct uart u = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        uart_write(&u, UART_IER, UART_IER_SEND);
        assert_true(uart_interrupt(&u));
        assert_int_equal(uart_read(&u, UART_IIR) & 0xf, UART_IIR_SEND);
        assert_false(uart_interrupt(&u));
        assert_int_equal(uart_read(&u, UART_IIR) & 0xf, UART_IIR_NONE);
        uart_write(&u, UART_IER, 0);
    }
    uart_write(&u, UART_IER, UART_IER_SEND);
    (void)uart_read(&u, UART_IIR);
    uart_write(&u, UART_DATA, 'x');
    assert_true(uart_interrupt(&u));
    uart_write(&u, UART_IER, 0);
    assert_false(uart_interrupt(&u));
}

static void nothing_is_received_before_the_driver_takes_interrupts(void **state)
{
    struct uart u = { 0 };

    (void)state;
    assert_false(uart_ready(&u));
    uart_write(&u, UART_IER, UART_IER_RECEIVE);
    assert_true(uart_ready(&u));
    uart_receive(&u, 'a');
    assert_false(uart_ready(&u));                       /* no FIFO: one byte */
    uart_write(&u, UART_IIR, UART_FCR_ENABLE);
    assert_true(uart_ready(&u));
    assert_int_equal(uart_read(&u, UART_DATA), 'a');    /* what was there stays */
}

static void bytes_come_in_their_order_and_no_more_than_fit(void **state)
{
    struct uart u = { 0 };

    (void)state;
    uart_write(&u, UART_IIR, UART_FCR_ENABLE);
    uart_write(&u, UART_IER, UART_IER_RECEIVE);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < UART_FIFO; i++) {
            assert_true(uart_ready(&u));
            uart_receive(&u, (uint8_t)(i + 1));
        }
        assert_false(uart_ready(&u));
        assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_RECEIVE);
        for (unsigned i = 0; i < UART_FIFO; i++) {
            assert_true(uart_interrupt(&u));
            assert_int_equal(uart_read(&u, UART_LSR) & UART_LSR_READY, UART_LSR_READY);
            assert_int_equal(uart_read(&u, UART_DATA), i + 1);
        }
        assert_false(uart_interrupt(&u));
        assert_int_equal(uart_read(&u, UART_LSR) & UART_LSR_READY, 0);
    }
    uart_receive(&u, 7);
    uart_write(&u, UART_IIR, UART_FCR_ENABLE | UART_FCR_CLEAR_RECEIVE);
    assert_false(uart_interrupt(&u));
}

/* The driver looks for a port in this way. */
static void the_loop_brings_back_what_is_sent(void **state)
{
    struct uart u = { 0 };

    (void)state;
    assert_int_equal(uart_read(&u, UART_MSR), UART_MSR_PEER);
    uart_write(&u, UART_MCR, UART_MCR_LOOP | 0x0a);
    assert_int_equal(uart_read(&u, UART_MSR) & 0xf0, 0x90);
    for (unsigned i = 0; i < 2 * UART_FIFO; i++)
        assert_int_equal(uart_write(&u, UART_DATA, (uint8_t)i), -1);
    assert_int_equal(uart_read(&u, UART_DATA), 0);
    assert_int_equal(uart_read(&u, UART_DATA), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_goes_out_at_once),
        cmocka_unit_test(with_dlab_the_first_two_are_the_divisor),
        cmocka_unit_test(the_send_interrupt_comes_again_each_time_it_is_enabled),
        cmocka_unit_test(nothing_is_received_before_the_driver_takes_interrupts),
        cmocka_unit_test(bytes_come_in_their_order_and_no_more_than_fit),
        cmocka_unit_test(the_loop_brings_back_what_is_sent),
    };

    return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
