/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share. Descriptors of folders go by “folder” (of all snapshots) and
 * “place” (of one). */
#pragma once

#include "snapshot/snapshot.h"

/* metadata.c */
bool snapshot_id_is_valid (const char *id);
/* -EINVAL with a sentence for what is no name or note. */
int snapshot_check_text (const char *name, const char *note, struct vmm_error *error);
/* Fills all but .id, .bytes and .has_picture. -ENOENT, -EPROTO. */
int snapshot_read_metadata (int place, struct snapshot_info *info, struct vmm_error *error);
/* Complete on stable storage, or as it was. */
int snapshot_write_metadata (int place, const struct snapshot_info *info, struct vmm_error *error);

/* folder.c */
#define SNAPSHOT_PART       ".part"
#define SNAPSHOT_GONE       ".gone"
#define SNAPSHOT_GOING_BACK "going-back" /* the id of the snapshot that disks go back to */
int snapshot_open_folder (const char *folder, bool create, struct vmm_error *error);
/* Not below symbolic links. */
int snapshot_open_place (int folder, const char *name);
/* The whole text of a small file; -EFBIG above @size - 1 bytes. NUL-terminated. */
int snapshot_read_text (int folder, const char *name, char *ret_text, size_t size);
/* Replaces a small file atomically. */
int snapshot_write_text (int folder, const char *name, const char *text);
/* A folder of files, with them; folders inside are left, and it with them. */
int snapshot_remove_place (int folder, const char *name);
int snapshot_set_current (int folder, const char *id);
void snapshot_get_current (int folder, char ret_id[SNAPSHOT_ID_LENGTH + 1]);
uint64_t snapshot_bytes_of (int place);
void snapshot_clean_folder (const char *folder);
/* A new one, kept. */
int snapshot_renew_generation (int folder, uint8_t ret_generation[16]);

/* copies.c. Whether something is based on the snapshot in @name, a folder in @folder: -EBUSY and a
 * sentence that calls it @title. */
int snapshot_check_pins (int folder, const char *name, const char *title, struct vmm_error *error);

/* disks.c. The first prepares what may take long, with the machine running. */
struct snapshot_disks;
int snapshot_disks_prepare (int place, const char *id, const char *name,
                            const struct snapshot_disk *disks, size_t n,
                            struct snapshot_disks **ret_self, struct vmm_error *error);
int snapshot_disks_take (struct snapshot_disks *self, struct vmm_error *error);
/* With the machine running again: what was taken is complete on stable storage. */
int snapshot_disks_sync (struct snapshot_disks *self, struct vmm_error *error);
/* Forgets what was taken, with the machine standing still, or off. */
void snapshot_disks_undo (struct snapshot_disks *self);
/* From now on images are opened when they are needed. */
void snapshot_disks_were_closed (struct snapshot_disks *self);
bool snapshot_disks_are_taken (const struct snapshot_disks *self);
void snapshot_disks_free (struct snapshot_disks *self);
/* Opens what is needed to put the disks back, and does it. */
int snapshot_disks_find (int place, const char *id, const struct snapshot_disk *disks, size_t n,
                         struct snapshot_disks **ret_self, struct vmm_error *error);
int snapshot_disks_apply (struct snapshot_disks *self, struct vmm_error *error);
/* restore.c: lets all disks go back where only some of them came to it. */
void
snapshot_go_on_going_back (const char *folder, const struct snapshot_disk *disks, size_t n_disks);
/* With the machine running: leaves little to write for what is done while it stands still. */
void snapshot_disks_calm (const struct snapshot_disk *disks, size_t n);
int snapshot_disks_delete (const char *id, const struct snapshot_disk *disks, size_t n,
                           struct vmm_error *error);
