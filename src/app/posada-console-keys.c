/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-console-keys.h"

#include <linux/input-event-codes.h>

static const struct {
    const char *name;
    guint codes[POSADA_CONSOLE_KEYS_MAX];
} combinations[] = {
    {"ctrl-alt-delete", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE}},
    {"ctrl-alt-backspace", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_BACKSPACE}},
    {"ctrl-shift-escape", {KEY_LEFTCTRL, KEY_LEFTSHIFT, KEY_ESC}},
    {"alt-tab", {KEY_LEFTALT, KEY_TAB}},
    {"alt-f4", {KEY_LEFTALT, KEY_F4}},
    {"super", {KEY_LEFTMETA}},
    {"super-l", {KEY_LEFTMETA, KEY_L}},
    {"print-screen", {KEY_SYSRQ}},
    {"pause", {KEY_PAUSE}},
    {"scroll-lock", {KEY_SCROLLLOCK}},
    {"insert", {KEY_INSERT}},
    {"ctrl-alt-f1", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F1}},
    {"ctrl-alt-f2", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F2}},
    {"ctrl-alt-f3", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F3}},
    {"ctrl-alt-f4", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F4}},
    {"ctrl-alt-f5", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F5}},
    {"ctrl-alt-f6", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F6}},
    {"ctrl-alt-f7", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F7}},
    {"ctrl-alt-f8", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F8}},
    {"ctrl-alt-f9", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F9}},
    {"ctrl-alt-f10", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F10}},
    {"ctrl-alt-f11", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F11}},
    {"ctrl-alt-f12", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F12}},
};

guint
posada_console_keys_find (const char *name, guint ret_codes[POSADA_CONSOLE_KEYS_MAX])
{
    guint n = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (combinations); i++) {
        if (!g_str_equal (combinations[i].name, name))
            continue;
        while (n < POSADA_CONSOLE_KEYS_MAX && combinations[i].codes[n]) {
            ret_codes[n] = combinations[i].codes[n];
            n++;
        }
        break;
    }
    return n;
}
