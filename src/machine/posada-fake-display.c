/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-fake-display.h"

#include <linux/input-event-codes.h>
#include <string.h>

#define DEFAULT_WIDTH    1024
#define DEFAULT_HEIGHT   768
#define MIN_SIZE         64
#define MAX_SIZE         8192

#define FRAME_DELAY      4 /* ms: a picture comes soon, not at once */
#define PANEL_HEIGHT     28
#define TITLE_HEIGHT     32

#define COLOR_PANEL      0xff1e1e22
#define COLOR_PANEL_TEXT 0xffdcdce0
#define COLOR_WINDOW     0xfffafafa
#define COLOR_TITLE      0xffe3e3e6
#define COLOR_CLOSE      0xffc64600
#define COLOR_TEXT       0xff8a8a90

struct _PosadaFakeDisplay {
    PosadaDisplay parent_instance;

    GString *record; /* NULL once closed */
    guint32 *pixels;
    guint width, height;
    PosadaRectangle damage; /* empty if nothing changed */
    PosadaRectangle window;
    guint frame;
    gboolean still;
    guint timeout;
    int x, y; /* where the cursor points */
};

/* Its cursor: # is black, . is white. */
static const char arrow[] = "#           "
                            "##          "
                            "#.#         "
                            "#..#        "
                            "#...#       "
                            "#....#      "
                            "#.....#     "
                            "#......#    "
                            "#.......#   "
                            "#........#  "
                            "#.........# "
                            "#......#####"
                            "#...#..#    "
                            "#..##..#    "
                            "#.#  #..#   "
                            "##   #..#   "
                            "#     #..#  "
                            "      #..#  "
                            "       ##   ";
#define ARROW_WIDTH  12
#define ARROW_HEIGHT 19

G_DEFINE_FINAL_TYPE (PosadaFakeDisplay, posada_fake_display, POSADA_TYPE_DISPLAY)

static PosadaRectangle
intersect (PosadaRectangle a, PosadaRectangle b)
{
    int x = MAX (a.x, b.x), y = MAX (a.y, b.y);
    int right = MIN (a.x + a.width, b.x + b.width), bottom = MIN (a.y + a.height, b.y + b.height);

    return right > x && bottom > y ? (PosadaRectangle) {x, y, right - x, bottom - y}
                                   : (PosadaRectangle) {0};
}

static void
add_damage (PosadaFakeDisplay *self, PosadaRectangle area)
{
    PosadaRectangle *damage = &self->damage;
    int right, bottom;

    area = intersect (area, (PosadaRectangle) {0, 0, self->width, self->height});
    if (area.width == 0)
        return;
    if (damage->width == 0) {
        *damage = area;
        return;
    }
    right = MAX (damage->x + damage->width, area.x + area.width);
    bottom = MAX (damage->y + damage->height, area.y + area.height);
    damage->x = MIN (damage->x, area.x);
    damage->y = MIN (damage->y, area.y);
    damage->width = right - damage->x;
    damage->height = bottom - damage->y;
}

static void
fill (PosadaFakeDisplay *self, PosadaRectangle clip, PosadaRectangle area, guint32 color)
{
    area = intersect (area, clip);
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++)
            self->pixels[(gsize) y * self->width + x] = color;
}

static void
draw_wallpaper (PosadaFakeDisplay *self, PosadaRectangle clip)
{
    for (int y = clip.y; y < clip.y + clip.height; y++)
        for (int x = clip.x; x < clip.x + clip.width; x++) {
            guint across = x * 64 / self->width, down = y * 96 / self->height;
            guint hill = (guint) (y - x / 3) % 256 < 128 ? 6 : 0;

            self->pixels[(gsize) y * self->width + x] = 0xff000000 | (36 + across + hill) << 16 |
                                                        (70 + down / 2 + hill) << 8 |
                                                        (150 - down + across / 2 + hill);
        }
}

/* Everything inside @clip, from the back to the front. */
static void
draw (PosadaFakeDisplay *self, PosadaRectangle clip)
{
    PosadaRectangle window = self->window;
    int width = self->width;

    clip = intersect (clip, (PosadaRectangle) {0, 0, self->width, self->height});
    draw_wallpaper (self, clip);
    fill (self, clip, (PosadaRectangle) {0, 0, width, PANEL_HEIGHT}, COLOR_PANEL);
    fill (self, clip, (PosadaRectangle) {14, 11, 64, 6}, COLOR_PANEL_TEXT);
    fill (self, clip, (PosadaRectangle) {width / 2 - 30, 11, 60, 6}, COLOR_PANEL_TEXT);
    fill (self, clip, (PosadaRectangle) {width - 50, 9, 36, 10}, COLOR_PANEL_TEXT);

    fill (self, clip, window, COLOR_WINDOW);
    fill (self, clip, (PosadaRectangle) {window.x, window.y, window.width, TITLE_HEIGHT},
          COLOR_TITLE);
    fill (self, clip, (PosadaRectangle) {window.x + window.width - 24, window.y + 10, 12, 12},
          COLOR_CLOSE);
    for (int line = 0; line * 20 + TITLE_HEIGHT + 36 < window.height; line++)
        fill (self, clip,
              (PosadaRectangle) {window.x + 20, window.y + TITLE_HEIGHT + 18 + line * 20,
                                 (window.width - 40) * (9 - line * 5 % 7) / 9, 6},
              COLOR_TEXT);
    add_damage (self, clip);
}

