/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a whole qcow2 image from its front to its end: the guest's clusters in ascending order,
 * compressed if that is wanted and makes them smaller, then the tables, and the header last,
 * without which the file is no image. So there is no order to be kept and nothing to be read again,
 * but nothing of a half written file is of any use. One thread at a time.
 */
#pragma once

#include "block/qcow2.h"

struct qcow2_build {
    struct blk_file *file;
    struct qcow2_header header; /* as it is to become */
    bool compress;
    uint64_t cluster_size;
    uint64_t cursor; /* bytes: where the next one goes */
    uint64_t *l1;
    unsigned char *l2; /* the table under way, as it is in the file … */
    uint32_t l1_index; /* … of this entry */
    bool l2_used;
    uint16_t *counts; /* of the clusters of the file */
    uint64_t room;    /* of these */
    unsigned char *packed;
};

/* Of @header .size, .cluster_bits, .compression (of what is compressed, if @compress) and .backing*
 * count. @file, which is empty, is the caller's. In failure, too, qcow2_build_fini () releases
 * everything. */
int qcow2_build_init (struct qcow2_build *self, struct blk_file *file,
                      const struct qcow2_header *header, bool compress);
void qcow2_build_fini (struct qcow2_build *self);
/* The guest's cluster @number, behind all that were put before, is @cluster. */
int qcow2_build_put (struct qcow2_build *self, uint64_t number, const void *cluster);
/* The same; it is zeroes, whatever the image is based on. */
int qcow2_build_put_zeroes (struct qcow2_build *self, uint64_t number);
/* The image is complete, though perhaps not on stable storage. */
int qcow2_build_finish (struct qcow2_build *self);
