/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers and sizes as domain XML writes them. Pure functions, any thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A decimal number from @minimum to @maximum, without sign or blanks. @what names the element in
 * the error. */
gboolean posada_parse_number (const char *text, guint64 minimum, guint64 maximum, const char *what,
                              guint64 *ret_number, GError **error);

/*
 * A size in bytes: @text times @unit (libvirt's names: b, bytes, KiB or K or k, KB, …, either case
 * but for that; NULL: KiB).
 */
gboolean posada_parse_size (const char *text, const char *unit, guint64 minimum, guint64 maximum,
                            const char *what, guint64 *ret_size, GError **error);

/* For people: in KiB, MiB and so on, without a fraction where there is none, as in “2 GiB”. */
char *posada_format_size (guint64 bytes);

/* "yes" or "on", and "no" or "off"; anything else, and NULL, is @fallback. */
gboolean posada_parse_flag (const char *text, gboolean fallback);

G_END_DECLS