static void
place_window (PosadaFakeDisplay *self)
{
    int room_x = (int) self->width / 2, room_y = ((int) self->height - PANEL_HEIGHT) / 2;
    int phase = self->frame % 240, swing = phase < 120 ? phase : 240 - phase;

    self->window = (PosadaRectangle) {
        .x = room_x / 4 + room_x / 2 * swing / 120,
        .y = PANEL_HEIGHT + room_y / 4 + room_y / 4 * swing / 120,
        .width = room_x,
        .height = room_y,
    };
}

static void
resize (PosadaFakeDisplay *self, guint width, guint height)
{
    g_free (self->pixels);
    self->pixels = width ? g_new (guint32, (gsize) width * height) : NULL;
    self->width = width;
    self->height = height;
    self->damage = (PosadaRectangle) {0};
    if (width) {
        place_window (self);
        draw (self, (PosadaRectangle) {0, 0, width, height});
    }
    posada_display_set_size (POSADA_DISPLAY (self), width, height);
}

static void
move_window (PosadaFakeDisplay *self)
{
    PosadaRectangle before = self->window;

    self->frame++;
    place_window (self);
    if (memcmp (&before, &self->window, sizeof before) == 0)
        return;
    draw (self, before);
    draw (self, self->window);
}

static gboolean
frame_cb (gpointer data)
{
    PosadaFakeDisplay *self = data;

    self->timeout = 0;
    if (!self->still)
        move_window (self);
    if (self->damage.width)
        posada_display_emit_damaged (POSADA_DISPLAY (self));
    return G_SOURCE_REMOVE;
}

static void
fake_display_request_frame (PosadaDisplay *display)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (self->timeout == 0 && self->pixels)
        self->timeout = g_timeout_add (FRAME_DELAY, frame_cb, self);
}

static gboolean
fake_display_read_damage (PosadaDisplay *display, guint32 *pixels, guint stride,
                          PosadaRectangle *ret_damage)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);
    PosadaRectangle damage = self->damage;

    if (damage.width == 0)
        return FALSE;
    for (int y = damage.y; y < damage.y + damage.height; y++)
        memcpy ((char *) pixels + (gsize) y * stride + (gsize) damage.x * 4,
                self->pixels + (gsize) y * self->width + damage.x, (gsize) damage.width * 4);
    self->damage = (PosadaRectangle) {0};
    *ret_damage = damage;
    return TRUE;
}

static GBytes *
fake_display_capture (PosadaDisplay *display, guint *ret_width, guint *ret_height)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (!self->pixels)
        return NULL;
    *ret_width = self->width;
    *ret_height = self->height;
    return g_bytes_new (self->pixels, (gsize) self->width * self->height * 4);
}

static void
fake_display_damage_all (PosadaDisplay *display)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    add_damage (self, (PosadaRectangle) {0, 0, self->width, self->height});
}

static void
toggle_led (PosadaDisplay *display, guint code)
{
    PosadaLeds led = code == KEY_CAPSLOCK     ? POSADA_LED_CAPS
                     : code == KEY_NUMLOCK    ? POSADA_LED_NUM
                     : code == KEY_SCROLLLOCK ? POSADA_LED_SCROLL
                                              : 0;

    posada_display_set_leds (display, posada_display_get_leds (display) ^ led);
}

static void
fake_display_send_key (PosadaDisplay *display, guint code, gboolean down)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (self->record)
        g_string_append_printf (self->record, "key %u %s\n", code, down ? "down" : "up");
    if (self->record && down)
        toggle_led (display, code);
}

static void
point_at (PosadaFakeDisplay *self, int x, int y)
{
    self->x = CLAMP (x, 0, (int) self->width - 1);
    self->y = CLAMP (y, 0, (int) self->height - 1);
    posada_display_move_cursor (POSADA_DISPLAY (self), self->x, self->y, self->width > 0);
}

