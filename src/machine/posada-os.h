/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What systems are called, from libosinfo's identifiers, such as “http://debian.org/debian/13”.
 * Reading its database takes a good part of a second and tens of megabytes, so that names once
 * found are kept in a file of the user's cache. Main thread; the reading is done on another.
 */
#pragma once

#include <libdex.h>

G_BEGIN_DECLS

/* Resolves to the name; rejects with G_IO_ERROR_NOT_FOUND if nobody knows it. */
DexFuture *posada_os_find_name (const char *os_id);

G_END_DECLS
