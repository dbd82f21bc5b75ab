/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards: virtio-net devices between the guest and a link. */
#ifndef VMM_NET_H
#define VMM_NET_H

struct vm;

/* Opens the links of the options. Leaves on failure. */
void net_open(struct vm *vm);
/* From here on frames come in. */
void net_start(void);

#endif
