/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-lock.h"

struct _ConsoleLock {
    const ConsoleLockBackend *backend; /* NULL: none fits */
    gpointer state;
    gboolean active;
};

static const ConsoleLockBackend *const backends[] = {
#ifdef CONSOLE_HAS_WAYLAND
    &console_lock_wayland,
#endif
#ifdef CONSOLE_HAS_X11
    &console_lock_x11,
#endif
    NULL,
};

ConsoleLock *
console_lock_new (GtkWidget *widget, ConsoleLockMotion motion_cb, gpointer data)
{
    ConsoleLock *self = g_new0 (ConsoleLock, 1);

    for (gsize i = 0; backends[i] && !self->backend; i++) {
        self->state = backends[i]->open (widget, motion_cb, data);
        if (self->state)
            self->backend = backends[i];
    }
    return self;
}

void
console_lock_free (ConsoleLock *self)
{
    if (!self)
        return;
    console_lock_end (self);
    if (self->backend)
        self->backend->close (self->state);
    g_free (self);
}

gboolean
console_lock_begin (ConsoleLock *self)
{
    if (!self->active && self->backend)
        self->active = self->backend->begin (self->state);
    return self->active;
}

void
console_lock_end (ConsoleLock *self)
{
    if (!self->active)
        return;
    self->active = FALSE;
    self->backend->end (self->state);
}

gboolean
console_lock_is_active (ConsoleLock *self)
{
    return self->active;
}
