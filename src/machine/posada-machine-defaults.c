/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What machines of engines that cannot do a thing answer who asks for it. */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-machine.h"

static DexFuture *
refuse (const char *sentence)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED, "%s",
                                  sentence);
}

static DexFuture *
real_start (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be started from here."));
}

static DexFuture *
real_pause (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be paused."));
}

static DexFuture *
real_resume (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be resumed."));
}

static DexFuture *
real_shut_down (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be asked to shut down."));
}

static DexFuture *
real_force_off (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be switched off from here."));
}

static DexFuture *
real_reset (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be reset."));
}

static DexFuture *
real_rename (PosadaMachine *self, const char *name)
{
    return refuse (_ ("This machine cannot be renamed."));
}

static DexFuture *
real_take_snapshot (PosadaMachine *self, const char *name, const char *note)
{
    return refuse (_ ("This machine cannot have snapshots."));
}

static DexFuture *
real_work_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot)
{
    return refuse (_ ("This machine cannot have snapshots."));
}

static DexFuture *
real_edit_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot, const char *name,
                    const char *note)
{
    return refuse (_ ("This machine cannot have snapshots."));
}

static DexFuture *
real_cancel_snapshot (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot have snapshots."));
}

static DexFuture *
real_save (PosadaMachine *self)
{
    return refuse (_ ("This machine cannot be saved to disk."));
}

static DexFuture *
real_set_remote (PosadaMachine *self, const PosadaRemote *remote)
{
    return refuse (_ ("This machine shows its screen to nobody else."));
}

void
posada_machine_defaults_class_init (PosadaMachineClass *klass)
{
    klass->start = real_start;
    klass->pause = real_pause;
    klass->resume = real_resume;
    klass->shut_down = real_shut_down;
    klass->force_off = real_force_off;
    klass->reset = real_reset;
    klass->rename = real_rename;
    klass->take_snapshot = real_take_snapshot;
    klass->restore_snapshot = real_work_snapshot;
    klass->delete_snapshot = real_work_snapshot;
    klass->edit_snapshot = real_edit_snapshot;
    klass->cancel_snapshot = real_cancel_snapshot;
    klass->save = real_save;
    klass->set_remote = real_set_remote;
}
