/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock-display.h"

#include <string.h>

G_DEFINE_FINAL_TYPE (MockDisplay, mock_display, POSADA_TYPE_DISPLAY)

static void
mock_display_request_frame (PosadaDisplay *display)
{
    MockDisplay *self = MOCK_DISPLAY (display);

    self->requests++;
    if (self->damage.width > 0)
        posada_display_emit_damaged (display);
}

static gboolean
mock_display_read_damage (PosadaDisplay *display, guint32 *pixels, guint stride,
                          PosadaRectangle *ret_damage)
{
    MockDisplay *self = MOCK_DISPLAY (display);
    PosadaRectangle damage = self->damage;
    guint width = posada_display_get_width (display);

    if (damage.width == 0)
        return FALSE;
    for (int y = damage.y; y < damage.y + damage.height; y++)
        memcpy (pixels + (gsize) y * stride / 4 + damage.x,
                self->pixels + (gsize) y * width + damage.x, (gsize) damage.width * 4);
    self->damage = (PosadaRectangle) {0};
    *ret_damage = damage;
    return TRUE;
}

static void
mock_display_damage_all (PosadaDisplay *display)
{
    MockDisplay *self = MOCK_DISPLAY (display);

    self->damage = (PosadaRectangle) {0, 0, (int) posada_display_get_width (display),
                                      (int) posada_display_get_height (display)};
}

static void
mock_display_send_key (PosadaDisplay *display, guint code, gboolean down)
{
    g_string_append_printf (MOCK_DISPLAY (display)->record, "key %u %s\n", code,
                            down ? "down" : "up");
}

static void
mock_display_send_absolute (PosadaDisplay *display, guint x, guint y, PosadaButtons buttons)
{
    g_string_append_printf (MOCK_DISPLAY (display)->record, "abs %u %u buttons %u\n", x, y,
                            (guint) buttons);
}

static void
mock_display_send_relative (PosadaDisplay *display, int dx, int dy, PosadaButtons buttons)
{
    g_string_append_printf (MOCK_DISPLAY (display)->record, "rel %d %d buttons %u\n", dx, dy,
                            (guint) buttons);
}

static void
mock_display_send_scroll (PosadaDisplay *display, int dx, int dy)
{
    g_string_append_printf (MOCK_DISPLAY (display)->record, "scroll %d %d\n", dx, dy);
}

static void
mock_display_send_touch (PosadaDisplay *display, guint finger, gboolean down, guint x, guint y)
{
    g_string_append_printf (MOCK_DISPLAY (display)->record, "touch %u %s %u %u\n", finger,
                            down ? "down" : "up", x, y);
}

static void
mock_display_release_all (PosadaDisplay *display)
{
    g_string_append (MOCK_DISPLAY (display)->record, "release\n");
}

static void
mock_display_suggest_size (PosadaDisplay *display, guint width, guint height)
{
    MockDisplay *self = MOCK_DISPLAY (display);

    g_string_append_printf (self->record, "size %u %u\n", width, height);
    if (self->follows)
        mock_display_resize (self, width, height);
}

static void
mock_display_reconnect (PosadaDisplay *display)
{
    MockDisplay *self = MOCK_DISPLAY (display);

    if (self->stays_closed)
        posada_display_emit_closed (display);
}

static void
mock_display_finalize (GObject *object)
{
    MockDisplay *self = MOCK_DISPLAY (object);

    g_free (self->pixels);
    g_string_free (self->record, TRUE);
    G_OBJECT_CLASS (mock_display_parent_class)->finalize (object);
}

static void
mock_display_class_init (MockDisplayClass *klass)
{
    PosadaDisplayClass *display_class = POSADA_DISPLAY_CLASS (klass);

    G_OBJECT_CLASS (klass)->finalize = mock_display_finalize;
    display_class->request_frame = mock_display_request_frame;
    display_class->read_damage = mock_display_read_damage;
    display_class->damage_all = mock_display_damage_all;
    display_class->send_key = mock_display_send_key;
    display_class->send_absolute = mock_display_send_absolute;
    display_class->send_relative = mock_display_send_relative;
    display_class->send_scroll = mock_display_send_scroll;
    display_class->send_touch = mock_display_send_touch;
    display_class->release_all = mock_display_release_all;
    display_class->suggest_size = mock_display_suggest_size;
    display_class->reconnect = mock_display_reconnect;
}

static void
mock_display_init (MockDisplay *self)
{
    self->record = g_string_new (NULL);
    posada_display_set_absolute (POSADA_DISPLAY (self), TRUE);
}

MockDisplay *
mock_display_new (guint width, guint height)
{
    MockDisplay *self = g_object_new (MOCK_TYPE_DISPLAY, NULL);

    mock_display_resize (self, width, height);
    return self;
}

void
mock_display_resize (MockDisplay *self, guint width, guint height)
{
    g_free (self->pixels);
    self->pixels = g_new0 (guint32, (gsize) width * height + 1);
    self->damage = (PosadaRectangle) {0};
    posada_display_set_size (POSADA_DISPLAY (self), width, height);
    mock_display_fill (self, 0, 0, (int) width, (int) height, 0xff000000);
}

static void
add_damage (MockDisplay *self, int x, int y, int width, int height)
{
    PosadaRectangle old = self->damage;
    int right = x + width, bottom = y + height;

    if (old.width > 0) {
        right = MAX (right, old.x + old.width);
        bottom = MAX (bottom, old.y + old.height);
        x = MIN (x, old.x);
        y = MIN (y, old.y);
    }
    self->damage = (PosadaRectangle) {x, y, right - x, bottom - y};
}

void
mock_display_fill (MockDisplay *self, int x, int y, int width, int height, guint32 color)
{
    int stride = (int) posada_display_get_width (POSADA_DISPLAY (self));

    for (int row = y; row < y + height; row++)
        for (int column = x; column < x + width; column++)
            self->pixels[(gsize) row * (gsize) stride + (gsize) column] = color;
    add_damage (self, x, y, width, height);
}

void
mock_display_fill_chequers (MockDisplay *self, guint32 even, guint32 odd)
{
    int width = (int) posada_display_get_width (POSADA_DISPLAY (self));
    int height = (int) posada_display_get_height (POSADA_DISPLAY (self));

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            self->pixels[(gsize) y * (gsize) width + (gsize) x] = (x + y) % 2 ? odd : even;
    add_damage (self, 0, 0, width, height);
}

char *
mock_display_take (MockDisplay *self)
{
    char *text = g_strdup (self->record->str);

    g_string_truncate (self->record, 0);
    return text;
}
