/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holds the host's pointer in its place while a guest takes motion, not positions, and hands on how
 * it would have moved. There is one back end for each window system, chosen at run time; where none
 * fits, and where a compositor lacks the protocols, there is no lock and the caller makes do with
 * the motion inside its window. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ConsoleLock ConsoleLock;

/* Motion as the device made it, without the host's acceleration: the guest has its own. */
typedef void (*ConsoleLockMotion) (gpointer data, double dx, double dy);

/* The widget is mapped and outlives the lock. */
ConsoleLock *console_lock_new (GtkWidget *widget, ConsoleLockMotion motion_cb, gpointer data);
void console_lock_free (ConsoleLock *self);

/* FALSE if there is no way to. The widget is mapped and the pointer on it. */
gboolean console_lock_begin (ConsoleLock *self);
/* Leaves nothing behind at the window system: a forgotten lock would hold the pointer for ever. */
void console_lock_end (ConsoleLock *self);
gboolean console_lock_is_active (ConsoleLock *self);

/* What a back end implements; @state is its own. */
typedef struct {
    /* NULL if @widget is on another window system. */
    gpointer (*open) (GtkWidget *widget, ConsoleLockMotion motion_cb, gpointer data);
    void (*close) (gpointer state); /* not while locked */
    gboolean (*begin) (gpointer state);
    void (*end) (gpointer state);
} ConsoleLockBackend;

extern const ConsoleLockBackend console_lock_wayland, console_lock_x11;

G_END_DECLS
