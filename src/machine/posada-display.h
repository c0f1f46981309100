/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen, keyboard and pointer of a running machine, as the console uses them: abstract. The
 * picture is pulled: a console that is visible asks for frames, gets "damaged" when there is
 * something new, and copies it into a buffer of its own. Main thread; nothing waits for the guest.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define POSADA_TYPE_DISPLAY (posada_display_get_type ())
G_DECLARE_DERIVABLE_TYPE (PosadaDisplay, posada_display, POSADA, DISPLAY, GObject)

#define POSADA_DISPLAY_ABSOLUTE_MAX 32767
#define POSADA_DISPLAY_CLICK        120 /* one click of a wheel, in the units of scrolling */
#define POSADA_DISPLAY_MAX_FINGERS  10

typedef enum {
    POSADA_BUTTON_LEFT = 1 << 0,
    POSADA_BUTTON_RIGHT = 1 << 1,
    POSADA_BUTTON_MIDDLE = 1 << 2,
    POSADA_BUTTON_SIDE = 1 << 3,
    POSADA_BUTTON_EXTRA = 1 << 4,
} PosadaButtons;

typedef enum { /* the keyboard's lights, as the guest set them */
    POSADA_LED_NUM = 1 << 0,
    POSADA_LED_CAPS = 1 << 1,
    POSADA_LED_SCROLL = 1 << 2,
} PosadaLeds;

typedef struct {
    int x, y, width, height;
} PosadaRectangle;

/* The guest's cursor: immutable, so that any thread may keep a reference. */
typedef struct {
    guint width, height; /* 0: the guest hides its cursor */
    int hot_x, hot_y;    /* the pixel that points, inside the picture */
    guint32 *pixels;     /* 0xAARRGGBB, premultiplied, rows back to back */
} PosadaCursor;

/* Copies @pixels; width or height 0 makes a hidden one. */
PosadaCursor *
posada_cursor_new (const guint32 *pixels, guint width, guint height, int hot_x, int hot_y);
PosadaCursor *posada_cursor_ref (PosadaCursor *self);
void posada_cursor_unref (PosadaCursor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaCursor, posada_cursor_unref)

/*
 * Properties: "width", "height" (guest pixels, 0 while the screen is off), "absolute" (the guest
 * takes positions; else send relative motion), "touch" (it takes fingers), "leds" (PosadaLeds).
 * Signals: "damaged" (no arguments; at most one per request_frame), "cursor-changed" (another
 * picture, or none), "cursor-moved" (the guest put it elsewhere, showed or hid it), "closed" (the
 * machine stopped).
 */
struct _PosadaDisplayClass {
    GObjectClass parent_class;

    void (*request_frame) (PosadaDisplay *self);
    gboolean (*read_damage) (PosadaDisplay *self, guint32 *pixels, guint stride,
                             PosadaRectangle *ret_damage);
    void (*damage_all) (PosadaDisplay *self);
    GBytes *(*capture) (PosadaDisplay *self, guint *ret_width, guint *ret_height);
    void (*send_key) (PosadaDisplay *self, guint code, gboolean down);
    void (*send_absolute) (PosadaDisplay *self, guint x, guint y, PosadaButtons buttons);
    void (*send_relative) (PosadaDisplay *self, int dx, int dy, PosadaButtons buttons);
    void (*send_scroll) (PosadaDisplay *self, int dx, int dy);
    void (*send_touch) (PosadaDisplay *self, guint finger, gboolean down, guint x, guint y);
    void (*release_all) (PosadaDisplay *self);
    void (*suggest_size) (PosadaDisplay *self, guint width, guint height);
    void (*reconnect) (PosadaDisplay *self); /* optional */
};

guint posada_display_get_width (PosadaDisplay *self);
guint posada_display_get_height (PosadaDisplay *self);
gboolean posada_display_get_absolute (PosadaDisplay *self);
gboolean posada_display_get_touch (PosadaDisplay *self);
PosadaLeds posada_display_get_leds (PosadaDisplay *self);
/* NULL: the guest has none of its own, or paints it into the picture; show the host's. */
PosadaCursor *posada_display_get_cursor (PosadaDisplay *self);
/* Where the cursor's top left corner is, in guest pixels. FALSE if it is not visible. */
gboolean posada_display_get_cursor_position (PosadaDisplay *self, int *ret_x, int *ret_y);

/* Asks for what changed since the last time. "damaged" follows if anything did, soon. */
void posada_display_request_frame (PosadaDisplay *self);
/*
 * Copies everything damaged since the last call into @pixels (0xFFRRGGBB words, rows @stride bytes
 * apart, room for width × height) and gives the bounding rectangle. FALSE if nothing was damaged. A
 * change of size damages everything.
 */
gboolean posada_display_read_damage (PosadaDisplay *self, guint32 *pixels, guint stride,
                                     PosadaRectangle *ret_damage);
/* The whole picture as it was at the last frame, without taking its damage from anybody: words and
 * rows as above, back to back. NULL while the screen is off, or for a display that cannot. */
GBytes *posada_display_capture (PosadaDisplay *self, guint *ret_width, guint *ret_height);
/* Says that everything is damaged, for a reader that has nothing of the picture yet. */
void posada_display_damage_all (PosadaDisplay *self);

/* @code: Linux KEY_*. Positions 0–POSADA_DISPLAY_ABSOLUTE_MAX. */
void posada_display_send_key (PosadaDisplay *self, guint code, gboolean down);
void posada_display_send_absolute (PosadaDisplay *self, guint x, guint y, PosadaButtons buttons);
void posada_display_send_relative (PosadaDisplay *self, int dx, int dy, PosadaButtons buttons);
/* POSADA_DISPLAY_CLICK is one click of a wheel, less is fine; @dx > 0: to the right, @dy > 0: away
 * from the user. What knows whole clicks only adds them up. */
void posada_display_send_scroll (PosadaDisplay *self, int dx, int dy);
/* Finger 0 to POSADA_DISPLAY_MAX_FINGERS - 1 touches, moves (@down again) or leaves the screen. */
void posada_display_send_touch (PosadaDisplay *self, guint finger, gboolean down, guint x, guint y);
/* Every key, button and finger that is down goes up. */
void posada_display_release_all (PosadaDisplay *self);
/* A console would like this many guest pixels. A wish: the guest may not follow. */
void posada_display_suggest_size (PosadaDisplay *self, guint width, guint height);
/* After "closed": tries to come back. Pictures follow if it does, "closed" again if not. */
void posada_display_reconnect (PosadaDisplay *self);

/* For subclasses. */
void posada_display_set_size (PosadaDisplay *self, guint width, guint height);
void posada_display_set_absolute (PosadaDisplay *self, gboolean absolute);
void posada_display_set_touch (PosadaDisplay *self, gboolean touch);
void posada_display_set_leds (PosadaDisplay *self, PosadaLeds leds);
/* Takes a reference to @cursor; nothing is emitted for the same one. */
void posada_display_set_cursor (PosadaDisplay *self, PosadaCursor *cursor);
void posada_display_move_cursor (PosadaDisplay *self, int x, int y, gboolean visible);
/* Dropped if nobody has requested a frame since the last one: the subclass keeps its damage and
 * says so again upon the next request. */
void posada_display_emit_damaged (PosadaDisplay *self);
void posada_display_emit_closed (PosadaDisplay *self);

G_END_DECLS
