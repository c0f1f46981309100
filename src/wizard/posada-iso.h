/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether an ISO 9660 image is whole and can be started from. Reads a few sectors, blocking.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* FALSE with a sentence if it is no such image, ends too early, or starts no PC. */
gboolean posada_iso_check (int fd, gboolean *ret_bios, gboolean *ret_efi, GError **error);

G_END_DECLS
