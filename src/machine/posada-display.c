/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-display.h"

typedef struct {
    guint width, height;
    gboolean absolute, touch;
    PosadaLeds leds;
    PosadaCursor *cursor;
    int cursor_x, cursor_y;
    gboolean cursor_visible;
    gboolean wanted; /* a frame was requested and "damaged" not yet emitted for it */
} PosadaDisplayPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (PosadaDisplay, posada_display, G_TYPE_OBJECT)

enum {
    PROP_0,
    PROP_WIDTH,
    PROP_HEIGHT,
    PROP_ABSOLUTE,
    PROP_TOUCH,
    PROP_LEDS,
    N_PROPS,
};

enum {
    SIGNAL_DAMAGED,
    SIGNAL_CURSOR_CHANGED,
    SIGNAL_CURSOR_MOVED,
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

static PosadaDisplayPrivate *
get_private (PosadaDisplay *self)
{
    return posada_display_get_instance_private (self);
}

static void
real_request_frame (PosadaDisplay *self)
{
}

static gboolean
real_read_damage (PosadaDisplay *self, guint32 *pixels, guint stride, PosadaRectangle *ret_damage)
{
    return FALSE;
}

static void
real_damage_all (PosadaDisplay *self)
{
}

static GBytes *
real_capture (PosadaDisplay *self, guint *ret_width, guint *ret_height)
{
    return NULL;
}

static void
real_send_key (PosadaDisplay *self, guint code, gboolean down)
{
}

static void
real_send_absolute (PosadaDisplay *self, guint x, guint y, PosadaButtons buttons)
{
}

static void
real_send_relative (PosadaDisplay *self, int dx, int dy, PosadaButtons buttons)
{
}

static void
real_send_scroll (PosadaDisplay *self, int dx, int dy)
{
}

static void
real_send_touch (PosadaDisplay *self, guint finger, gboolean down, guint x, guint y)
{
}

static void
real_release_all (PosadaDisplay *self)
{
}

static void
real_suggest_size (PosadaDisplay *self, guint width, guint height)
{
}

static void
posada_display_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    PosadaDisplayPrivate *priv = get_private (POSADA_DISPLAY (object));

    switch (id) {
    case PROP_WIDTH: g_value_set_uint (value, priv->width); break;
    case PROP_HEIGHT: g_value_set_uint (value, priv->height); break;
    case PROP_ABSOLUTE: g_value_set_boolean (value, priv->absolute); break;
    case PROP_TOUCH: g_value_set_boolean (value, priv->touch); break;
    case PROP_LEDS: g_value_set_uint (value, priv->leds); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_display_finalize (GObject *object)
{
    g_clear_pointer (&get_private (POSADA_DISPLAY (object))->cursor, posada_cursor_unref);

    G_OBJECT_CLASS (posada_display_parent_class)->finalize (object);
}

static void
add_signal (guint id, const char *name)
{
    signals[id] = g_signal_new (name, POSADA_TYPE_DISPLAY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);
}

static void
posada_display_class_init (PosadaDisplayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->get_property = posada_display_get_property;
    object_class->finalize = posada_display_finalize;

    klass->request_frame = real_request_frame;
    klass->read_damage = real_read_damage;
    klass->damage_all = real_damage_all;
    klass->capture = real_capture;
    klass->send_key = real_send_key;
    klass->send_absolute = real_send_absolute;
    klass->send_relative = real_send_relative;
    klass->send_scroll = real_send_scroll;
    klass->send_touch = real_send_touch;
    klass->release_all = real_release_all;
    klass->suggest_size = real_suggest_size;

    properties[PROP_WIDTH] = g_param_spec_uint ("width", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_HEIGHT] = g_param_spec_uint ("height", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_ABSOLUTE] = g_param_spec_boolean ("absolute", NULL, NULL, FALSE, flags);
    properties[PROP_TOUCH] = g_param_spec_boolean ("touch", NULL, NULL, FALSE, flags);
    properties[PROP_LEDS] = g_param_spec_uint ("leds", NULL, NULL, 0, G_MAXUINT, 0, flags);
    g_object_class_install_properties (object_class, N_PROPS, properties);

    add_signal (SIGNAL_DAMAGED, "damaged");
    add_signal (SIGNAL_CURSOR_CHANGED, "cursor-changed");
    add_signal (SIGNAL_CURSOR_MOVED, "cursor-moved");
    add_signal (SIGNAL_CLOSED, "closed");
}

static void
posada_display_init (PosadaDisplay *self)
{
}

guint
posada_display_get_width (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), 0);
    return get_private (self)->width;
}

