/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spice-viewer.h"

#include <string.h>

#define PATIENCE (20 * G_USEC_PER_SEC)

static void
primary_created_cb (SpiceChannel *channel, int format, int width, int height, int stride, int shmid,
                    gpointer pixels, SpiceViewer *self)
{
    self->pixels = pixels;
    self->width = width;
    self->height = height;
    self->stride = stride;
}

static void
primary_destroyed_cb (SpiceChannel *channel, SpiceViewer *self)
{
    self->pixels = NULL;
    self->width = self->height = 0;
}

static void
marked_cb (SpiceChannel *channel, int mark, SpiceViewer *self)
{
    self->marked = mark;
}

static void
invalidated_cb (SpiceChannel *channel, int x, int y, int width, int height, SpiceViewer *self)
{
    self->n_invalidated++;
    self->x = x;
    self->y = y;
    self->area_width = width;
    self->area_height = height;
}

static void
cursor_cb (SpiceChannel *channel, GParamSpec *pspec, SpiceViewer *self)
{
    self->n_cursor_sets++;
}

static void
cursor_hidden_cb (SpiceChannel *channel, SpiceViewer *self)
{
    self->n_cursor_hides++;
}

static void
cursor_moved_cb (SpiceChannel *channel, int x, int y, SpiceViewer *self)
{
    self->n_cursor_moves++;
    self->cursor_x = x;
    self->cursor_y = y;
}

static void
mouse_mode_cb (SpiceChannel *channel, SpiceViewer *self)
{
    g_object_get (channel, "mouse-mode", &self->mouse_mode, NULL);
}

static void
channel_event_cb (SpiceChannel *channel, SpiceChannelEvent event, SpiceViewer *self)
{
    switch (event) {
    case SPICE_CHANNEL_OPENED:
        if (SPICE_IS_INPUTS_CHANNEL (channel))
            self->inputs = SPICE_INPUTS_CHANNEL (channel);
        self->main_opened |= SPICE_IS_MAIN_CHANNEL (channel);
        break;
    case SPICE_CHANNEL_ERROR_AUTH: self->auth_failed = TRUE; break;
    case SPICE_CHANNEL_NONE:
    case SPICE_CHANNEL_SWITCHING: break;
    default: self->closed = TRUE;
    }
}

static void
open_fd_cb (SpiceChannel *channel, int with_tls, SpiceViewer *self)
{
    spice_channel_open_fd (channel, self->connect (self->data));
}

static void
channel_new_cb (SpiceSession *session, SpiceChannel *channel, SpiceViewer *self)
{
    g_signal_connect (channel, "channel-event", G_CALLBACK (channel_event_cb), self);
    if (self->connect)
        g_signal_connect (channel, "open-fd", G_CALLBACK (open_fd_cb), self);
    if (SPICE_IS_MAIN_CHANNEL (channel)) {
        self->main = SPICE_MAIN_CHANNEL (channel);
        g_signal_connect (channel, "main-mouse-update", G_CALLBACK (mouse_mode_cb), self);
        return;
    }
    if (SPICE_IS_DISPLAY_CHANNEL (channel)) {
        self->display = SPICE_DISPLAY_CHANNEL (channel);
        g_signal_connect (channel, "display-primary-create", G_CALLBACK (primary_created_cb), self);
        g_signal_connect (channel, "display-primary-destroy", G_CALLBACK (primary_destroyed_cb),
                          self);
        g_signal_connect (channel, "display-mark", G_CALLBACK (marked_cb), self);
        g_signal_connect (channel, "display-invalidate", G_CALLBACK (invalidated_cb), self);
    } else if (SPICE_IS_CURSOR_CHANNEL (channel)) {
        self->cursor = SPICE_CURSOR_CHANNEL (channel);
        g_signal_connect (channel, "notify::cursor", G_CALLBACK (cursor_cb), self);
        g_signal_connect (channel, "cursor-hide", G_CALLBACK (cursor_hidden_cb), self);
        g_signal_connect (channel, "cursor-move", G_CALLBACK (cursor_moved_cb), self);
    } else if (!SPICE_IS_INPUTS_CHANNEL (channel))
        return;
    spice_channel_connect (channel);
}

