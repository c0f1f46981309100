/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks: the sink's callbacks come with the device's and the display's lock held and take ours
 * inside them; so whoever holds ours calls neither.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-screen.h"

#include <string.h>

/* Motion is merged, so that no more than this waits unless the devices are stuck. */
#define MAX_INPUTS 1024

/* What has to be asked for. */
typedef struct {
    gboolean absolute, touch;
    PosadaLeds leds;
} Devices;

struct _PosadaKvmScreen {
    struct display *display;
    struct input *input;
    struct display_sink sink;
    GThread *thread;

    GMutex mutex; /* guards all below */
    GCond work;
    gboolean quit, frame_wanted;
    GArray *inputs;
    GSource *source;
    Devices devices;
    PosadaCursor *cursor;
    int cursor_x, cursor_y;
    gboolean cursor_visible;

    struct display_scanout scanout; /* its pixels stand still during the sink's callbacks */
    guint32 *shadow;                /* as large as the scanout; NULL: the screen is off */
    guint width, height;
    PosadaRectangle damage; /* empty: none */
};

static void
wake (PosadaKvmScreen *self)
{
    if (self->source)
        g_source_set_ready_time (self->source, 0);
}

/* Into the shadow, opaque. */
static void
copy_area (PosadaKvmScreen *self, guint left, guint top, guint width, guint height)
{
    PosadaRectangle *damage = &self->damage;
    int x = left, y = top, right = left + width, bottom = top + height;

    for (guint row = top; row < top + height; row++) {
        const guint32 *from =
            (const guint32 *) (const void *) ((const char *) self->scanout.pixels +
                                              (gsize) row * self->scanout.stride) +
            left;
        guint32 *to = self->shadow + (gsize) row * self->width + left;

        for (guint i = 0; i < width; i++)
            to[i] = from[i] | 0xff000000;
    }
    if (damage->width) {
        right = MAX (right, damage->x + damage->width);
        bottom = MAX (bottom, damage->y + damage->height);
        x = MIN (x, damage->x);
        y = MIN (y, damage->y);
    }
    *damage = (PosadaRectangle) {x, y, right - x, bottom - y};
}

static void
scanout_changed_cb (void *data, const struct display_scanout *scanout)
{
    PosadaKvmScreen *self = data;
    gboolean on = scanout->pixels && scanout->width && scanout->height;
    guint width = on ? scanout->width : 0, height = on ? scanout->height : 0;

    g_mutex_lock (&self->mutex);
    if (width != self->width || height != self->height) {
        g_free (self->shadow);
        self->shadow = on ? g_try_new (guint32, (gsize) width * height) : NULL;
        self->width = self->shadow ? width : 0;
        self->height = self->shadow ? height : 0;
        self->damage = (PosadaRectangle) {0};
    }
    self->scanout = *scanout;
    if (self->shadow)
        copy_area (self, 0, 0, width, height);
    wake (self);
    g_mutex_unlock (&self->mutex);
}

static void
damaged_cb (void *data, const struct display_rectangle *area)
{
    PosadaKvmScreen *self = data;

    g_mutex_lock (&self->mutex);
    if (self->shadow)
        copy_area (self, area->x, area->y, area->width, area->height);
    g_mutex_unlock (&self->mutex);
}

static void
cursor_changed_cb (void *data, const struct display_cursor *picture)
{
    PosadaKvmScreen *self = data;
    PosadaCursor *cursor = NULL;

    if (picture->pixels)
        cursor = posada_cursor_new (picture->pixels, picture->width, picture->height,
                                    picture->hot_x, picture->hot_y);
    else if (picture->hidden)
        cursor = posada_cursor_new (NULL, 0, 0, 0, 0);
    g_mutex_lock (&self->mutex);
    g_clear_pointer (&self->cursor, posada_cursor_unref);
    self->cursor = cursor;
    wake (self);
    g_mutex_unlock (&self->mutex);
}

static void
cursor_moved_cb (void *data, int x, int y, bool visible)
{
    PosadaKvmScreen *self = data;

    g_mutex_lock (&self->mutex);
    self->cursor_x = x;
    self->cursor_y = y;
    self->cursor_visible = visible;
    wake (self);
    g_mutex_unlock (&self->mutex);
}