static void
fake_display_send_absolute (PosadaDisplay *display, guint x, guint y, PosadaButtons buttons)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);
    const guint range = POSADA_DISPLAY_ABSOLUTE_MAX + 1;

    if (!self->record)
        return;
    g_string_append_printf (self->record, "abs %u %u buttons %u\n", x, y, (guint) buttons);
    point_at (self, x * self->width / range, y * self->height / range);
}

static void
fake_display_send_relative (PosadaDisplay *display, int dx, int dy, PosadaButtons buttons)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (!self->record)
        return;
    g_string_append_printf (self->record, "rel %d %d buttons %u\n", dx, dy, (guint) buttons);
    point_at (self, self->x + dx, self->y + dy);
}

static void
fake_display_send_scroll (PosadaDisplay *display, int dx, int dy)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (self->record)
        g_string_append_printf (self->record, "scroll %d %d\n", dx, dy);
}

static void
fake_display_send_touch (PosadaDisplay *display, guint finger, gboolean down, guint x, guint y)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (self->record)
        g_string_append_printf (self->record, "touch %u %s %u %u\n", finger, down ? "down" : "up",
                                x, y);
}

static void
fake_display_release_all (PosadaDisplay *display)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (self->record)
        g_string_append (self->record, "release\n");
}

static void
fake_display_suggest_size (PosadaDisplay *display, guint width, guint height)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (display);

    if (!self->record)
        return;
    g_string_append_printf (self->record, "size %u %u\n", width, height);
    width = CLAMP (width, MIN_SIZE, MAX_SIZE);
    height = CLAMP (height, MIN_SIZE, MAX_SIZE);
    if (width == self->width && height == self->height)
        return;
    resize (self, width, height);
    posada_display_emit_damaged (display);
}

static void
posada_fake_display_dispose (GObject *object)
{
    PosadaFakeDisplay *self = POSADA_FAKE_DISPLAY (object);

    g_clear_handle_id (&self->timeout, g_source_remove);
    self->record = NULL;

    G_OBJECT_CLASS (posada_fake_display_parent_class)->dispose (object);
}

static void
posada_fake_display_finalize (GObject *object)
{
    g_free (POSADA_FAKE_DISPLAY (object)->pixels);

    G_OBJECT_CLASS (posada_fake_display_parent_class)->finalize (object);
}

static void
posada_fake_display_class_init (PosadaFakeDisplayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    PosadaDisplayClass *display_class = POSADA_DISPLAY_CLASS (klass);

    object_class->dispose = posada_fake_display_dispose;
    object_class->finalize = posada_fake_display_finalize;

    display_class->request_frame = fake_display_request_frame;
    display_class->read_damage = fake_display_read_damage;
    display_class->damage_all = fake_display_damage_all;
    display_class->capture = fake_display_capture;
    display_class->send_key = fake_display_send_key;
    display_class->send_absolute = fake_display_send_absolute;
    display_class->send_relative = fake_display_send_relative;
    display_class->send_scroll = fake_display_send_scroll;
    display_class->send_touch = fake_display_send_touch;
    display_class->release_all = fake_display_release_all;
    display_class->suggest_size = fake_display_suggest_size;
}

static void
posada_fake_display_init (PosadaFakeDisplay *self)
{
    guint32 pixels[ARROW_WIDTH * ARROW_HEIGHT];
    g_autoptr (PosadaCursor) cursor = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (pixels); i++)
        pixels[i] = arrow[i] == '#' ? 0xff000000 : arrow[i] == '.' ? 0xffffffff : 0;
    cursor = posada_cursor_new (pixels, ARROW_WIDTH, ARROW_HEIGHT, 0, 0);
    resize (self, DEFAULT_WIDTH, DEFAULT_HEIGHT);
    posada_display_set_absolute (POSADA_DISPLAY (self), TRUE);
    posada_display_set_touch (POSADA_DISPLAY (self), TRUE);
    posada_display_set_cursor (POSADA_DISPLAY (self), cursor);
    point_at (self, 0, 0);
}

PosadaDisplay *
posada_fake_display_new (GString *record)
{
    PosadaFakeDisplay *self = g_object_new (POSADA_TYPE_FAKE_DISPLAY, NULL);

    self->record = record;
    return POSADA_DISPLAY (self);
}

void
posada_fake_display_set_still (PosadaFakeDisplay *self, gboolean still)
{
    g_return_if_fail (POSADA_IS_FAKE_DISPLAY (self));
    self->still = still;
}

void
posada_fake_display_close (PosadaFakeDisplay *self)
{
    g_return_if_fail (POSADA_IS_FAKE_DISPLAY (self));
    self->record = NULL;
    g_clear_handle_id (&self->timeout, g_source_remove);
    resize (self, 0, 0);
    posada_display_emit_closed (POSADA_DISPLAY (self));
}
