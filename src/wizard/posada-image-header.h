/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the first bytes of a file say it is. Used once, when a machine is made of it; from then on
 * the machine's definition says the format, because what is in a raw image is the guest's to write.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    gboolean iso;
    gboolean kernel;      /* Linux for x86-64: a bzImage or an ELF program */
    gboolean boot_sector; /* or a partition table */
    gboolean qcow2;
    gboolean has_base;   /* of qcow2 */
    const char *foreign; /* name of a format that no machine here has; NULL: none */
} PosadaImageHeader;

/* Blocks. What cannot be read is none of these. */
void posada_image_header_read (PosadaImageHeader *self, int fd);
gboolean posada_image_is_named_qcow2 (const char *path);

G_END_DECLS
