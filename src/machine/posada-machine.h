/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One virtual machine as the rooms of the UI see it, whatever runs it: abstract, with one subclass
 * per engine and a fake one for tests and pictures. Lives on the main thread, like everything above
 * the border that is not said to be otherwise; nothing here blocks.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

#include "machine/posada-clone.h"
#include "machine/posada-display.h"
#include "machine/posada-remote.h"
#include "machine/posada-serial.h"
#include "machine/posada-snapshot.h"

G_BEGIN_DECLS

typedef struct _PosadaDiskCare PosadaDiskCare; /* machine/posada-disk-care.h */

typedef enum {
    POSADA_MACHINE_OFF,
    POSADA_MACHINE_STARTING,
    POSADA_MACHINE_RUNNING,
    POSADA_MACHINE_PAUSED,
    POSADA_MACHINE_SAVING,
    POSADA_MACHINE_STOPPING, /* was asked to shut down */
    POSADA_MACHINE_CRASHED,
    POSADA_MACHINE_MISSING, /* its definition is broken or gone: “reason” says how */
} PosadaMachineState;
#define POSADA_TYPE_MACHINE_STATE (posada_machine_state_get_type ())
GType posada_machine_state_get_type (void);

/* What an engine can do with a machine at all; what its state allows now is a separate question. */
typedef enum {
    POSADA_MACHINE_CAN_START = 1 << 0,
    POSADA_MACHINE_CAN_PAUSE = 1 << 1,
    POSADA_MACHINE_CAN_SHUT_DOWN = 1 << 2, /* ask the guest */
    POSADA_MACHINE_CAN_RESET = 1 << 3,
    POSADA_MACHINE_CAN_DELETE = 1 << 4,
    POSADA_MACHINE_CAN_DISPLAY = 1 << 5,
    POSADA_MACHINE_CAN_SNAPSHOT = 1 << 6, /* take, go back to, edit and delete them */
    POSADA_MACHINE_CAN_SAVE = 1 << 7,     /* to disk, to go on at the next start */
    POSADA_MACHINE_CAN_REMOTE = 1 << 8,   /* show its screen to viewers outside */
    POSADA_MACHINE_CAN_CLONE = 1 << 9,    /* be the original of others, or a template */
} PosadaMachineCapabilities;

/* What is at the other end of its network cards. */
typedef enum {
    POSADA_NETWORK_NONE,      /* there is no card */
    POSADA_NETWORK_UNPLUGGED, /* nothing, at any card's */
    POSADA_NETWORK_HOST,      /* this computer, and through it what that reaches */
} PosadaNetwork;
#define POSADA_TYPE_NETWORK (posada_network_get_type ())
GType posada_network_get_type (void);

/* One second of a machine's life. */
typedef struct {
    double cpu;                     /* 0–1 of all its vCPUs together */
    guint64 memory;                 /* bytes that it uses */
    guint64 disk_read, disk_write;  /* bytes per second */
    guint64 net_received, net_sent; /* the same, as its guest sees it */
} PosadaMachineSample;
#define POSADA_MACHINE_HISTORY 60

#define POSADA_MACHINE_ERROR   (posada_machine_error_quark ())
GQuark posada_machine_error_quark (void);
typedef enum {
    POSADA_MACHINE_ERROR_FAILED,
    POSADA_MACHINE_ERROR_NOT_SUPPORTED, /* this engine cannot */
    POSADA_MACHINE_ERROR_WRONG_STATE,
    POSADA_MACHINE_ERROR_BUSY,       /* another process runs it */
    POSADA_MACHINE_ERROR_RAW_DISKS,  /* snapshots need its disks to be qcow2 */
    POSADA_MACHINE_ERROR_DISPOSABLE, /* it was started to keep nothing */
    POSADA_MACHINE_ERROR_NO_HOST,    /* the host's KVM is missing, forbidden or not good enough */
} PosadaMachineError;

#define POSADA_TYPE_MACHINE (posada_machine_get_type ())
G_DECLARE_DERIVABLE_TYPE (PosadaMachine, posada_machine, POSADA, MACHINE, GObject)

/*
 * The operations resolve to TRUE when the machine has reached the state that was asked for, and
 * reject with a POSADA_MACHINE_ERROR that is one sentence for the user. The defaults reject with
 * NOT_SUPPORTED.
 */
struct _PosadaMachineClass {
    GObjectClass parent_class;

    DexFuture *(*start) (PosadaMachine *self);
    DexFuture *(*pause) (PosadaMachine *self);
    DexFuture *(*resume) (PosadaMachine *self);
    DexFuture *(*shut_down) (PosadaMachine *self); /* resolves once the guest has powered off */
    DexFuture *(*force_off) (PosadaMachine *self);
    DexFuture *(*reset) (PosadaMachine *self);
    DexFuture *(*rename) (PosadaMachine *self, const char *name);

