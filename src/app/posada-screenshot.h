/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures of a machine's screen as files. Main thread; encoding and writing happen on another.
 */
#pragma once

#include <gtk/gtk.h>
#include <libdex.h>

G_BEGIN_DECLS

/* A name for a picture of @machine_name taken now, that every file system takes. */
char *posada_screenshot_make_name (const char *machine_name);
/* Asks where to, and writes @texture there. Resolves to whether somebody wanted that. */
DexFuture *
posada_screenshot_save (GdkTexture *texture, const char *machine_name, GtkWindow *window);
/* Writes @texture as PNG, replacing what is there. Resolves to TRUE. */
DexFuture *posada_screenshot_write (GdkTexture *texture, GFile *file);

G_END_DECLS