static const struct display_sink_ops sink_ops = {
    .scanout_changed = scanout_changed_cb,
    .damaged = damaged_cb,
    .cursor_changed = cursor_changed_cb,
    .cursor_moved = cursor_moved_cb,
};

static void
hand_on (PosadaKvmScreen *self, const PosadaKvmInput *input)
{
    switch (input->kind) {
    case POSADA_KVM_INPUT_KEY: input_key (self->input, input->x, input->y); break;
    case POSADA_KVM_INPUT_ABSOLUTE:
        input_absolute (self->input, input->x, input->y, 0, input->buttons);
        break;
    case POSADA_KVM_INPUT_RELATIVE:
        input_relative (self->input, input->x, input->y, 0, input->buttons);
        break;
    case POSADA_KVM_INPUT_SCROLL: input_scroll (self->input, input->x, input->y); break;
    case POSADA_KVM_INPUT_TOUCH:
    case POSADA_KVM_INPUT_LIFT:
        input_touch (self->input, input->finger, input->kind == POSADA_KVM_INPUT_TOUCH, input->x,
                     input->y);
        break;
    case POSADA_KVM_INPUT_RELEASE: input_release_all (self->input); break;
    case POSADA_KVM_INPUT_SIZE: display_suggest_size (self->display, input->x, input->y); break;
    }
}

static Devices
look_at_devices (PosadaKvmScreen *self)
{
    return (Devices) {
        .absolute = input_takes_absolute (self->input),
        .touch = input_takes_touch (self->input),
        .leds = input_leds (self->input),
    };
}

static gpointer
screen_thread (gpointer data)
{
    PosadaKvmScreen *self = data;
    GArray *inputs = g_array_new (FALSE, FALSE, sizeof (PosadaKvmInput));

    g_mutex_lock (&self->mutex);
    while (!self->quit) {
        gboolean frame = self->frame_wanted;
        Devices devices = self->devices;
        GArray *taken = self->inputs;

        if (!frame && taken->len == 0) {
            g_cond_wait (&self->work, &self->mutex);
            continue;
        }
        self->frame_wanted = FALSE;
        self->inputs = inputs;
        g_mutex_unlock (&self->mutex);

        for (guint i = 0; i < taken->len; i++)
            hand_on (self, &g_array_index (taken, PosadaKvmInput, i));
        g_array_set_size (taken, 0);
        inputs = taken;
        if (frame) {
            devices = look_at_devices (self);
            display_refresh (self->display);
        }

        g_mutex_lock (&self->mutex);
        if (frame &&
            (memcmp (&devices, &self->devices, sizeof devices) != 0 || self->damage.width)) {
            self->devices = devices;
            wake (self);
        }
    }
    g_mutex_unlock (&self->mutex);
    g_array_unref (inputs);
    return NULL;
}

PosadaKvmScreen *
posada_kvm_screen_new (struct display *display, struct input *input)
{
    PosadaKvmScreen *self = g_new0 (PosadaKvmScreen, 1);

    self->display = display;
    self->input = input;
    self->inputs = g_array_new (FALSE, FALSE, sizeof (PosadaKvmInput));
    g_mutex_init (&self->mutex);
    g_cond_init (&self->work);
    self->sink = (struct display_sink) {.ops = &sink_ops, .data = self};
    self->devices = look_at_devices (self);
    display_add_sink (display, &self->sink);
    self->thread = g_thread_new ("posada-screen", screen_thread, self);
    return self;
}

void
posada_kvm_screen_free (PosadaKvmScreen *self)
{
    if (!self)
        return;
    g_mutex_lock (&self->mutex);
    self->quit = TRUE;
    g_cond_signal (&self->work);
    g_mutex_unlock (&self->mutex);
    g_thread_join (self->thread);
    input_release_all (self->input);
    display_remove_sink (self->display, &self->sink);
    g_clear_pointer (&self->source, g_source_unref);
    g_clear_pointer (&self->cursor, posada_cursor_unref);
    g_array_unref (self->inputs);
    g_free (self->shadow);
    g_cond_clear (&self->work);
    g_mutex_clear (&self->mutex);
    g_free (self);
}

void
posada_kvm_screen_set_source (PosadaKvmScreen *self, GSource *source)
{
    g_mutex_lock (&self->mutex);
    g_clear_pointer (&self->source, g_source_unref);
    if (source)
        self->source = g_source_ref (source);
    wake (self);
    g_mutex_unlock (&self->mutex);
}

