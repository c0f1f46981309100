/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-store-error.h"

G_DEFINE_QUARK (posada - store - error, posada_store_error)
