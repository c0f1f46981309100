/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of a machine on disk. All of one machine's are in one folder, each in a folder of its
 * own that is named by its id: complete or absent, as it is renamed into place last. Inside:
 *
 *   metadata    what it is: lines of text, the last one “end”
 *   ram, state  as the engine wrote them; absent if the machine was off
 *   screen.png  the screen at that moment, scaled down; absent if it was dark
 *   disk-N      a raw disk's contents, sharing blocks with the disk; qcow2 images keep theirs
 * inside under the same id
 *
 * A snapshot names the one its machine came from, which makes a tree; the file “current” has the id
 * that the machine's present state comes from, and “going-back”, while several disks are put back,
 * that of the one they go back to. Nothing of one snapshot is needed by another.
 * Everything read is hostile: bounded, checked, never followed out of the folder.
 *
 * Functions block on the file system; any thread, one at a time for each folder, by whoever holds
 * the machine's lock (listing needs none).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "block/block.h"

struct display;
struct vmm_event;
struct vmm_machine;

#define SNAPSHOT_ID_LENGTH 16
#define SNAPSHOT_NAME_MAX  200
#define SNAPSHOT_NOTE_MAX  4000
#define SNAPSHOTS_MAX      1000
#define SNAPSHOT_DISKS_MAX 64

enum snapshot_kind {
    SNAPSHOT_OFF, /* disks only */
    SNAPSHOT_RUNNING,
    SNAPSHOT_PAUSED,
};

struct snapshot_info {
    char id[SNAPSHOT_ID_LENGTH + 1];
    char parent[SNAPSHOT_ID_LENGTH + 1]; /* empty: a root */
    char name[SNAPSHOT_NAME_MAX + 1];    /* UTF-8, one line */
    char note[SNAPSHOT_NOTE_MAX + 1];    /* UTF-8, may have lines */
    uint64_t time;                       /* seconds since the epoch */
    enum snapshot_kind kind;
    uint64_t memory; /* bytes of RAM */
    unsigned n_disks;
    uint64_t bytes;   /* what the folder takes on disk, and deleting frees at least */
    bool has_picture; /* screen.png */
    bool damaged;     /* only the id, the time and the size are known; it can be deleted */
};

/* A disk of the machine that snapshots take in: in the same order every time. */
struct snapshot_disk {
    const char *path;
    bool is_raw;
    struct blk *blk;            /* open, or NULL while the machine is off */
    const char *const *backing; /* files that it may be based on, up to NULL; NULL: none */
};

/* Oldest first; free @ret_infos by free (). No folder is no snapshots. @ret_current: empty if the
 * machine comes from none. */
int snapshot_list (const char *folder, struct snapshot_info **ret_infos, size_t *ret_n,
                   char ret_current[SNAPSHOT_ID_LENGTH + 1], struct vmm_error *error);
/* One of them. -ENOENT. */
int snapshot_find (const char *folder, const char *id, struct snapshot_info *ret_info,
                   struct vmm_error *error);
int snapshot_rename (const char *folder, const char *id, const char *name, struct vmm_error *error);
int
snapshot_set_note (const char *folder, const char *id, const char *note, struct vmm_error *error);
/*
 * Forgets one, and gives back what only it had; those that came from it now come from where it
 * came. -EBUSY if copies are based on it. A machine that runs from its RAM runs on; @machine, which
 * has the disks open, stands still for a moment. NULL: it is off.
 */
int snapshot_delete (const char *folder, const char *id, struct vmm_machine *machine,
                     const struct snapshot_disk *disks, size_t n_disks, struct vmm_error *error);
/*
 * Copies. A machine, of UUID @copy, whose disks are based on those of a snapshot of @folder keeps
 * that from being deleted, as long as it is beside the machine that the folder belongs to, or in
 * the trash. To be called while its folder is being made there; -ENOENT if the snapshot has gone in
 * between. @name is for people.
 */
int snapshot_pin (const char *folder, const char *id, const char *copy, const char *name,
                  struct vmm_error *error);
/* The copy was not made. */
void snapshot_unpin (const char *folder, const char *id, const char *copy);
/*
 * Makes @to a snapshot or suspended machine that is the same as that at @from, which shares its
 * files: those are never written. What is restored from both shares the memory of its RAM that it
 * does not write.
 */
int snapshot_link (const char *from, const char *to, struct vmm_error *error);

/* Removes what a process that died left half made, here and in the disks. Whoever holds the
 * machine's lock, before it starts. */
void snapshot_clean (const char *folder, const struct snapshot_disk *disks, size_t n_disks);

/* Taking one of a running or paused machine. */
struct snapshot_wish {
    const char *folder;
    const char *name; /* one line, 1 to SNAPSHOT_NAME_MAX bytes */
    const char *note; /* NULL: none */
    struct vmm_machine *machine;
    struct display *display; /* NULL: no picture */
    uint64_t memory;         /* of the machine; there must be room for as much */
    const struct snapshot_disk *disks;
    size_t n_disks;
    /* To save the machine rather than to remember it: it stays paused, its disks are not taken, and
     * it is no part of the tree: its folder is @folder/@id, whatever was there. NULL otherwise. */
    const char *suspend;
};
struct snapshot_take;

/*
 * Makes room and begins; @wish's strings and disks stay until the end, which is the machine's SAVED
 * event: hand that to snapshot_take_end (). To cancel, vmm_cancel_save () and do the same.
 */
int snapshot_take_begin (const struct snapshot_wish *wish, struct snapshot_take **ret_take,
                         struct vmm_error *error);
/* Puts it into place, or removes every trace. Frees @take in any case. */
int snapshot_take_end (struct snapshot_take *take, const struct vmm_event *event,
                       struct snapshot_info *ret_info, struct vmm_error *error);
/* The machine is destroyed and its disks are closed, no event will come. NULL is fine. */
void snapshot_take_abandon (struct snapshot_take *take);

/* Disks alone, of a machine that is off. */
int snapshot_take_off (const struct snapshot_wish *wish, struct snapshot_info *ret_info,
                       struct vmm_error *error);

/*
 * Restoring: the end is the machine's RESTORED event. Disks may be left out (@n_disks 0) where they
 * are as they were then, as after a suspend. @path is a snapshot's own folder.
 */
struct snapshot_restoring;
int snapshot_restore_begin (const char *path, struct vmm_machine *machine, bool paused,
                            const struct snapshot_disk *disks, size_t n_disks,
                            struct snapshot_restoring **ret_restoring, struct vmm_error *error);
/* Frees @restoring; on success its snapshot is the current one of its folder. NULL @event: the
 * machine is destroyed. */
int snapshot_restore_end (struct snapshot_restoring *restoring, const struct vmm_event *event,
                          struct vmm_error *error);
/* How many of the devices @prefix0, @prefix1, … up to @max the machine of a snapshot, or one that
 * was suspended, has: what goes on from it must have as many. Negative if that cannot be told. */
int snapshot_count_devices (const char *path, const char *prefix, unsigned max);
/*
 * The generation of a machine (struct vmm_restore in the engine's header): a new one is kept in
 * @folder at every return to a snapshot, and is that of all starts from then on; before the first
 * one it is @uuid, which machines that are copies do not share. All zeroes: none of both.
 */
void
snapshot_get_generation (const char *folder, const uint8_t uuid[16], uint8_t ret_generation[16]);
/* Of a machine that is off, to a snapshot of one that was off. */
int snapshot_restore_off (const char *path, const struct snapshot_disk *disks, size_t n_disks,
                          struct vmm_error *error);
/* Removes the folder at @path, which a machine was suspended to. */
void snapshot_remove_suspended (const char *path);
