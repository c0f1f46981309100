/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-resize.h"

#include <stdlib.h>
#include <string.h>

#define MIN_WIDTH    320u
#define MIN_HEIGHT   200u
#define MAX_SIZE     8192u
#define MAX_REFUSALS 2
/* Guests round sizes to what their mode timings can express. */
#define TOLERANCE 8

void
console_resize_init (ConsoleResize *self)
{
    memset (self, 0, sizeof (*self));
}

static void
stop (ConsoleResize *self)
{
    g_clear_handle_id (&self->rest_source, g_source_remove);
    g_clear_handle_id (&self->answer_source, g_source_remove);
    self->in_flight = FALSE;
    self->refusals = 0;
    self->asked_width = self->asked_height = 0;
}

void
console_resize_fini (ConsoleResize *self)
{
    stop (self);
    g_clear_object (&self->display);
}

static void ask (ConsoleResize *self);

static gboolean
answer_cb (gpointer data)
{
    ConsoleResize *self = data;

    self->answer_source = 0;
    self->in_flight = FALSE;
    self->refusals++;
    ask (self);
    return G_SOURCE_REMOVE;
}

static void
ask (ConsoleResize *self)
{
    if (!self->enabled || !self->display || self->in_flight || self->rest_source ||
        self->wanted_width == 0 || self->refusals >= MAX_REFUSALS)
        return;
    if (self->wanted_width == self->asked_width && self->wanted_height == self->asked_height)
        return;
    self->asked_width = self->wanted_width;
    self->asked_height = self->wanted_height;
    if (posada_display_get_width (self->display) == self->asked_width &&
        posada_display_get_height (self->display) == self->asked_height)
        return;
    self->in_flight = TRUE;
    self->answer_source = g_timeout_add (CONSOLE_RESIZE_ANSWER_MS, answer_cb, self);
    posada_display_suggest_size (self->display, self->asked_width, self->asked_height);
}

static gboolean
rest_cb (gpointer data)
{
    ConsoleResize *self = data;

    self->rest_source = 0;
    ask (self);
    return G_SOURCE_REMOVE;
}

static void
rest (ConsoleResize *self)
{
    g_clear_handle_id (&self->rest_source, g_source_remove);
    if (self->enabled && self->display && self->wanted_width > 0)
        self->rest_source = g_timeout_add (CONSOLE_RESIZE_REST_MS, rest_cb, self);
}

void
console_resize_set_display (ConsoleResize *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    stop (self);
    g_set_object (&self->display, display);
    rest (self);
}

void
console_resize_set_enabled (ConsoleResize *self, gboolean enabled)
{
    if (self->enabled == enabled)
        return;
    self->enabled = enabled;
    stop (self);
    rest (self);
}

void
console_resize_set_room (ConsoleResize *self, guint width, guint height)
{
    width = CLAMP (width, MIN_WIDTH, MAX_SIZE);
    height = CLAMP (height, MIN_HEIGHT, MAX_SIZE);
    if (self->wanted_width == width && self->wanted_height == height)
        return;
    self->wanted_width = width;
    self->wanted_height = height;
    rest (self);
}

static gboolean
is_near (guint a, guint b)
{
    return (a > b ? a - b : b - a) <= TOLERANCE;
}

void
console_resize_size_changed (ConsoleResize *self)
{
    guint width, height;

    if (!self->display)
        return;
    width = posada_display_get_width (self->display);
    height = posada_display_get_height (self->display);
    if (self->in_flight) {
        if (!is_near (width, self->asked_width) || !is_near (height, self->asked_height))
            return;
        self->in_flight = FALSE;
        self->refusals = 0;
        g_clear_handle_id (&self->answer_source, g_source_remove);
        ask (self);
        return;
    }
    /* A mode of the guest's own. If it never followed, this may be the driver that will. */
    if (self->refusals > 0 && width > 0) {
        self->refusals = 0;
        self->asked_width = self->asked_height = 0;
        rest (self);
    }
}