guint
posada_display_get_height (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), 0);
    return get_private (self)->height;
}

gboolean
posada_display_get_absolute (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), FALSE);
    return get_private (self)->absolute;
}

gboolean
posada_display_get_touch (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), FALSE);
    return get_private (self)->touch;
}

PosadaLeds
posada_display_get_leds (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), 0);
    return get_private (self)->leds;
}

PosadaCursor *
posada_display_get_cursor (PosadaDisplay *self)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), NULL);
    return get_private (self)->cursor;
}

gboolean
posada_display_get_cursor_position (PosadaDisplay *self, int *ret_x, int *ret_y)
{
    PosadaDisplayPrivate *priv;

    g_return_val_if_fail (POSADA_IS_DISPLAY (self), FALSE);
    priv = get_private (self);
    *ret_x = priv->cursor_x;
    *ret_y = priv->cursor_y;
    return priv->cursor_visible;
}

void
posada_display_request_frame (PosadaDisplay *self)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    get_private (self)->wanted = TRUE;
    POSADA_DISPLAY_GET_CLASS (self)->request_frame (self);
}

gboolean
posada_display_read_damage (PosadaDisplay *self, guint32 *pixels, guint stride,
                            PosadaRectangle *ret_damage)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), FALSE);
    g_return_val_if_fail (pixels && ret_damage, FALSE);
    g_return_val_if_fail (stride / 4 >= get_private (self)->width, FALSE);
    return POSADA_DISPLAY_GET_CLASS (self)->read_damage (self, pixels, stride, ret_damage);
}

GBytes *
posada_display_capture (PosadaDisplay *self, guint *ret_width, guint *ret_height)
{
    g_return_val_if_fail (POSADA_IS_DISPLAY (self), NULL);
    g_return_val_if_fail (ret_width && ret_height, NULL);
    return POSADA_DISPLAY_GET_CLASS (self)->capture (self, ret_width, ret_height);
}

void
posada_display_damage_all (PosadaDisplay *self)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->damage_all (self);
}

void
posada_display_send_key (PosadaDisplay *self, guint code, gboolean down)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->send_key (self, code, down);
}

void
posada_display_send_absolute (PosadaDisplay *self, guint x, guint y, PosadaButtons buttons)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->send_absolute (self, MIN (x, POSADA_DISPLAY_ABSOLUTE_MAX),
                                                    MIN (y, POSADA_DISPLAY_ABSOLUTE_MAX), buttons);
}

void
posada_display_send_relative (PosadaDisplay *self, int dx, int dy, PosadaButtons buttons)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->send_relative (self, dx, dy, buttons);
}

void
posada_display_send_scroll (PosadaDisplay *self, int dx, int dy)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->send_scroll (self, dx, dy);
}

void
posada_display_send_touch (PosadaDisplay *self, guint finger, gboolean down, guint x, guint y)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    if (finger < POSADA_DISPLAY_MAX_FINGERS)
        POSADA_DISPLAY_GET_CLASS (self)->send_touch (self, finger, down,
                                                     MIN (x, POSADA_DISPLAY_ABSOLUTE_MAX),
                                                     MIN (y, POSADA_DISPLAY_ABSOLUTE_MAX));
}

void
posada_display_release_all (PosadaDisplay *self)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->release_all (self);
}

void
posada_display_suggest_size (PosadaDisplay *self, guint width, guint height)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    POSADA_DISPLAY_GET_CLASS (self)->suggest_size (self, width, height);
}

