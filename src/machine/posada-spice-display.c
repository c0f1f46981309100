/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library draws into the picture on this very thread, so it is copied right out of there; there
 * is no shadow in between. Every connection is a session of its own: a lost one is not mended but
 * replaced.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-spice-display.h"

#include <glib/gi18n.h>
#include <spice-client.h>
#include <string.h>

#include "machine/posada-spice-input.h"

#define MAX_SIZE     8192
#define MAX_ATTEMPTS 5
#define FIRST_DELAY  300 /* ms; twice as long after each attempt */
/* The library's channels end in coroutines that still look at their session. */
#define SESSION_END 2

struct _PosadaSpiceDisplay {
    PosadaDisplay parent_instance;

    PosadaSpiceConnect connect;
    gpointer data;
    GDestroyNotify destroy;
    char *uri, *password, *ca_file, *subject;

    SpiceSession *session; /* NULL while not connected */
    GPtrArray *channels;   /* all that we listen to */
    SpiceMainChannel *main;
    SpiceDisplayChannel *display;
    SpiceCursorChannel *cursor_channel;
    char *problem;
    guint n_attempts, retry_id, news_id;

    const guint8 *pixels; /* the library's; NULL: no picture */
    int format, stride, surface_width, surface_height;
    PosadaRectangle area;   /* of the surface that is our screen */
    PosadaRectangle damage; /* in it; no width: none */

    PosadaCursor *cursor; /* shown, or to be shown again */
    PosadaSpiceInput input;
};

G_DEFINE_FINAL_TYPE (PosadaSpiceDisplay, posada_spice_display, POSADA_TYPE_DISPLAY)

enum {
    PROP_0,
    PROP_PROBLEM,
    N_PROPS,
};

static GParamSpec *properties[N_PROPS];

static void open_session (PosadaSpiceDisplay *self);

/* --- the picture --- */

static gboolean
news_cb (gpointer data)
{
    PosadaSpiceDisplay *self = data;

    self->news_id = 0;
    posada_display_emit_damaged (POSADA_DISPLAY (self));
    return G_SOURCE_REMOVE;
}

static void
tell_damage (PosadaSpiceDisplay *self)
{
    if (self->damage.width && !self->news_id)
        self->news_id = g_idle_add_full (G_PRIORITY_DEFAULT, news_cb, self, NULL);
}

/* @x, @y: on the surface. */
static void
add_damage (PosadaSpiceDisplay *self, int x, int y, int width, int height)
{
    PosadaRectangle *damage = &self->damage;
    int left = MAX (x - self->area.x, 0), top = MAX (y - self->area.y, 0);
    int right = MIN (x + width - self->area.x, self->area.width);
    int bottom = MIN (y + height - self->area.y, self->area.height);

    if (left >= right || top >= bottom)
        return;
    if (damage->width) {
        left = MIN (left, damage->x);
        top = MIN (top, damage->y);
        right = MAX (right, damage->x + damage->width);
        bottom = MAX (bottom, damage->y + damage->height);
    }
    *damage = (PosadaRectangle) {left, top, right - left, bottom - top};
}

static guint32
widen (guint value, guint bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static void
copy_row (PosadaSpiceDisplay *self, const guint8 *from, guint32 *to, int width)
{
    for (int i = 0; i < width; i++) {
        guint32 pixel;

        if (self->format == SPICE_SURFACE_FMT_32_xRGB ||
            self->format == SPICE_SURFACE_FMT_32_ARGB) {
            memcpy (&pixel, from + 4 * i, 4);
        } else {
            guint16 word;
            guint green_bits = self->format == SPICE_SURFACE_FMT_16_565 ? 6 : 5;

            memcpy (&word, from + 2 * i, 2);
            pixel = widen (word >> (5 + green_bits) & 31, 5) << 16 |
                    widen (word >> 5 & ((1u << green_bits) - 1), green_bits) << 8 |
                    widen (word & 31, 5);
        }
        to[i] = pixel | 0xff000000;
    }
}

static gboolean
spice_display_read_damage (PosadaDisplay *display, guint32 *pixels, guint stride,
                           PosadaRectangle *ret_damage)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (display);
    PosadaRectangle damage = self->damage;
    gsize bytes =
        self->format == SPICE_SURFACE_FMT_32_xRGB || self->format == SPICE_SURFACE_FMT_32_ARGB ? 4
                                                                                               : 2;

    if (!self->pixels || !damage.width)
        return FALSE;
    for (int y = damage.y; y < damage.y + damage.height; y++)
        copy_row (self,
                  self->pixels + (gssize) (self->area.y + y) * self->stride +
                      (gsize) (self->area.x + damage.x) * bytes,
                  (guint32 *) (gpointer) ((char *) pixels + (gsize) y * stride) + damage.x,
                  damage.width);
    self->damage = (PosadaRectangle) {0};
    *ret_damage = damage;
    return TRUE;
}

