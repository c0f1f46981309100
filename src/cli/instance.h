/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application, if it runs in this session: the machines that it runs are its to operate. One
 * thread; calls wait for the answer.
 */
#pragma once

#include <gio/gio.h>

#include "machine/posada-remote.h"

typedef struct instance Instance;

/* NULL if none runs, or there is no session bus. Starts neither. */
Instance *instance_find (void);
void instance_free (Instance *instance); /* NULL is fine */

/* “running”, “paused”, …; NULL if that machine does not run there. Valid as long as @instance. */
const char *instance_get_state (Instance *instance, const char *uuid);
gboolean instance_operate (Instance *instance, const char *uuid, const char *verb, GError **error);
/* @words: what to do with a snapshot, as in posada-bus.h. */
gboolean
instance_work_snapshot (Instance *instance, const char *uuid, char **words, GError **error);
/* Of @remote kind, port and password count. */
gboolean instance_set_remote (Instance *instance, const char *uuid, const PosadaRemote *remote,
                              GError **error);
/* A PNG. */
GBytes *instance_take_picture (Instance *instance, const char *uuid, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Instance, instance_free)