void
posada_display_reconnect (PosadaDisplay *self)
{
    g_return_if_fail (POSADA_IS_DISPLAY (self));
    if (POSADA_DISPLAY_GET_CLASS (self)->reconnect)
        POSADA_DISPLAY_GET_CLASS (self)->reconnect (self);
    else
        posada_display_emit_closed (self);
}

void
posada_display_set_size (PosadaDisplay *self, guint width, guint height)
{
    PosadaDisplayPrivate *priv = get_private (self);
    gboolean wider = priv->width != width, higher = priv->height != height;

    /* Both are set before either is told. */
    priv->width = width;
    priv->height = height;
    g_object_freeze_notify (G_OBJECT (self));
    if (wider)
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WIDTH]);
    if (higher)
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HEIGHT]);
    g_object_thaw_notify (G_OBJECT (self));
}

void
posada_display_set_absolute (PosadaDisplay *self, gboolean absolute)
{
    PosadaDisplayPrivate *priv = get_private (self);

    absolute = !!absolute;
    if (priv->absolute == absolute)
        return;
    priv->absolute = absolute;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ABSOLUTE]);
}

void
posada_display_set_touch (PosadaDisplay *self, gboolean touch)
{
    PosadaDisplayPrivate *priv = get_private (self);

    touch = !!touch;
    if (priv->touch == touch)
        return;
    priv->touch = touch;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TOUCH]);
}

void
posada_display_set_leds (PosadaDisplay *self, PosadaLeds leds)
{
    PosadaDisplayPrivate *priv = get_private (self);

    if (priv->leds == leds)
        return;
    priv->leds = leds;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LEDS]);
}

void
posada_display_set_cursor (PosadaDisplay *self, PosadaCursor *cursor)
{
    PosadaDisplayPrivate *priv = get_private (self);

    if (priv->cursor == cursor)
        return;
    g_clear_pointer (&priv->cursor, posada_cursor_unref);
    priv->cursor = cursor ? posada_cursor_ref (cursor) : NULL;
    g_signal_emit (self, signals[SIGNAL_CURSOR_CHANGED], 0);
}

void
posada_display_move_cursor (PosadaDisplay *self, int x, int y, gboolean visible)
{
    PosadaDisplayPrivate *priv = get_private (self);

    visible = !!visible;
    if (priv->cursor_x == x && priv->cursor_y == y && priv->cursor_visible == visible)
        return;
    priv->cursor_x = x;
    priv->cursor_y = y;
    priv->cursor_visible = visible;
    g_signal_emit (self, signals[SIGNAL_CURSOR_MOVED], 0);
}

void
posada_display_emit_damaged (PosadaDisplay *self)
{
    PosadaDisplayPrivate *priv = get_private (self);

    if (!priv->wanted)
        return;
    priv->wanted = FALSE;
    g_signal_emit (self, signals[SIGNAL_DAMAGED], 0);
}

void
posada_display_emit_closed (PosadaDisplay *self)
{
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0);
}

PosadaCursor *
posada_cursor_new (const guint32 *pixels, guint width, guint height, int hot_x, int hot_y)
{
    PosadaCursor *self = g_atomic_rc_box_new0 (PosadaCursor);

    if (!pixels || width == 0 || height == 0)
        return self;
    self->width = width;
    self->height = height;
    self->hot_x = CLAMP (hot_x, 0, (int) width - 1);
    self->hot_y = CLAMP (hot_y, 0, (int) height - 1);
    self->pixels = g_memdup2 (pixels, (gsize) width * height * sizeof (*pixels));
    return self;
}

PosadaCursor *
posada_cursor_ref (PosadaCursor *self)
{
    return g_atomic_rc_box_acquire (self);
}

static void
clear_cursor (gpointer data)
{
    g_free (((PosadaCursor *) data)->pixels);
}

void
posada_cursor_unref (PosadaCursor *self)
{
    g_atomic_rc_box_release_full (self, clear_cursor);
}