static void
spice_display_request_frame (PosadaDisplay *display)
{
    tell_damage (POSADA_SPICE_DISPLAY (display));
}

static void
spice_display_damage_all (PosadaDisplay *display)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (display);

    self->damage = (PosadaRectangle) {0, 0, self->area.width, self->area.height};
}

/* Looks which part of the surface is the first monitor's. */
static void
update_area (PosadaSpiceDisplay *self)
{
    PosadaRectangle area = {0, 0, self->surface_width, self->surface_height};
    g_autoptr (GArray) monitors = NULL;

    if (self->pixels)
        g_object_get (self->display, "monitors", &monitors, NULL);
    if (monitors && monitors->len > 0) {
        const SpiceDisplayMonitorConfig *monitor =
            &g_array_index (monitors, SpiceDisplayMonitorConfig, 0);

        if (monitor->width && monitor->height &&
            monitor->x + (guint64) monitor->width <= (guint) area.width &&
            monitor->y + (guint64) monitor->height <= (guint) area.height)
            area = (PosadaRectangle) {(int) monitor->x, (int) monitor->y, (int) monitor->width,
                                      (int) monitor->height};
    }
    self->area = area;
    self->damage = (PosadaRectangle) {0, 0, area.width, area.height};
    posada_display_set_size (POSADA_DISPLAY (self), (guint) area.width, (guint) area.height);
    tell_damage (self);
}

static void
primary_created_cb (SpiceChannel *channel, int format, int width, int height, int stride, int shmid,
                    gpointer pixels, PosadaSpiceDisplay *self)
{
    gboolean known = format == SPICE_SURFACE_FMT_32_xRGB || format == SPICE_SURFACE_FMT_32_ARGB ||
                     format == SPICE_SURFACE_FMT_16_555 || format == SPICE_SURFACE_FMT_16_565;
    gboolean fits = width > 0 && height > 0 && width <= MAX_SIZE && height <= MAX_SIZE;

    if (!known || !fits)
        g_message ("a screen of %d × %d pixels, format %d, cannot be shown", width, height, format);
    self->pixels = known && fits ? pixels : NULL;
    self->format = format;
    self->stride = stride;
    self->surface_width = self->pixels ? width : 0;
    self->surface_height = self->pixels ? height : 0;
    update_area (self);
}

static void
forget_picture (PosadaSpiceDisplay *self)
{
    self->pixels = NULL;
    self->surface_width = self->surface_height = 0;
    update_area (self);
}

static void
primary_destroyed_cb (SpiceChannel *channel, PosadaSpiceDisplay *self)
{
    forget_picture (self);
}

static void
monitors_cb (SpiceChannel *channel, GParamSpec *pspec, PosadaSpiceDisplay *self)
{
    update_area (self);
}

static void
invalidated_cb (SpiceChannel *channel, int x, int y, int width, int height,
                PosadaSpiceDisplay *self)
{
    add_damage (self, x, y, width, height);
    tell_damage (self);
}

/* --- the cursor --- */

static void
cursor_hidden_cb (SpiceChannel *channel, PosadaSpiceDisplay *self)
{
    g_autoptr (PosadaCursor) hidden = posada_cursor_new (NULL, 0, 0, 0, 0);

    posada_display_set_cursor (POSADA_DISPLAY (self), hidden);
}

