/* SPDX-License-Identifier: Apache-2.0 */
/* In place of arch/arm64/smmu_access.h: the driver's accesses go to the model of smmu_test.c. */
#ifndef CORDON_SMMU_ACCESS_H
#define CORDON_SMMU_ACCESS_H

#include <stdint.h>

uint32_t smmu_read(uint64_t base, uint32_t offset);
void smmu_write(uint64_t base, uint32_t offset, uint32_t value);
uint64_t *smmu_memory(uint64_t pa);
void smmu_before_register(void);
void smmu_after_register(void);

#endif