    DexFuture *(*take_snapshot) (PosadaMachine *self, const char *name, const char *note);
    /* What the machine is now is lost; one that is off starts, if the snapshot's was on. */
    DexFuture *(*restore_snapshot) (PosadaMachine *self, PosadaSnapshot *snapshot);
    DexFuture *(*delete_snapshot) (PosadaMachine *self, PosadaSnapshot *snapshot);
    DexFuture *(*edit_snapshot) (PosadaMachine *self, PosadaSnapshot *snapshot, const char *name,
                                 const char *note);
    /* Has the one being taken, or the save under way, fail. */
    DexFuture *(*cancel_snapshot) (PosadaMachine *self);
    DexFuture *(*save) (PosadaMachine *self); /* resolves once the machine is off */
    /* What it was saved to is gone: the next start boots. */
    DexFuture *(*discard_saved) (PosadaMachine *self);
    /* Of a drive of a machine that is on; @path NULL: none. The definition stays as it is. */
    DexFuture *(*set_medium) (PosadaMachine *self, const char *target, const char *path);
    PosadaDiskCare *(*get_disk_care) (PosadaMachine *self);
    DexFuture *(*set_remote) (PosadaMachine *self, const PosadaRemote *remote);

    /* NULL: it cannot. */
    PosadaClone *(*new_clone) (PosadaMachine *self, PosadaCloneKind kind, const char *snapshot,
                               const char *name);
    PosadaRole (*get_role) (PosadaMachine *self);
    DexFuture *(*set_template) (PosadaMachine *self, gboolean template);
    /* As start, from off; whatever it writes to its disks is gone when it is off again. */
    DexFuture *(*start_disposable) (PosadaMachine *self);
};

/*
 * Properties, all read-only here, all notified: "id" (a UUID as text), "name", "state", "reason" (a
 * sentence or NULL: why it is as it is), "capabilities", "os-name" (or NULL), "cpus", "memory"
 * (bytes), "disk-size" (bytes, all disks), "started-at" (GDateTime or NULL), "display"
 * (PosadaDisplay or NULL while off), "serial" (PosadaSerial or NULL), "outside" (it runs, but in
 * another process, and goes on when this one ends), "snapshot-progress" (0–1 while one is being
 * taken, else negative), "thumbnail" (GIcon or NULL: a small picture of the screen), "used-at"
 * (seconds since 1970 at which it was last started; 0: nobody knows), "remote" (PosadaRemote, who
 * else may look at its screen), "saved" (it was saved to disk, and goes on from there at the next
 * start), "network" (PosadaNetwork), "network-problem" (a sentence or NULL: why a card is not
 * connected as it should be, and what to do).
 */
const char *posada_machine_get_id (PosadaMachine *self);
const char *posada_machine_get_name (PosadaMachine *self);
PosadaMachineState posada_machine_get_state (PosadaMachine *self);
const char *posada_machine_get_reason (PosadaMachine *self);
PosadaMachineCapabilities posada_machine_get_capabilities (PosadaMachine *self);
const char *posada_machine_get_os_name (PosadaMachine *self);
guint posada_machine_get_cpus (PosadaMachine *self);
guint64 posada_machine_get_memory (PosadaMachine *self);
guint64 posada_machine_get_disk_size (PosadaMachine *self);
GDateTime *posada_machine_get_started_at (PosadaMachine *self);
PosadaDisplay *posada_machine_get_display (PosadaMachine *self);
/* The first serial line; NULL while off, or if there is none. */
PosadaSerial *posada_machine_get_serial (PosadaMachine *self);
gint64 posada_machine_get_used_at (PosadaMachine *self);
GIcon *posada_machine_get_thumbnail (PosadaMachine *self);
gboolean posada_machine_get_outside (PosadaMachine *self);
const PosadaRemote *posada_machine_get_remote (PosadaMachine *self); /* never NULL */
gboolean posada_machine_get_saved (PosadaMachine *self);
PosadaNetwork posada_machine_get_network (PosadaMachine *self);
const char *posada_machine_get_network_problem (PosadaMachine *self);
/* Its disks, borrowed; NULL if its engine lets nobody touch them. */
PosadaDiskCare *posada_machine_get_disk_care (PosadaMachine *self);
/* Whether it runs here and has something to lose when this process ends. */
gboolean posada_machine_is_on_here (PosadaMachine *self);

