/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PL031 clock as a guest's driver sees it: seconds since 1970, which the guest may set for itself. No alarm. It knows no machine: the
 * host's time comes with each access.
 */
#ifndef VMM_RTC_H
#define VMM_RTC_H

#include <stdint.h>

struct rtc {
    uint32_t ahead;             /* of the host's time: what the guest has set */
    uint32_t match, mask;
};

uint32_t rtc_read(const struct rtc *r, uint64_t offset, uint32_t now);
void rtc_write(struct rtc *r, uint64_t offset, uint32_t value, uint32_t now);

#endif
