/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Apart from machines: what works on their disks has these errors, too. */
#include "machine/posada-machine.h"

G_DEFINE_QUARK (posada - machine - error - quark, posada_machine_error)
