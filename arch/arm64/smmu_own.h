/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that is not as the host's others: a VM's, or on its way there or back. How an entry is changed while the SMMU may
 * read it is Arm IHI 0070, 3.21.3: it is made invalid, the SMMU forgets it, the rest is filled in, it is made valid, the SMMU
 * forgets that it was not. An SMMU that is cut off, or whose streams are all closed, opens none.
 *
 * MUST_USE: false, it does not obey, and must be given up (smmu_cut()).
 */
#ifndef CORDON_SMMU_OWN_H
#define CORDON_SMMU_OWN_H

#include "smmu_format.h"
#include "smmu_queue.h"
#include "smmu_state.h"

/* Whether a stream is one of the host's that this SMMU can have walk a VM's table of that shape. vmids: the VMs' are below. */
bool smmu_can_give(const struct smmu *s, uint32_t stream, const struct smmu_translation *t, uint32_t vmids);

/*
 * A stream whose bus has a table of its own (smmu_streams_own()) is aborted; what was under way by it is over. vmid: the SMMU has
 * forgotten all of that VM's translations as well; 0: of none.
 */
bool MUST_USE smmu_own_close(struct smmu *s, uint32_t stream, uint32_t vmid);

/* It is closed, and gets translation t of stage 2. */
bool MUST_USE smmu_own_open(struct smmu *s, uint32_t stream, struct smmu_translation t);

/* It is closed, gets translation t, the host's, and its bus has one stream less of its own. */
bool MUST_USE smmu_own_return(struct smmu *s, uint32_t stream, struct smmu_translation t);

#endif
