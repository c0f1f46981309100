/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-keyboard.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "console/console-keymap.h"

/* XKB's codes of evdev keyboards, on X11 and Wayland alike, begin at 8. */
#define KEYCODE_OFFSET 8
/* PS/2 keyboards queue 16 bytes, guests empty them within milliseconds. */
#define TYPING_INTERVAL_MS 10
#define MAX_TYPING         65536

typedef struct {
    guint code;
    gboolean shift;           /* the key went down with a shift of ours */
    GdkModifierType modifier; /* what the host takes this key for */
} PressedKey;

typedef struct {
    guint code;
    gboolean down;
} Stroke;

struct _ConsoleKeyboard {
    PosadaDisplay *display;
    GHashTable *pressed; /* host keycode → PressedKey */
    GQueue strokes;      /* Stroke, to be typed */
    guint typing_source;
    guint n_typed, n_to_type; /* strokes since it began */
    void (*typing_cb) (gpointer data);
    gpointer typing_data;

    guint release_keys[CONSOLE_KEYBOARD_MAX_RELEASE_KEYS];
    guint n_release_keys;
    gboolean armed; /* the release keys are down, and nothing else was pressed since */
};

ConsoleKeyboard *
console_keyboard_new (void)
{
    ConsoleKeyboard *self = g_new0 (ConsoleKeyboard, 1);

    self->pressed = g_hash_table_new_full (NULL, NULL, NULL, g_free);
    g_queue_init (&self->strokes);
    return self;
}

static void
tell_typing (ConsoleKeyboard *self)
{
    if (self->typing_cb)
        self->typing_cb (self->typing_data);
}

static void
stop_typing (ConsoleKeyboard *self)
{
    gboolean was_typing = self->typing_source != 0;

    g_clear_handle_id (&self->typing_source, g_source_remove);
    g_queue_clear_full (&self->strokes, g_free);
    self->n_typed = self->n_to_type = 0;
    if (was_typing)
        tell_typing (self);
}

void
console_keyboard_free (ConsoleKeyboard *self)
{
    if (!self)
        return;
    self->typing_cb = NULL;
    console_keyboard_set_display (self, NULL);
    g_hash_table_unref (self->pressed);
    g_free (self);
}

void
console_keyboard_set_display (ConsoleKeyboard *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    stop_typing (self);
    console_keyboard_release_all (self);
    g_set_object (&self->display, display);
}

void
console_keyboard_set_release_keys (ConsoleKeyboard *self, const guint *codes, guint n_codes)
{
    self->n_release_keys = MIN (n_codes, CONSOLE_KEYBOARD_MAX_RELEASE_KEYS);
    if (self->n_release_keys > 0)
        memcpy (self->release_keys, codes, self->n_release_keys * sizeof (codes[0]));
    self->armed = FALSE;
}

const guint *
console_keyboard_get_release_keys (ConsoleKeyboard *self, guint *ret_n)
{
    *ret_n = self->n_release_keys;
    return self->release_keys;
}

static void
send (ConsoleKeyboard *self, guint code, gboolean down)
{
    if (self->display)
        posada_display_send_key (self->display, code, down);
}

static void
let_go (ConsoleKeyboard *self, const PressedKey *key)
{
    send (self, key->code, FALSE);
    if (key->shift)
        send (self, KEY_LEFTSHIFT, FALSE);
}

static gboolean
is_down (ConsoleKeyboard *self, guint code)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init (&iter, self->pressed);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        if (((const PressedKey *) value)->code == code)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_release_key (ConsoleKeyboard *self, guint code)
{
    for (guint i = 0; i < self->n_release_keys; i++) {
        if (self->release_keys[i] == code)
            return TRUE;
    }
    return FALSE;
}

/*
 * Armed while the combination is down and nothing else was pressed after it: Ctrl+Alt+Delete is the
 * guest's. A key that is down from before does not count, so that one that got lost cannot lock the
 * user in.
 */
static void
update_armed (ConsoleKeyboard *self, guint code)
{
    self->armed = is_release_key (self, code);
    for (guint i = 0; self->armed && i < self->n_release_keys; i++)
        self->armed = is_down (self, self->release_keys[i]);
}

static GdkModifierType
keyval_to_modifier (guint keyval)
{
    switch (keyval) {
    case GDK_KEY_Shift_L:
    case GDK_KEY_Shift_R: return GDK_SHIFT_MASK;
    case GDK_KEY_Control_L:
    case GDK_KEY_Control_R: return GDK_CONTROL_MASK;
    case GDK_KEY_Alt_L:
    case GDK_KEY_Alt_R: return GDK_ALT_MASK;
    case GDK_KEY_Super_L:
    case GDK_KEY_Super_R: return GDK_SUPER_MASK;
    default: return 0;
    }
}

/*
 * A modifier that is down here and not on the host went up while somebody else had the keyboard,
 * as Alt does in Alt+Tab.
 */
static void
drop_stale_modifiers (ConsoleKeyboard *self, GdkModifierType state)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init (&iter, self->pressed);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const PressedKey *key = value;

        if (key->modifier == 0 || (state & key->modifier))
            continue;
        let_go (self, key);
        g_hash_table_iter_remove (&iter);
    }
}

