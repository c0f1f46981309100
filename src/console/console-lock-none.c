/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For builds of GTK without Wayland. */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-lock.h"

struct _ConsoleLock {
    GtkWidget *widget;
};

ConsoleLock *
console_lock_new (GtkWidget *widget, void (*motion_cb) (GtkWidget *widget, double dx, double dy))
{
    return g_new0 (ConsoleLock, 1);
}

void
console_lock_free (ConsoleLock *self)
{
    g_free (self);
}

gboolean
console_lock_begin (ConsoleLock *self)
{
    return FALSE;
}

void
console_lock_end (ConsoleLock *self)
{
}

gboolean
console_lock_is_active (ConsoleLock *self)
{
    return FALSE;
}
