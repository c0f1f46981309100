/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user's preferences, io.posada.Posada in GSettings; the keys are described in its schema. They
 * are applied at once, wherever they are changed. Main thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define POSADA_SETTINGS_RELEASE_KEYS     "release-keys"
#define POSADA_SETTINGS_CONSOLE_SCALING  "console-scaling"
#define POSADA_SETTINGS_ON_CLOSE         "on-close"
#define POSADA_SETTINGS_ON_QUIT          "on-quit"
#define POSADA_SETTINGS_INHIBIT_LOG_OUT  "inhibit-log-out"
#define POSADA_SETTINGS_SAVE_ON_LOG_OUT  "save-on-log-out"
#define POSADA_SETTINGS_COLOR_SCHEME     "color-scheme"
#define POSADA_SETTINGS_ORDER            "order"
#define POSADA_SETTINGS_WINDOW_SIZE      "window-size"
#define POSADA_SETTINGS_WINDOW_MAXIMIZED "window-maximized"

typedef enum {
    POSADA_CLOSE_ASK,
    POSADA_CLOSE_KEEP_RUNNING,
} PosadaCloseAction;

typedef enum {
    POSADA_QUIT_ASK,
    POSADA_QUIT_SHUT_DOWN,
    POSADA_QUIT_FORCE_OFF,
    POSADA_QUIT_SAVE,
} PosadaQuitAction;

typedef enum {
    POSADA_ORDER_NAME,
    POSADA_ORDER_STATE,
    POSADA_ORDER_RECENT,
} PosadaOrder;

/* The one of this process, borrowed. NULL if the schema is nowhere to be found, which is a broken
 * installation. */
GSettings *posada_settings_get (void);

/* Has the colours of the application follow the key, from now on. */
void posada_settings_follow_colors (GSettings *settings);
/* Has a console follow the keys about consoles, until the settings or it are gone. @console is a
 * PosadaConsole. */
void posada_settings_bind_console (GSettings *settings, GtkWidget *console);

G_END_DECLS
