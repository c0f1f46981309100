/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that hold disks: made, looked at and copied. What blocks says so and belongs on another
 * thread; futures are for the main thread.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

#include "store/posada-device.h"

G_BEGIN_DECLS

/* A new one at @path, as sparse as the file system allows; nothing is left behind on failure.
 * Blocks. */
gboolean
posada_disk_image_create (const char *path, PosadaFormat format, guint64 size, GError **error);

/* Of the disk, in bytes, whoever has it open; 0 if that cannot be found out. Blocks. */
guint64 posada_disk_image_get_size (const char *path, PosadaFormat format);

/* Whether a machine of ours could have it right now: no other, of any process, has. Blocks. */
gboolean posada_disk_image_check_unused (const char *path, gboolean read_only, GError **error);

/* --- copying --- */

#define POSADA_TYPE_DISK_COPY (posada_disk_copy_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDiskCopy, posada_disk_copy, POSADA, DISK_COPY, GObject)

/* A copy of the file at @path that has no name yet and is gone with the object, in a file system
 * that @folder, which is made if need be, is on. */
PosadaDiskCopy *posada_disk_copy_new (const char *path, const char *folder);
/* Before it runs: @bytes of room are wanted for other copies after this one, which therefore does
 * not begin where it fits and they do not. Nothing is asked of a file system that shares the bytes.
 */
void posada_disk_copy_leave_room (PosadaDiskCopy *self, guint64 bytes);
/* Bytes that a copy of the file at @path takes where none are shared; 0 if it cannot be looked at.
 */
guint64 posada_disk_copy_find_size (const char *path);
/* Resolves to TRUE when every byte is there, and on the disk. Once. Holes stay holes; a file system
 * that can share the bytes does. The image is kept from being written by others meanwhile. */
DexFuture *posada_disk_copy_run (PosadaDiskCopy *self, GCancellable *cancellable);
/* The same on this thread, which waits. */
gboolean posada_disk_copy_run_now (PosadaDiskCopy *self, GCancellable *cancellable, GError **error);
/* From 0 to 1. Any thread. */
double posada_disk_copy_get_progress (PosadaDiskCopy *self);
/* Names what was copied. Once, after run (). Blocks, but not for long. */
gboolean posada_disk_copy_link (PosadaDiskCopy *self, const char *path, GError **error);

G_END_DECLS