void
posada_kvm_screen_get_status (PosadaKvmScreen *self, PosadaKvmScreenStatus *ret_status)
{
    g_mutex_lock (&self->mutex);
    *ret_status = (PosadaKvmScreenStatus) {
        .width = self->width,
        .height = self->height,
        .absolute = self->devices.absolute,
        .touch = self->devices.touch,
        .leds = self->devices.leds,
        .cursor = self->cursor ? posada_cursor_ref (self->cursor) : NULL,
        .cursor_x = self->cursor_x,
        .cursor_y = self->cursor_y,
        .cursor_visible = self->cursor_visible,
        .damaged = self->damage.width != 0,
    };
    g_mutex_unlock (&self->mutex);
}

gboolean
posada_kvm_screen_read (PosadaKvmScreen *self, guint width, guint height, guint32 *pixels,
                        guint stride, PosadaRectangle *ret_damage)
{
    PosadaRectangle damage;

    g_mutex_lock (&self->mutex);
    damage = self->damage;
    if (damage.width == 0 || self->width != width || self->height != height) {
        g_mutex_unlock (&self->mutex);
        return FALSE;
    }
    for (int y = damage.y; y < damage.y + damage.height; y++)
        memcpy ((char *) pixels + (gsize) y * stride + (gsize) damage.x * 4,
                self->shadow + (gsize) y * width + damage.x, (gsize) damage.width * 4);
    self->damage = (PosadaRectangle) {0};
    g_mutex_unlock (&self->mutex);
    *ret_damage = damage;
    return TRUE;
}

GBytes *
posada_kvm_screen_capture (PosadaKvmScreen *self, guint *ret_width, guint *ret_height)
{
    GBytes *picture = NULL;

    g_mutex_lock (&self->mutex);
    if (self->shadow) {
        *ret_width = self->width;
        *ret_height = self->height;
        picture = g_bytes_new (self->shadow, (gsize) self->width * self->height * 4);
    }
    g_mutex_unlock (&self->mutex);
    return picture;
}

void
posada_kvm_screen_damage_all (PosadaKvmScreen *self)
{
    g_mutex_lock (&self->mutex);
    self->damage = (PosadaRectangle) {0, 0, self->width, self->height};
    g_mutex_unlock (&self->mutex);
}

void
posada_kvm_screen_request_frame (PosadaKvmScreen *self)
{
    g_mutex_lock (&self->mutex);
    self->frame_wanted = TRUE;
    g_cond_signal (&self->work);
    g_mutex_unlock (&self->mutex);
}

/* Adds @input to the latest one, if both are motion with nothing between them. */
static gboolean
merge (PosadaKvmInput *latest, const PosadaKvmInput *input)
{
    if (latest->kind != input->kind || latest->buttons != input->buttons ||
        latest->finger != input->finger)
        return FALSE;
    switch (input->kind) {
    case POSADA_KVM_INPUT_ABSOLUTE:
    case POSADA_KVM_INPUT_TOUCH:
    case POSADA_KVM_INPUT_SIZE:
        latest->x = input->x;
        latest->y = input->y;
        return TRUE;
    case POSADA_KVM_INPUT_RELATIVE:
    case POSADA_KVM_INPUT_SCROLL:
        latest->x += input->x;
        latest->y += input->y;
        return TRUE;
    case POSADA_KVM_INPUT_LIFT:
    case POSADA_KVM_INPUT_KEY:
    case POSADA_KVM_INPUT_RELEASE: return FALSE;
    }
    return FALSE;
}

void
posada_kvm_screen_send (PosadaKvmScreen *self, const PosadaKvmInput *input)
{
    GArray *inputs;

    g_mutex_lock (&self->mutex);
    inputs = self->inputs;
    if (inputs->len == MAX_INPUTS) {
        /* Losing part of it must leave no key down. */
        PosadaKvmInput release = {.kind = POSADA_KVM_INPUT_RELEASE};

        g_array_set_size (inputs, 0);
        g_array_append_val (inputs, release);
    }
    if (inputs->len == 0 ||
        !merge (&g_array_index (inputs, PosadaKvmInput, inputs->len - 1), input))
        g_array_append_vals (inputs, input, 1);
    g_cond_signal (&self->work);
    g_mutex_unlock (&self->mutex);
}