static void
channel_destroy_cb (SpiceSession *session, SpiceChannel *channel, SpiceViewer *self)
{
    g_signal_handlers_disconnect_by_data (channel, self);
    if ((gpointer) channel == self->display) {
        self->display = NULL;
        self->pixels = NULL;
    }
    if ((gpointer) channel == self->inputs)
        self->inputs = NULL;
    if ((gpointer) channel == self->cursor)
        self->cursor = NULL;
    if ((gpointer) channel == self->main)
        self->main = NULL;
}

static SpiceViewer *
new_viewer (void)
{
    SpiceViewer *self = g_new0 (SpiceViewer, 1);

    self->session = spice_session_new ();
    g_object_set (self->session, "enable-audio", FALSE, "enable-usbredir", FALSE,
                  "enable-smartcard", FALSE, NULL);
    g_signal_connect (self->session, "channel-new", G_CALLBACK (channel_new_cb), self);
    g_signal_connect (self->session, "channel-destroy", G_CALLBACK (channel_destroy_cb), self);
    return self;
}

SpiceViewer *
spice_viewer_new (int (*connect) (void *data), void *data)
{
    SpiceViewer *self = new_viewer ();

    self->connect = connect;
    self->data = data;
    spice_session_open_fd (self->session, connect (data));
    return self;
}

SpiceViewer *
spice_viewer_new_for_uri (const char *uri, const char *password, const char *ca_file,
                          const char *subject)
{
    SpiceViewer *self = new_viewer ();

    g_object_set (self->session, "uri", uri, NULL);
    if (password)
        g_object_set (self->session, "password", password, NULL);
    if (ca_file)
        g_object_set (self->session, "ca-file", ca_file, NULL);
    if (subject)
        g_object_set (self->session, "cert-subject", subject, "verify",
                      SPICE_SESSION_VERIFY_SUBJECT, NULL);
    spice_session_connect (self->session);
    return self;
}

void
spice_viewer_free (SpiceViewer *self)
{
    spice_session_disconnect (self->session);
    g_signal_handlers_disconnect_by_data (self->session, self);
    if (self->main)
        g_signal_handlers_disconnect_by_data (self->main, self);
    if (self->display)
        g_signal_handlers_disconnect_by_data (self->display, self);
    if (self->inputs)
        g_signal_handlers_disconnect_by_data (self->inputs, self);
    if (self->cursor)
        g_signal_handlers_disconnect_by_data (self->cursor, self);
    /* Its channels end in coroutines that still look at it. */
    for (int i = 0; i < 20; i++) {
        while (g_main_context_iteration (NULL, FALSE))
            ;
        g_usleep (1000);
    }
    g_object_unref (self->session);
    while (g_main_context_iteration (NULL, FALSE))
        ;
    g_free (self);
}

guint32
spice_viewer_get_pixel (SpiceViewer *self, int x, int y)
{
    return *(const guint32 *) (const void *) ((const char *) self->pixels +
                                              (gssize) y * self->stride + (gssize) x * 4) &
           0xFFFFFF;
}

SpiceCursorShape *
spice_viewer_get_cursor (SpiceViewer *self)
{
    SpiceCursorShape *shape = NULL;

    if (self->cursor)
        g_object_get (self->cursor, "cursor", &shape, NULL);
    return shape;
}

static gboolean
wake_cb (gpointer data)
{
    return G_SOURCE_CONTINUE;
}

gboolean
spice_viewer_wait (gboolean (*is_done) (void *data), void *data)
{
    gint64 end = g_get_monotonic_time () + PATIENCE;
    guint id = g_timeout_add (5, wake_cb, NULL);
    gboolean done;

    while (!(done = is_done (data)) && g_get_monotonic_time () < end) {
        g_main_context_iteration (NULL, TRUE);
        /* What is idle has its turn, too. */
        for (int i = 0; i < 100 && g_main_context_iteration (NULL, FALSE); i++)
            ;
    }
    g_source_remove (id);
    return done;
}
