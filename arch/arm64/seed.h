/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader gives by way of random numbers: /chosen's rng-seed and kaslr-seed. They are Cordon's; the host finds
 * others in their places, of which Cordon's cannot be guessed. No part of the machine is needed: test/boot/plan_test.c.
 */
#ifndef CORDON_SEED_H
#define CORDON_SEED_H

#include "fdt.h"
#include "base/generator.h"

/* Mixes all of them in. How many bytes came that are worth something: those of a seed of zeros are not. */
uint32_t seed_take(const struct fdt *f, struct generator *g);

/* The host's: drawn anew, as long as they were. */
void seed_replace(const struct fdt *f, struct generator *g);

#endif
