/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Installation images that this user may be about to use: those in the folder of downloads, and
 * those used lately. Main thread; folders are read on another.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

G_BEGIN_DECLS

/* Resolves to a GPtrArray of GFileInfo, the latest first: standard::name, standard::size, and the
 * attribute POSADA_RECENT_FILE, a GFile. Never rejects. */
#define POSADA_RECENT_FILE "posada::file"
DexFuture *posada_recent_find (void);

G_END_DECLS
