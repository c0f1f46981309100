/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sees to it that no machine ends, and no work on disks, without its user wanting that: what
 * closing the window, quitting, logging out and signals do while machines run here. Uses the
 * actions “app.present” and “app.quit”. Main thread.
 */
#pragma once

#include "app/posada-library.h"
#include "app/posada-window.h"

G_BEGIN_DECLS

#define POSADA_TYPE_LIFECYCLE (posada_lifecycle_get_type ())
G_DECLARE_FINAL_TYPE (PosadaLifecycle, posada_lifecycle, POSADA, LIFECYCLE, GObject)

/* @application is borrowed and outlives it. */
PosadaLifecycle *
posada_lifecycle_new (GtkApplication *application, PosadaLibrary *library, GSettings *settings);

/* A window that is closed is hidden while machines run; @window is borrowed. */
void posada_lifecycle_set_window (PosadaLifecycle *self, PosadaWindow *window);
/* The window is on the screen again. */
void posada_lifecycle_presented (PosadaLifecycle *self);
/* The session ends: machines are saved, if that is preferred, and it is held up meanwhile. */
void posada_lifecycle_end_session (PosadaLifecycle *self);
/* Ends the application, after asking what to do with work that goes on and machines that run. */
void posada_lifecycle_quit (PosadaLifecycle *self);
/* The same without asking, for whoever cannot answer: work is stopped, machines are saved or, if
 * that is not preferred when the session ends, asked to shut down. The second time it does not wait
 * for that. */
void posada_lifecycle_terminate (PosadaLifecycle *self);

G_END_DECLS