double posada_machine_get_snapshot_progress (PosadaMachine *self);
/* Of PosadaSnapshot, oldest first; always the same list, empty if there can be none. */
GListModel *posada_machine_get_snapshots (PosadaMachine *self);

/* Oldest first, at most POSADA_MACHINE_HISTORY, valid until the next one is taken; "sampled" is
 * emitted once a second while running. */
const PosadaMachineSample *posada_machine_get_history (PosadaMachine *self, guint *ret_n);

/* A word for @state in the user's language, as shown in lists. */
const char *posada_machine_state_to_label (PosadaMachineState state);

/* Free with dex_unref (). */
DexFuture *posada_machine_start (PosadaMachine *self);
DexFuture *posada_machine_pause (PosadaMachine *self);
DexFuture *posada_machine_resume (PosadaMachine *self);
DexFuture *posada_machine_shut_down (PosadaMachine *self);
DexFuture *posada_machine_force_off (PosadaMachine *self);
DexFuture *posada_machine_reset (PosadaMachine *self);
DexFuture *posada_machine_rename (PosadaMachine *self, const char *name);
/* @note may be NULL: none. */
DexFuture *posada_machine_take_snapshot (PosadaMachine *self, const char *name, const char *note);
DexFuture *posada_machine_restore_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot);
DexFuture *posada_machine_delete_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot);
DexFuture *posada_machine_edit_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot,
                                         const char *name, const char *note);
DexFuture *posada_machine_cancel_snapshot (PosadaMachine *self);
DexFuture *posada_machine_save (PosadaMachine *self);
/* See posada-clone.h; free it. NULL: the machine cannot be cloned. */
PosadaClone *posada_machine_new_clone (PosadaMachine *self, PosadaCloneKind kind,
                                       const char *snapshot, const char *name);
/* “capabilities” notifies when it changes. */
PosadaRole posada_machine_get_role (PosadaMachine *self);
DexFuture *posada_machine_set_template (PosadaMachine *self, gboolean template);
DexFuture *posada_machine_start_disposable (PosadaMachine *self);
DexFuture *posada_machine_discard_saved (PosadaMachine *self);
DexFuture *posada_machine_set_medium (PosadaMachine *self, const char *target, const char *path);
/* Of @remote the kind, port and password count. At once if the machine is on, and from now on; in
 * another process from its next start on. */
DexFuture *posada_machine_set_remote (PosadaMachine *self, const PosadaRemote *remote);

void posada_machine_defaults_class_init (PosadaMachineClass *klass); /* for posada-machine.c */
void posada_machine_disks_class_init (PosadaMachineClass *klass);
void posada_machine_clones_class_init (PosadaMachineClass *klass);

/*
 * For subclasses. set_state () keeps "started-at", which stands from the first RUNNING until the
 * machine is off, crashed or missing, and begins the history anew with it (not of one that runs
 * outside: nobody here knows since when). Strings are copied;
 * @reason and @os_name may be NULL. Each notifies only what is different afterwards.
 */
void posada_machine_set_id (PosadaMachine *self, const char *id);
void posada_machine_set_name (PosadaMachine *self, const char *name);
void posada_machine_set_os_name (PosadaMachine *self, const char *os_name);
void posada_machine_set_capabilities (PosadaMachine *self, PosadaMachineCapabilities capabilities);
void
posada_machine_set_hardware (PosadaMachine *self, guint cpus, guint64 memory, guint64 disk_size);
void posada_machine_set_state (PosadaMachine *self, PosadaMachineState state, const char *reason);
void posada_machine_set_display (PosadaMachine *self, PosadaDisplay *display);
void posada_machine_set_serial (PosadaMachine *self, PosadaSerial *serial);
void posada_machine_set_outside (PosadaMachine *self, gboolean outside);
/* Takes the elements, PosadaSnapshot, oldest first. */
void posada_machine_set_snapshots (PosadaMachine *self, GPtrArray *snapshots);
void posada_machine_set_snapshot_progress (PosadaMachine *self, double progress);
void posada_machine_set_saved (PosadaMachine *self, gboolean saved);
void posada_machine_set_used_at (PosadaMachine *self, gint64 used_at);
/* For whoever takes it. */
void posada_machine_set_thumbnail (PosadaMachine *self, GIcon *thumbnail);
/* Copies it. */
void posada_machine_take_remote (PosadaMachine *self, const PosadaRemote *remote);
/* @problem may be NULL. */
void posada_machine_set_network (PosadaMachine *self, PosadaNetwork network, const char *problem);
/* Appends to the history and emits "sampled". */
void posada_machine_add_sample (PosadaMachine *self, const PosadaMachineSample *sample);

G_END_DECLS
