/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The display of a machine that a SPICE server shows: over descriptors or at an address. When the
 * connection is lost the screen goes off and is connected again, a few times; “closed” comes when
 * that is given up. Main thread, whose default context the library runs on.
 */
#pragma once

#include "machine/posada-display.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SPICE_DISPLAY (posada_spice_display_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSpiceDisplay, posada_spice_display, POSADA, SPICE_DISPLAY,
                      PosadaDisplay)

/* Gives a new connection, which is the caller's; -1: the server is gone for good. Does not wait. */
typedef int (*PosadaSpiceConnect) (gpointer data);

/*
 * Beside those of displays there is the property “problem”: a sentence while the connection is
 * lost, or after it failed, else NULL.
 */
PosadaDisplay *
posada_spice_display_new (PosadaSpiceConnect connect, gpointer data, GDestroyNotify destroy);
/* @uri: spice://…, spice+tls://… or spice+unix://…. The others may be NULL; with @subject the
 * server's certificate is known by it, not by the host's name. */
PosadaDisplay *posada_spice_display_new_for_uri (const char *uri, const char *password,
                                                 const char *ca_file, const char *subject);

const char *posada_spice_display_get_problem (PosadaSpiceDisplay *self);
/* Connects again now, if there is a problem. */
void posada_spice_display_reconnect (PosadaSpiceDisplay *self);
/* Disconnects for good, without “closed”. */
void posada_spice_display_disconnect (PosadaSpiceDisplay *self);

G_END_DECLS