static void
cursor_cb (SpiceChannel *channel, GParamSpec *pspec, PosadaSpiceDisplay *self)
{
    SpiceCursorShape *shape = NULL;
    g_autofree guint32 *pixels = NULL;

    g_object_get (channel, "cursor", &shape, NULL);
    g_clear_pointer (&self->cursor, posada_cursor_unref);
    if (shape && shape->data && shape->width > 0 && shape->height > 0) {
        const guint8 *from = shape->data;
        gsize n_pixels = (gsize) shape->width * shape->height;

        pixels = g_new (guint32, n_pixels);
        for (gsize i = 0; i < n_pixels; i++, from += 4) {
            guint alpha = from[3];

            pixels[i] = alpha << 24 | (from[0] * alpha + 127) / 255 << 16 |
                        (from[1] * alpha + 127) / 255 << 8 | (from[2] * alpha + 127) / 255;
        }
        self->cursor = posada_cursor_new (pixels, shape->width, shape->height, shape->hot_spot_x,
                                          shape->hot_spot_y);
        posada_display_set_cursor (POSADA_DISPLAY (self), self->cursor);
    } else
        cursor_hidden_cb (channel, self);
    if (shape)
        g_boxed_free (SPICE_TYPE_CURSOR_SHAPE, shape);
}

/* The position is the hot spot's. */
static void
cursor_moved_cb (SpiceChannel *channel, int x, int y, PosadaSpiceDisplay *self)
{
    int hot_x = self->cursor ? self->cursor->hot_x : 0,
        hot_y = self->cursor ? self->cursor->hot_y : 0;

    posada_display_set_cursor (POSADA_DISPLAY (self), self->cursor);
    posada_display_move_cursor (POSADA_DISPLAY (self), x - hot_x - self->area.x,
                                y - hot_y - self->area.y, TRUE);
}

static void
cursor_reset_cb (SpiceChannel *channel, PosadaSpiceDisplay *self)
{
    g_clear_pointer (&self->cursor, posada_cursor_unref);
    posada_display_set_cursor (POSADA_DISPLAY (self), NULL);
}

/* --- keys and pointer --- */

static void
spice_display_send_key (PosadaDisplay *display, guint code, gboolean down)
{
    posada_spice_input_send_key (&POSADA_SPICE_DISPLAY (display)->input, code, down);
}

static void
spice_display_send_absolute (PosadaDisplay *display, guint x, guint y, PosadaButtons buttons)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (display);

    posada_spice_input_send_absolute (&self->input, &self->area, x, y, buttons);
}

static void
spice_display_send_relative (PosadaDisplay *display, int dx, int dy, PosadaButtons buttons)
{
    posada_spice_input_send_relative (&POSADA_SPICE_DISPLAY (display)->input, dx, dy, buttons);
}

static void
spice_display_send_scroll (PosadaDisplay *display, int dx, int dy)
{
    posada_spice_input_send_scroll (&POSADA_SPICE_DISPLAY (display)->input, dy);
}

static void
spice_display_release_all (PosadaDisplay *display)
{
    posada_spice_input_release_all (&POSADA_SPICE_DISPLAY (display)->input);
}

/* Needs an agent in the guest; without one the library forgets it. */
static void
spice_display_suggest_size (PosadaDisplay *display, guint width, guint height)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (display);

    if (self->main)
        spice_main_channel_update_display (self->main, 0, 0, 0, (int) MIN (width, MAX_SIZE),
                                           (int) MIN (height, MAX_SIZE), TRUE);
}

static void
mouse_mode_cb (SpiceChannel *channel, gpointer unused, PosadaSpiceDisplay *self)
{
    int mode = 0;

    g_object_get (channel, "mouse-mode", &mode, NULL);
    posada_display_set_absolute (POSADA_DISPLAY (self), mode == SPICE_MOUSE_MODE_CLIENT);
}

