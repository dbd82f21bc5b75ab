/* SPDX-License-Identifier: Apache-2.0 */
/* Arm's PL031, as its manual (DDI 0224) has its registers. */
#include "rtc.h"

enum { R_DATA = 0x00, R_MATCH = 0x04, R_LOAD = 0x08, R_CONTROL = 0x0c, R_MASK = 0x10, R_IDS = 0xfe0, R_END = 0x1000 };

/* PeriphID 0 to 3, PCellID 0 to 3: a word each */
static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

uint32_t rtc_read(const struct rtc *r, uint64_t offset, uint32_t now)
{
    if (offset >= R_IDS && offset < R_END)
        return ids[(offset - R_IDS) / 4];
    switch (offset) {
    case R_DATA:
    case R_LOAD: return now + r->ahead;
    case R_MATCH: return r->match;
    case R_CONTROL: return 1;   /* it runs */
    case R_MASK: return r->mask;
    default: return 0;          /* no interrupt is ever due */
    }
}

void rtc_write(struct rtc *r, uint64_t offset, uint32_t value, uint32_t now)
{
    switch (offset) {
    case R_MATCH: r->match = value; break;
    case R_LOAD: r->ahead = value - now; break;
    case R_MASK: r->mask = value & 1; break;
    default: break;
    }
}
