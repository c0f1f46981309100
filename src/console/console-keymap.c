/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-keymap.h"

#include <gdk/gdk.h>
#include <glib/gi18n.h>
#include <linux/input-event-codes.h>
#include <string.h>

/* What the keys print, without and with shift; codes of a row follow each other. */
static const struct {
    guint first;
    const char *plain, *shifted;
} rows[] = {
    {KEY_1, "1234567890-=", "!@#$%^&*()_+"},
    {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
    {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {KEY_SPACE, " ", " "},
};

static const struct {
    guint keyval, code;
} keys[] = {
    {GDK_KEY_Escape, KEY_ESC},
    {GDK_KEY_BackSpace, KEY_BACKSPACE},
    {GDK_KEY_Tab, KEY_TAB},
    {GDK_KEY_ISO_Left_Tab, KEY_TAB},
    {GDK_KEY_Return, KEY_ENTER},
    {GDK_KEY_Linefeed, KEY_ENTER},
    {GDK_KEY_Control_L, KEY_LEFTCTRL},
    {GDK_KEY_Control_R, KEY_RIGHTCTRL},
    {GDK_KEY_Shift_L, KEY_LEFTSHIFT},
    {GDK_KEY_Shift_R, KEY_RIGHTSHIFT},
    {GDK_KEY_Alt_L, KEY_LEFTALT},
    {GDK_KEY_Alt_R, KEY_RIGHTALT},
    {GDK_KEY_ISO_Level3_Shift, KEY_RIGHTALT},
    {GDK_KEY_Meta_L, KEY_LEFTALT},
    {GDK_KEY_Meta_R, KEY_RIGHTALT},
    {GDK_KEY_Super_L, KEY_LEFTMETA},
    {GDK_KEY_Super_R, KEY_RIGHTMETA},
    {GDK_KEY_Menu, KEY_COMPOSE},
    {GDK_KEY_Caps_Lock, KEY_CAPSLOCK},
    {GDK_KEY_Num_Lock, KEY_NUMLOCK},
    {GDK_KEY_Scroll_Lock, KEY_SCROLLLOCK},
    {GDK_KEY_Home, KEY_HOME},
    {GDK_KEY_End, KEY_END},
    {GDK_KEY_Left, KEY_LEFT},
    {GDK_KEY_Right, KEY_RIGHT},
    {GDK_KEY_Up, KEY_UP},
    {GDK_KEY_Down, KEY_DOWN},
    {GDK_KEY_Page_Up, KEY_PAGEUP},
    {GDK_KEY_Page_Down, KEY_PAGEDOWN},
    {GDK_KEY_Insert, KEY_INSERT},
    {GDK_KEY_Delete, KEY_DELETE},
    {GDK_KEY_Print, KEY_SYSRQ},
    {GDK_KEY_Pause, KEY_PAUSE},
    {GDK_KEY_F11, KEY_F11},
    {GDK_KEY_F12, KEY_F12},
    {GDK_KEY_KP_Enter, KEY_KPENTER},
    {GDK_KEY_KP_Add, KEY_KPPLUS},
    {GDK_KEY_KP_Subtract, KEY_KPMINUS},
    {GDK_KEY_KP_Multiply, KEY_KPASTERISK},
    {GDK_KEY_KP_Divide, KEY_KPSLASH},
    {GDK_KEY_KP_Decimal, KEY_KPDOT},
    {GDK_KEY_KP_0, KEY_KP0},
    {GDK_KEY_KP_1, KEY_KP1},
    {GDK_KEY_KP_2, KEY_KP2},
    {GDK_KEY_KP_3, KEY_KP3},
    {GDK_KEY_KP_4, KEY_KP4},
    {GDK_KEY_KP_5, KEY_KP5},
    {GDK_KEY_KP_6, KEY_KP6},
    {GDK_KEY_KP_7, KEY_KP7},
    {GDK_KEY_KP_8, KEY_KP8},
    {GDK_KEY_KP_9, KEY_KP9},
    {GDK_KEY_AudioMute, KEY_MUTE},
    {GDK_KEY_AudioLowerVolume, KEY_VOLUMEDOWN},
    {GDK_KEY_AudioRaiseVolume, KEY_VOLUMEUP},
};

static const struct {
    const char *name, *label;
    guint code;
} modifiers[] = {
    {"ctrl", N_ ("Ctrl"), KEY_LEFTCTRL},
    {"alt", N_ ("Alt"), KEY_LEFTALT},
    {"shift", N_ ("Shift"), KEY_LEFTSHIFT},
    {"super", N_ ("Super"), KEY_LEFTMETA},
    {"left-ctrl", NULL, KEY_LEFTCTRL},
    {"left-alt", NULL, KEY_LEFTALT},
    {"left-shift", NULL, KEY_LEFTSHIFT},
    {"left-super", NULL, KEY_LEFTMETA},
    {"right-ctrl", N_ ("Right Ctrl"), KEY_RIGHTCTRL},
    {"right-alt", N_ ("Right Alt"), KEY_RIGHTALT},
    {"right-shift", N_ ("Right Shift"), KEY_RIGHTSHIFT},
    {"right-super", N_ ("Right Super"), KEY_RIGHTMETA},
};

gboolean
console_keymap_find_character (gunichar character, guint *ret_code, gboolean *ret_shift)
{
    if (character == '\n' || character == '\t') {
        *ret_code = character == '\n' ? KEY_ENTER : KEY_TAB;
        *ret_shift = FALSE;
        return TRUE;
    }
    if (character < ' ' || character > '~')
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const char *plain = strchr (rows[i].plain, (int) character);
        const char *shifted = strchr (rows[i].shifted, (int) character);

        if (!plain && !shifted)
            continue;
        *ret_code =
            rows[i].first + (guint) (plain ? plain - rows[i].plain : shifted - rows[i].shifted);
        *ret_shift = !plain;
        return TRUE;
    }
    return FALSE;
}

gboolean
console_keymap_find (guint keyval, guint *ret_code, gboolean *ret_shift)
{
    if (keyval >= GDK_KEY_F1 && keyval <= GDK_KEY_F10) {
        *ret_code = KEY_F1 + (keyval - GDK_KEY_F1);
        *ret_shift = FALSE;
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
        if (keys[i].keyval != keyval)
            continue;
        *ret_code = keys[i].code;
        *ret_shift = FALSE;
        return TRUE;
    }
    return console_keymap_find_character (gdk_keyval_to_unicode (keyval), ret_code, ret_shift);
}

guint
console_keymap_parse (const char *text, guint *ret_codes, guint max)
{
    g_auto (GStrv) names = g_strsplit (text ? text : "", "+", -1);
    guint n = 0;

    for (gsize i = 0; names[i]; i++) {
        gsize at = 0;

        while (at < G_N_ELEMENTS (modifiers) &&
               g_ascii_strcasecmp (g_strstrip (names[i]), modifiers[at].name) != 0)
            at++;
        if (at == G_N_ELEMENTS (modifiers) || n == max)
            return 0;
        ret_codes[n++] = modifiers[at].code;
    }
    return n;
}

char *
console_keymap_to_label (const guint *codes, guint n_codes)
{
    GString *label = g_string_new (NULL);

    for (guint i = 0; i < n_codes; i++) {
        for (gsize at = 0; at < G_N_ELEMENTS (modifiers); at++) {
            if (modifiers[at].code != codes[i] || !modifiers[at].label)
                continue;
            g_string_append_printf (label, "%s%s", label->len ? "+" : "", _ (modifiers[at].label));
            break;
        }
    }
    return g_string_free_and_steal (label);
}
