/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/cordon-vms. */
#ifndef CORDON_KVM_LIST_H
#define CORDON_KVM_LIST_H

/* When the module comes and goes. */
int list_init(void);
void list_exit(void);

#endif
