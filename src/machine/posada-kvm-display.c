/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-display.h"

struct _PosadaKvmDisplay {
    PosadaDisplay parent_instance;

    PosadaKvmScreen *screen; /* NULL once closed */
    GSource *source;         /* ready when the screen has news */
};

G_DEFINE_FINAL_TYPE (PosadaKvmDisplay, posada_kvm_display, POSADA_TYPE_DISPLAY)

static gboolean
news_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
    g_source_set_ready_time (source, -1);
    return callback (data);
}

static GSourceFuncs news_funcs = {.dispatch = news_dispatch};

static gboolean
news_cb (gpointer data)
{
    g_autoptr (PosadaKvmDisplay) self = g_object_ref (data);
    PosadaDisplay *display = POSADA_DISPLAY (self);
    PosadaKvmScreenStatus status;
    g_autoptr (PosadaCursor) cursor = NULL;

    posada_kvm_screen_get_status (self->screen, &status);
    cursor = status.cursor;
    posada_display_set_absolute (display, status.absolute);
    /* Whoever listens may do anything, and close us. */
    if (self->screen)
        posada_display_set_touch (display, status.touch);
    if (self->screen)
        posada_display_set_leds (display, status.leds);
    if (self->screen)
        posada_display_set_cursor (display, cursor);
    if (self->screen)
        posada_display_move_cursor (display, status.cursor_x, status.cursor_y,
                                    status.cursor_visible);
    if (self->screen)
        posada_display_set_size (display, status.width, status.height);
    if (self->screen && status.damaged)
        posada_display_emit_damaged (display);
    return G_SOURCE_CONTINUE;
}

static void
kvm_display_request_frame (PosadaDisplay *display)
{
    PosadaKvmDisplay *self = POSADA_KVM_DISPLAY (display);

    if (self->screen)
        posada_kvm_screen_request_frame (self->screen);
}

static gboolean
kvm_display_read_damage (PosadaDisplay *display, guint32 *pixels, guint stride,
                         PosadaRectangle *ret_damage)
{
    PosadaKvmDisplay *self = POSADA_KVM_DISPLAY (display);

    return self->screen &&
           posada_kvm_screen_read (self->screen, posada_display_get_width (display),
                                   posada_display_get_height (display), pixels, stride, ret_damage);
}

static GBytes *
kvm_display_capture (PosadaDisplay *display, guint *ret_width, guint *ret_height)
{
    PosadaKvmDisplay *self = POSADA_KVM_DISPLAY (display);

    return self->screen ? posada_kvm_screen_capture (self->screen, ret_width, ret_height) : NULL;
}

static void
kvm_display_damage_all (PosadaDisplay *display)
{
    PosadaKvmDisplay *self = POSADA_KVM_DISPLAY (display);

    if (self->screen)
        posada_kvm_screen_damage_all (self->screen);
}

static void
send (PosadaDisplay *display, PosadaKvmInput input)
{
    PosadaKvmDisplay *self = POSADA_KVM_DISPLAY (display);

    if (self->screen)
        posada_kvm_screen_send (self->screen, &input);
}

static void
kvm_display_send_key (PosadaDisplay *display, guint code, gboolean down)
{
    /* No key has a larger code, and it is to fit. */
    if (code <= G_MAXUINT16)
        send (display, (PosadaKvmInput) {.kind = POSADA_KVM_INPUT_KEY, .x = code, .y = !!down});
}

static void
kvm_display_send_absolute (PosadaDisplay *display, guint x, guint y, PosadaButtons buttons)
{
    send (display, (PosadaKvmInput) {POSADA_KVM_INPUT_ABSOLUTE, x, y, buttons, 0});
}

static void
kvm_display_send_relative (PosadaDisplay *display, int dx, int dy, PosadaButtons buttons)
{
    send (display, (PosadaKvmInput) {POSADA_KVM_INPUT_RELATIVE, dx, dy, buttons, 0});
}

static void
kvm_display_send_scroll (PosadaDisplay *display, int dx, int dy)
{
    send (display, (PosadaKvmInput) {.kind = POSADA_KVM_INPUT_SCROLL, .x = dx, .y = dy});
}

static void
kvm_display_send_touch (PosadaDisplay *display, guint finger, gboolean down, guint x, guint y)
{
    send (display, (PosadaKvmInput) {down ? POSADA_KVM_INPUT_TOUCH : POSADA_KVM_INPUT_LIFT, x, y, 0,
                                     finger});
}

static void
kvm_display_release_all (PosadaDisplay *display)
{
    send (display, (PosadaKvmInput) {.kind = POSADA_KVM_INPUT_RELEASE});
}

static void
kvm_display_suggest_size (PosadaDisplay *display, guint width, guint height)
{
    send (display, (PosadaKvmInput) {.kind = POSADA_KVM_INPUT_SIZE,
                                     .x = MIN (width, DISPLAY_MAX_WIDTH),
                                     .y = MIN (height, DISPLAY_MAX_HEIGHT)});
}

static void
let_go (PosadaKvmDisplay *self)
{
    if (self->screen)
        posada_kvm_screen_set_source (self->screen, NULL);
    self->screen = NULL;
    if (self->source)
        g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
}

static void
posada_kvm_display_dispose (GObject *object)
{
    let_go (POSADA_KVM_DISPLAY (object));

    G_OBJECT_CLASS (posada_kvm_display_parent_class)->dispose (object);
}

static void
posada_kvm_display_class_init (PosadaKvmDisplayClass *klass)
{
    PosadaDisplayClass *display_class = POSADA_DISPLAY_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_kvm_display_dispose;

    display_class->request_frame = kvm_display_request_frame;
    display_class->read_damage = kvm_display_read_damage;
    display_class->damage_all = kvm_display_damage_all;
    display_class->capture = kvm_display_capture;
    display_class->send_key = kvm_display_send_key;
    display_class->send_absolute = kvm_display_send_absolute;
    display_class->send_relative = kvm_display_send_relative;
    display_class->send_scroll = kvm_display_send_scroll;
    display_class->send_touch = kvm_display_send_touch;
    display_class->release_all = kvm_display_release_all;
    display_class->suggest_size = kvm_display_suggest_size;
}

static void
posada_kvm_display_init (PosadaKvmDisplay *self)
{
}

PosadaDisplay *
posada_kvm_display_new (PosadaKvmScreen *screen)
{
    PosadaKvmDisplay *self = g_object_new (POSADA_TYPE_KVM_DISPLAY, NULL);

    self->screen = screen;
    self->source = g_source_new (&news_funcs, sizeof (GSource));
    g_source_set_static_name (self->source, "posada-kvm-display");
    g_source_set_callback (self->source, news_cb, self, NULL);
    g_source_attach (self->source, NULL);
    posada_kvm_screen_set_source (screen, self->source);
    return POSADA_DISPLAY (self);
}

void
posada_kvm_display_close (PosadaKvmDisplay *self)
{
    g_return_if_fail (POSADA_IS_KVM_DISPLAY (self));
    if (!self->screen)
        return;
    let_go (self);
    posada_display_set_cursor (POSADA_DISPLAY (self), NULL);
    posada_display_set_size (POSADA_DISPLAY (self), 0, 0);
    posada_display_emit_closed (POSADA_DISPLAY (self));
}