void
console_keyboard_press (ConsoleKeyboard *self, guint keycode, guint keyval, GdkModifierType state,
                        gboolean foreign)
{
    PressedKey *key;
    guint code = keycode - KEYCODE_OFFSET;
    gboolean shift = FALSE;

    if (g_hash_table_contains (self->pressed, GUINT_TO_POINTER (keycode)))
        return;
    if (foreign) {
        if (!console_keymap_find (keyval, &code, &shift))
            return;
    } else if (keycode <= KEYCODE_OFFSET || code >= KEY_CNT) {
        return;
    }
    drop_stale_modifiers (self, state);

    key = g_new0 (PressedKey, 1);
    key->code = code;
    key->modifier = keyval_to_modifier (keyval);
    key->shift = shift && !is_down (self, KEY_LEFTSHIFT) && !is_down (self, KEY_RIGHTSHIFT);
    g_hash_table_insert (self->pressed, GUINT_TO_POINTER (keycode), key);
    update_armed (self, code);
    if (key->shift)
        send (self, KEY_LEFTSHIFT, TRUE);
    send (self, code, TRUE);
}

gboolean
console_keyboard_release (ConsoleKeyboard *self, guint keycode)
{
    const PressedKey *key = g_hash_table_lookup (self->pressed, GUINT_TO_POINTER (keycode));
    gboolean complete;

    if (!key)
        return FALSE;
    complete = self->armed && is_release_key (self, key->code);
    let_go (self, key);
    g_hash_table_remove (self->pressed, GUINT_TO_POINTER (keycode));
    self->armed = FALSE;
    return complete;
}

void
console_keyboard_release_all (ConsoleKeyboard *self)
{
    g_hash_table_remove_all (self->pressed);
    self->armed = FALSE;
    if (self->display)
        posada_display_release_all (self->display);
}

static gboolean
type_cb (gpointer data)
{
    ConsoleKeyboard *self = data;
    g_autofree Stroke *stroke = g_queue_pop_head (&self->strokes);

    if (stroke)
        send (self, stroke->code, stroke->down);
    self->n_typed++;
    if (g_queue_is_empty (&self->strokes)) {
        self->typing_source = 0;
        self->n_typed = self->n_to_type = 0;
        tell_typing (self);
        return G_SOURCE_REMOVE;
    }
    tell_typing (self);
    return G_SOURCE_CONTINUE;
}

static void
type (ConsoleKeyboard *self, guint code, gboolean down)
{
    Stroke *stroke;

    if (!self->display)
        return;
    stroke = g_new (Stroke, 1);
    *stroke = (Stroke) {code, down};
    g_queue_push_tail (&self->strokes, stroke);
    self->n_to_type++;
    if (!self->typing_source)
        self->typing_source = g_timeout_add (TYPING_INTERVAL_MS, type_cb, self);
}

void
console_keyboard_send_keys (ConsoleKeyboard *self, const guint *codes, guint n_codes)
{
    for (guint i = 0; i < n_codes; i++)
        type (self, codes[i], TRUE);
    for (guint i = n_codes; i-- > 0;)
        type (self, codes[i], FALSE);
}

guint
console_keyboard_type_text (ConsoleKeyboard *self, const char *text)
{
    guint left_out = 0, typed = 0;

    for (const char *at = text; *at; at = g_utf8_next_char (at)) {
        gunichar character = g_utf8_get_char (at);
        gboolean shift;
        guint code;

        if (character == '\r' && at[1] == '\n')
            continue;
        if (typed == MAX_TYPING || !console_keymap_find_character (character, &code, &shift)) {
            left_out++;
            continue;
        }
        typed++;
        if (shift)
            type (self, KEY_LEFTSHIFT, TRUE);
        type (self, code, TRUE);
        type (self, code, FALSE);
        if (shift)
            type (self, KEY_LEFTSHIFT, FALSE);
    }
    return left_out;
}

void
console_keyboard_set_typing_cb (ConsoleKeyboard *self, void (*typing_cb) (gpointer data),
                                gpointer data)
{
    self->typing_cb = typing_cb;
    self->typing_data = data;
}

void
console_keyboard_get_typing (ConsoleKeyboard *self, guint *ret_done, guint *ret_total)
{
    *ret_done = self->n_typed;
    *ret_total = self->n_to_type;
}

void
console_keyboard_cancel_typing (ConsoleKeyboard *self)
{
    if (g_queue_is_empty (&self->strokes))
        return;
    stop_typing (self);
    console_keyboard_release_all (self);
}

gboolean
console_keyboard_is_typing (ConsoleKeyboard *self)
{
    return !g_queue_is_empty (&self->strokes);
}

gboolean
console_keyboard_is_hardware (GdkDisplay *display)
{
    /* Keys that mean the same on all layouts people use; one of them may well be remapped. */
    static const struct {
        guint code, keyval;
    } anchors[] = {
        {KEY_ENTER, GDK_KEY_Return}, {KEY_SPACE, GDK_KEY_space}, {KEY_TAB, GDK_KEY_Tab},
        {KEY_UP, GDK_KEY_Up},        {KEY_F1, GDK_KEY_F1},
    };
    guint found = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (anchors); i++) {
        g_autofree guint *keyvals = NULL;
        int n = 0;

        if (!gdk_display_map_keycode (display, anchors[i].code + KEYCODE_OFFSET, NULL, &keyvals,
                                      &n))
            continue;
        for (int at = 0; at < n; at++) {
            if (keyvals[at] == anchors[i].keyval) {
                found++;
                break;
            }
        }
    }
    return found >= 3;
}
