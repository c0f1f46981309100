/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control sockets of machines that run in processes of their own: one in the user's runtime
 * folder for each, which is gone when the machine is off. What can be said there is told by
 * posada(1). Blocking, any thread.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define POSADA_CONTROL_MAX_ANSWER 65536

/* The folder of all sockets, to be watched; it may not be there yet. */
char *posada_control_get_folder (void);
char *posada_control_get_path (const char *uuid);
/* The machine of a socket called @name, or NULL. */
char *posada_control_get_uuid (const char *name);

/* Sends @command, one line without its newline, and waits for the answer, a line of JSON, for at
 * most half a minute. G_IO_ERROR_NOT_FOUND if nobody listens. */
char *posada_control_talk (const char *uuid, const char *command, GError **error);
/* As posada_control_talk (), where a machine that says no is an error with what it says. */
gboolean posada_control_order (const char *uuid, const char *command, GError **error);

/* Of a one-line JSON object as posada run writes it: a string member, NULL if there is none, and a
 * number, 0 if there is none. */
char *posada_control_get_string (const char *json, const char *key);
guint64 posada_control_get_number (const char *json, const char *key);

G_END_DECLS
