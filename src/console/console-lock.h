/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holds the host's pointer in its place while a guest takes motion, not positions, and hands on how
 * it would have moved. Wayland has protocols for that (pointer-constraints-unstable-v1,
 * relative-pointer-unstable-v1); elsewhere, and where the compositor lacks them, there is no lock
 * and the caller makes do with the motion inside its window. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ConsoleLock ConsoleLock;

/* @motion_cb gets motion as the device made it, without the host's acceleration: the guest has its
 * own. */
ConsoleLock *
console_lock_new (GtkWidget *widget, void (*motion_cb) (GtkWidget *widget, double dx, double dy));
void console_lock_free (ConsoleLock *self);

/* FALSE if there is no way to. The widget is mapped and the pointer on it. */
gboolean console_lock_begin (ConsoleLock *self);
/* Leaves nothing behind at the compositor: a forgotten constraint would hold the pointer for ever.
 */
void console_lock_end (ConsoleLock *self);
gboolean console_lock_is_active (ConsoleLock *self);

G_END_DECLS