static void
modifiers_cb (SpiceChannel *channel, GParamSpec *pspec, PosadaSpiceDisplay *self)
{
    int modifiers = 0;

    g_object_get (channel, "key-modifiers", &modifiers, NULL);
    posada_display_set_leds (POSADA_DISPLAY (self),
                             (modifiers & SPICE_INPUTS_NUM_LOCK ? POSADA_LED_NUM : 0) |
                                 (modifiers & SPICE_INPUTS_CAPS_LOCK ? POSADA_LED_CAPS : 0) |
                                 (modifiers & SPICE_INPUTS_SCROLL_LOCK ? POSADA_LED_SCROLL : 0));
}

/* --- the connection --- */

static gboolean
unref_session_cb (gpointer session)
{
    g_object_unref (session);
    return G_SOURCE_REMOVE;
}

static void
close_session (PosadaSpiceDisplay *self)
{
    SpiceSession *session = g_steal_pointer (&self->session);

    if (!session)
        return;
    g_signal_handlers_disconnect_by_data (session, self);
    for (guint i = 0; i < self->channels->len; i++)
        g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->channels, i), self);
    g_ptr_array_set_size (self->channels, 0);
    self->main = NULL;
    self->display = NULL;
    self->cursor_channel = NULL;
    self->input = (PosadaSpiceInput) {0};
    spice_session_disconnect (session);
    g_timeout_add_seconds (SESSION_END, unref_session_cb, session);
}

static void
set_problem (PosadaSpiceDisplay *self, const char *problem)
{
    if (g_set_str (&self->problem, problem))
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PROBLEM]);
}

static gboolean
retry_cb (gpointer data)
{
    PosadaSpiceDisplay *self = data;

    self->retry_id = 0;
    open_session (self);
    return G_SOURCE_REMOVE;
}

/* Ends the session; another one follows unless that is hopeless. */
static void
lose (PosadaSpiceDisplay *self, const char *problem, gboolean hopeless)
{
    g_autoptr (PosadaSpiceDisplay) kept = g_object_ref (self);

    close_session (self);
    set_problem (self, problem);
    cursor_reset_cb (NULL, self);
    forget_picture (self);
    hopeless = hopeless || self->n_attempts >= MAX_ATTEMPTS;
    if (hopeless)
        posada_display_emit_closed (POSADA_DISPLAY (self));
    else if (!self->retry_id)
        self->retry_id = g_timeout_add (FIRST_DELAY << self->n_attempts, retry_cb, self);
    self->n_attempts++;
}

static gboolean
lost_cb (gpointer data)
{
    PosadaSpiceDisplay *self = data;

    self->retry_id = 0;
    lose (self, _ ("The connection to the screen was lost."), FALSE);
    return G_SOURCE_REMOVE;
}

static gboolean
refused_cb (gpointer data)
{
    PosadaSpiceDisplay *self = data;

    self->retry_id = 0;
    lose (self, _ ("The password is wrong."), TRUE);
    return G_SOURCE_REMOVE;
}

/* Not from the library's own signal: it goes on with the channel after that. */
static void
later (PosadaSpiceDisplay *self, GSourceFunc function)
{
    if (!self->retry_id)
        self->retry_id = g_idle_add_full (G_PRIORITY_DEFAULT, function, self, NULL);
}

static void
channel_event_cb (SpiceChannel *channel, SpiceChannelEvent event, PosadaSpiceDisplay *self)
{
    switch (event) {
    case SPICE_CHANNEL_NONE:
    case SPICE_CHANNEL_SWITCHING: break;
    case SPICE_CHANNEL_OPENED:
        if (SPICE_IS_INPUTS_CHANNEL (channel))
            self->input.channel = SPICE_INPUTS_CHANNEL (channel);
        if (SPICE_IS_DISPLAY_CHANNEL (channel)) {
            self->n_attempts = 0;
            set_problem (self, NULL);
        }
        break;
    case SPICE_CHANNEL_ERROR_AUTH: later (self, refused_cb); break;
    case SPICE_CHANNEL_CLOSED:
    case SPICE_CHANNEL_ERROR_CONNECT:
    case SPICE_CHANNEL_ERROR_TLS:
    case SPICE_CHANNEL_ERROR_LINK:
    case SPICE_CHANNEL_ERROR_IO:
    default: later (self, lost_cb);
    }
}

