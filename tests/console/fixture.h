/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console in a window beside an entry, over a mock display, for tests that have an X server.
 */
#pragma once

#include "console/posada-console.h"

#include "mock-display.h"

typedef struct {
    GtkWidget *window, *entry, *console;
    MockDisplay *display;
} Fixture;

/* For g_test_add (). The display is 320×300 of one colour. */
void fixture_set_up (Fixture *f, gconstpointer data);
/* Everything is gone afterwards. */
void fixture_tear_down (Fixture *f, gconstpointer data);

void run_until (gboolean (*condition) (Fixture *f), Fixture *f);
void run_ms (guint ms);
gboolean has_picture (Fixture *f);
gboolean is_grabbed (Fixture *f);
gboolean is_not_grabbed (Fixture *f);

/* FALSE if there is no such program. */
gboolean run_xdotool (const char *arguments);
/* What the display recorded since last time, after @xdotool (NULL: nothing) was done. */
void assert_input (Fixture *f, const char *xdotool, const char *expected);
/* xdotool's words for a point of the console. */
char *move_to (Fixture *f, int x, int y);
