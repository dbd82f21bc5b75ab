/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_el2.h"

struct cordon machine;
