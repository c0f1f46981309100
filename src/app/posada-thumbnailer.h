/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes a small picture of each machine's screen every few seconds while it runs, gives it to the
 * machine as its “thumbnail”, and keeps the latest beside the machine's definition. Main thread;
 * shrinking and writing happen on others.
 */
#pragma once

#include <gtk/gtk.h>

#include "app/posada-library.h"

G_BEGIN_DECLS

#define POSADA_THUMBNAIL_WIDTH  320
#define POSADA_THUMBNAIL_HEIGHT 240
#define POSADA_THUMBNAIL_FILE   "thumbnail.png"

#define POSADA_TYPE_THUMBNAILER (posada_thumbnailer_get_type ())
G_DECLARE_FINAL_TYPE (PosadaThumbnailer, posada_thumbnailer, POSADA, THUMBNAILER, GObject)

PosadaThumbnailer *posada_thumbnailer_new (PosadaLibrary *library);
/* Takes pictures now and not only when their time has come. */
void posada_thumbnailer_take (PosadaThumbnailer *self);

/* The whole screen as a PNG. Resolves to GBytes; rejects with a POSADA_MACHINE_ERROR if there is
 * nothing to see. */
DexFuture *posada_screenshot_take (PosadaMachine *machine);

G_END_DECLS
