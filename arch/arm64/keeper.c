/* SPDX-License-Identifier: Apache-2.0 */
/* What the core wants for attestation: what was handed over, and which guest signs, as it was known when this was built. */
#include "guest/attest.h"
#include "root.h"

/* Four words in the order of memory: scripts/host/build-keeper. */
static const uint64_t keeper[] = { CORDON_KEEPER };
static uint64_t serving;

_Static_assert(sizeof keeper == 32 && ROOT_SECRET == ATTEST_SECRET, "a measurement, and a secret");

bool arch_attest_root(const struct cordon *c, struct attest_root *r)
{
    (void)c;
    *r = (struct attest_root){ root.attest, root.seal, root.chain, root.chain_size, keeper, &serving };
    return root.chain_size != 0;
}