static void
open_fd_cb (SpiceChannel *channel, int with_tls, PosadaSpiceDisplay *self)
{
    int fd = self->connect (self->data);

    if (fd >= 0)
        spice_channel_open_fd (channel, fd);
    else
        later (self, lost_cb);
}

static void
watch_display (PosadaSpiceDisplay *self, SpiceChannel *channel)
{
    self->display = SPICE_DISPLAY_CHANNEL (channel);
    g_signal_connect (channel, "display-primary-create", G_CALLBACK (primary_created_cb), self);
    g_signal_connect (channel, "display-primary-destroy", G_CALLBACK (primary_destroyed_cb), self);
    g_signal_connect (channel, "display-invalidate", G_CALLBACK (invalidated_cb), self);
    g_signal_connect (channel, "notify::monitors", G_CALLBACK (monitors_cb), self);
}

static void
watch_cursor (PosadaSpiceDisplay *self, SpiceChannel *channel)
{
    self->cursor_channel = SPICE_CURSOR_CHANNEL (channel);
    g_signal_connect (channel, "notify::cursor", G_CALLBACK (cursor_cb), self);
    g_signal_connect (channel, "cursor-hide", G_CALLBACK (cursor_hidden_cb), self);
    g_signal_connect (channel, "cursor-move", G_CALLBACK (cursor_moved_cb), self);
    g_signal_connect (channel, "cursor-reset", G_CALLBACK (cursor_reset_cb), self);
}

static void
channel_new_cb (SpiceSession *session, SpiceChannel *channel, PosadaSpiceDisplay *self)
{
    int id = 0;

    g_object_get (channel, "channel-id", &id, NULL);
    if (SPICE_IS_MAIN_CHANNEL (channel)) {
        self->main = SPICE_MAIN_CHANNEL (channel);
        g_signal_connect (channel, "notify::mouse-mode", G_CALLBACK (mouse_mode_cb), self);
    } else if (SPICE_IS_DISPLAY_CHANNEL (channel) && id == 0)
        watch_display (self, channel);
    else if (SPICE_IS_CURSOR_CHANNEL (channel) && id == 0)
        watch_cursor (self, channel);
    else if (SPICE_IS_INPUTS_CHANNEL (channel))
        g_signal_connect (channel, "notify::key-modifiers", G_CALLBACK (modifiers_cb), self);
    else
        return;
    g_ptr_array_add (self->channels, g_object_ref (channel));
    g_signal_connect (channel, "channel-event", G_CALLBACK (channel_event_cb), self);
    if (self->connect)
        g_signal_connect (channel, "open-fd", G_CALLBACK (open_fd_cb), self);
    if (!SPICE_IS_MAIN_CHANNEL (channel))
        spice_channel_connect (channel);
}

static void
open_session (PosadaSpiceDisplay *self)
{
    int fd = self->connect ? self->connect (self->data) : -1;

    if (self->connect && fd < 0) {
        lose (self, _ ("The machine shows its screen no more."), TRUE);
        return;
    }
    self->session = spice_session_new ();
    g_object_set (self->session, "enable-audio", FALSE, "enable-usbredir", FALSE,
                  "enable-smartcard", FALSE, NULL);
    g_signal_connect (self->session, "channel-new", G_CALLBACK (channel_new_cb), self);
    if (self->connect) {
        spice_session_open_fd (self->session, fd);
        return;
    }
    g_object_set (self->session, "uri", self->uri, NULL);
    if (self->password)
        g_object_set (self->session, "password", self->password, NULL);
    if (self->ca_file)
        g_object_set (self->session, "ca-file", self->ca_file, NULL);
    if (self->subject)
        g_object_set (self->session, "cert-subject", self->subject, "verify",
                      SPICE_SESSION_VERIFY_SUBJECT, NULL);
    spice_session_connect (self->session);
}

