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

typedef enum {
    POSADA_BUTTON_LEFT = 1 << 0,
    POSADA_BUTTON_RIGHT = 1 << 1,
    POSADA_BUTTON_MIDDLE = 1 << 2,
    POSADA_BUTTON_SIDE = 1 << 3,
    POSADA_BUTTON_EXTRA = 1 << 4,
} PosadaButtons;

typedef struct {
    int x, y, width, height;
} PosadaRectangle;

/*
 * Properties: "width", "height" (guest pixels, 0 while the screen is off), "absolute" (the guest
 * takes positions; else send relative motion).
 * Signals: "damaged" (no arguments; at most one per request_frame), "closed" (the machine stopped).
 */
struct _PosadaDisplayClass {
    GObjectClass parent_class;

    void (*request_frame) (PosadaDisplay *self);
    gboolean (*read_damage) (PosadaDisplay *self, guint32 *pixels, guint stride,
                             PosadaRectangle *ret_damage);
    void (*damage_all) (PosadaDisplay *self);
    void (*send_key) (PosadaDisplay *self, guint code, gboolean down);
    void (*send_absolute) (PosadaDisplay *self, guint x, guint y, int wheel, PosadaButtons buttons);
    void (*send_relative) (PosadaDisplay *self, int dx, int dy, int wheel, PosadaButtons buttons);
    void (*release_all) (PosadaDisplay *self);
    void (*suggest_size) (PosadaDisplay *self, guint width, guint height);
};

guint posada_display_get_width (PosadaDisplay *self);
guint posada_display_get_height (PosadaDisplay *self);
gboolean posada_display_get_absolute (PosadaDisplay *self);

/* Asks for what changed since the last time. "damaged" follows if anything did, soon. */
void posada_display_request_frame (PosadaDisplay *self);
/*
 * Copies everything damaged since the last call into @pixels (0xFFRRGGBB words, rows @stride bytes
 * apart, room for width × height) and gives the bounding rectangle. FALSE if nothing was damaged. A
 * change of size damages everything.
 */
gboolean posada_display_read_damage (PosadaDisplay *self, guint32 *pixels, guint stride,
                                     PosadaRectangle *ret_damage);
/* Says that everything is damaged, for a reader that has nothing of the picture yet. */
void posada_display_damage_all (PosadaDisplay *self);

/* @code: Linux KEY_*. Positions 0–POSADA_DISPLAY_ABSOLUTE_MAX; @wheel > 0: away from the user. */
void posada_display_send_key (PosadaDisplay *self, guint code, gboolean down);
void posada_display_send_absolute (PosadaDisplay *self, guint x, guint y, int wheel,
                                   PosadaButtons buttons);
void posada_display_send_relative (PosadaDisplay *self, int dx, int dy, int wheel,
                                   PosadaButtons buttons);
/* Every key and button that is down goes up. */
void posada_display_release_all (PosadaDisplay *self);
/* A console would like this many guest pixels. A wish: the guest may not follow. */
void posada_display_suggest_size (PosadaDisplay *self, guint width, guint height);

/* For subclasses. */
void posada_display_set_size (PosadaDisplay *self, guint width, guint height);
void posada_display_set_absolute (PosadaDisplay *self, gboolean absolute);
/* Dropped if nobody has requested a frame since the last one: the subclass keeps its damage and
 * says so again upon the next request. */
void posada_display_emit_damaged (PosadaDisplay *self);
void posada_display_emit_closed (PosadaDisplay *self);

G_END_DECLS
