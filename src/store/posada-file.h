/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and folders that survive a crash at any moment. Blocking, any thread. Errors are G_IO_ERROR
 * and name the file.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Called before each step that reaches the disk, for tests that stop there. */
typedef void (*PosadaStep) (const char *step, gpointer data);

typedef struct {
    PosadaStep step; /* NULL: nobody looks */
    gpointer data;
} PosadaSteps;

void posada_steps_take (const PosadaSteps *steps, const char *step);

/* Sets @error from @number, which is an errno: “FILE cannot be VERB: reason”. Returns FALSE. */
gboolean posada_file_fail (GError **error, int number, const char *path, const char *verb);

/* At most @max bytes of a regular file; never waits for a pipe. */
char *posada_file_read (const char *path, gsize max, gsize *ret_length, GError **error);
/* Writes @text to @path (mode 0600) and waits until the disk has it. Not atomic. */
gboolean
posada_file_write (const char *path, const char *text, const PosadaSteps *steps, GError **error);
/* Waits until the disk has the names in @folder. */
gboolean posada_file_sync_folder (const char *folder, GError **error);
/* As if renaming @temporary to @path were on the disk in no time: before, @path is as it was;
 * after, it is new. Their folders are synced. */
gboolean posada_file_rename (const char *temporary, const char *path, const PosadaSteps *steps,
                             GError **error);
/* Makes @path and all above it, mode 0700. */
gboolean posada_file_make_folder (const char *path, GError **error);
/* Removes @path with everything in it, without following links or leaving the file system. */
gboolean posada_file_remove_tree (const char *path, GError **error);

G_END_DECLS