/* --- the object --- */

static void
posada_spice_display_dispose (GObject *object)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (object);
    GDestroyNotify destroy = g_steal_pointer (&self->destroy);

    posada_spice_display_disconnect (self);
    if (destroy)
        destroy (self->data);

    G_OBJECT_CLASS (posada_spice_display_parent_class)->dispose (object);
}

static void
posada_spice_display_finalize (GObject *object)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (object);

    g_clear_pointer (&self->cursor, posada_cursor_unref);
    g_ptr_array_unref (self->channels);
    g_free (self->uri);
    g_free (self->password);
    g_free (self->ca_file);
    g_free (self->subject);
    g_free (self->problem);

    G_OBJECT_CLASS (posada_spice_display_parent_class)->finalize (object);
}

static void
posada_spice_display_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    PosadaSpiceDisplay *self = POSADA_SPICE_DISPLAY (object);

    switch (id) {
    case PROP_PROBLEM: g_value_set_string (value, self->problem); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
spice_display_reconnect (PosadaDisplay *display)
{
    posada_spice_display_reconnect (POSADA_SPICE_DISPLAY (display));
}

static void
posada_spice_display_class_init (PosadaSpiceDisplayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    PosadaDisplayClass *display_class = POSADA_DISPLAY_CLASS (klass);

    object_class->dispose = posada_spice_display_dispose;
    object_class->finalize = posada_spice_display_finalize;
    object_class->get_property = posada_spice_display_get_property;

    display_class->request_frame = spice_display_request_frame;
    display_class->reconnect = spice_display_reconnect;
    display_class->read_damage = spice_display_read_damage;
    display_class->damage_all = spice_display_damage_all;
    display_class->send_key = spice_display_send_key;
    display_class->send_absolute = spice_display_send_absolute;
    display_class->send_relative = spice_display_send_relative;
    display_class->send_scroll = spice_display_send_scroll;
    display_class->release_all = spice_display_release_all;
    display_class->suggest_size = spice_display_suggest_size;

    properties[PROP_PROBLEM] =
        g_param_spec_string ("problem", NULL, NULL, NULL,
                             G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
posada_spice_display_init (PosadaSpiceDisplay *self)
{
    self->channels = g_ptr_array_new_with_free_func (g_object_unref);
}

PosadaDisplay *
posada_spice_display_new (PosadaSpiceConnect connect, gpointer data, GDestroyNotify destroy)
{
    PosadaSpiceDisplay *self = g_object_new (POSADA_TYPE_SPICE_DISPLAY, NULL);

    self->connect = connect;
    self->data = data;
    self->destroy = destroy;
    later (self, retry_cb);
    return POSADA_DISPLAY (self);
}

PosadaDisplay *
posada_spice_display_new_for_uri (const char *uri, const char *password, const char *ca_file,
                                  const char *subject)
{
    PosadaSpiceDisplay *self = g_object_new (POSADA_TYPE_SPICE_DISPLAY, NULL);

    self->uri = g_strdup (uri);
    self->password = g_strdup (password);
    self->ca_file = g_strdup (ca_file);
    self->subject = g_strdup (subject);
    later (self, retry_cb);
    return POSADA_DISPLAY (self);
}

const char *
posada_spice_display_get_problem (PosadaSpiceDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_SPICE_DISPLAY (self), NULL);
    return self->problem;
}

void
posada_spice_display_reconnect (PosadaSpiceDisplay *self)
{
    g_return_if_fail (POSADA_IS_SPICE_DISPLAY (self));
    if (!self->problem)
        return;
    close_session (self);
    self->n_attempts = 0;
    g_clear_handle_id (&self->retry_id, g_source_remove);
    later (self, retry_cb);
}

void
posada_spice_display_disconnect (PosadaSpiceDisplay *self)
{
    g_return_if_fail (POSADA_IS_SPICE_DISPLAY (self));
    close_session (self);
    g_clear_handle_id (&self->retry_id, g_source_remove);
    g_clear_handle_id (&self->news_id, g_source_remove);
    self->pixels = NULL;
}
