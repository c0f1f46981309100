/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A look at XML before a parser gets to see it. Any thread.
 */
#pragma once

#include <glib.h>

/*
 * Refuses document types (and with them all entities but the five of XML itself) and what goes
 * beyond the bounds of posada-xml.h. What is not well-formed may pass, and fails in the parser
 * before it gets any further than this did.
 */
gboolean posada_xml_scan (const char *text, gsize length, GError **error);
