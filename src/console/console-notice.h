/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the console says in the middle, on black or a dimmed picture, while the guest shows nothing;
 * below it a way back, if the connection was lost. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ConsoleNotice ConsoleNotice;

/* A child of @widget, which is borrowed and told by @reconnect_cb that the button was pressed. */
ConsoleNotice *console_notice_new (GtkWidget *widget, void (*reconnect_cb) (GtkWidget *widget));
/* From the widget's dispose (). */
void console_notice_free (ConsoleNotice *self);

/* Says @text. The focus follows what there is to do, so that a keyboard is enough: to the button
 * that comes with @lost, and back to the console. */
void console_notice_set (ConsoleNotice *self, const char *text, gboolean lost);
void console_notice_set_visible (ConsoleNotice *self, gboolean visible);

/* From the widget's functions of these names. */
void console_notice_allocate (ConsoleNotice *self, int width, int height);
void console_notice_snapshot (ConsoleNotice *self, GtkSnapshot *snapshot);

G_END_DECLS
