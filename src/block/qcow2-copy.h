/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of whole qcow2 images by our own driver: of those that no other program can read, because
 * they, or what they are based on, are based on a snapshot. Blocks; any thread that may wait.
 */
#pragma once

#include "block/convert.h"
#include "block/qcow2.h"

/* Whether @image, or anything that it is based on, is based on a snapshot. */
bool qcow2_is_on_snapshot (const struct qcow2 *image);
/* Writes what @wish says of @from, which is its source, into @to, which is empty. -ECANCELED, or
 * what the host says. */
int qcow2_copy (struct qcow2 *from, const struct blk_conversion *wish, struct blk_file *to);
