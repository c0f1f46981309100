/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes on in this process for longer than a moment, and is undone when that ends: copying a
 * disk, compacting one. Whoever begins such work says so here and ends it when it is done, so that
 * quitting can tell what it would cut off, wait for it, or cancel it. Main thread.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define POSADA_TYPE_WORK (posada_work_get_type ())
G_DECLARE_FINAL_TYPE (PosadaWork, posada_work, POSADA, WORK, GObject)

/* Each is handed what the work was begun with, and not after its end. */
typedef struct {
    double (*get_progress) (gpointer data); /* 0–1; negative: nobody knows */
    void (*cancel) (gpointer data);         /* soon it ends; NULL: it cannot be */
} PosadaWorkHooks;

/* Of PosadaWork, in the order of their beginnings: those that have not ended. Borrowed, always the
 * same. */
GListModel *posada_work_get_list (void);

/* @title is a sentence without its stop, as in “Compacting “disk.qcow2””; @hooks outlives it. */
PosadaWork *posada_work_begin (const char *title, const PosadaWorkHooks *hooks, gpointer data);
/* Takes it; NULL does nothing. */
void posada_work_end (PosadaWork *self);

const char *posada_work_get_title (PosadaWork *self);
double posada_work_get_progress (PosadaWork *self);
gboolean posada_work_can_cancel (PosadaWork *self);
void posada_work_cancel (PosadaWork *self);

G_END_DECLS
