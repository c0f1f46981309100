/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One snapshot is taken, or the machine restored, at a time; who asked for it is answered by the
 * event that ends it. A machine is suspended to the folder “saved” beside its snapshots.
 */
#include "cli/snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/run.h"
#include "snapshot/snapshot.h"

#define SAVED "saved"

struct run_snapshots {
    struct snapshot_disk disks[OPTIONS_MAX_DISKS];
    size_t n_disks;
    struct snapshot_take *taking;
    struct snapshot_restoring *restoring;
    struct control_client *client; /* who waits; NULL: the start of the machine does */
    bool suspending;
    char *remove; /* what is used up when it is restored */
};

static const char *const kind_names[] = {
    [SNAPSHOT_OFF] = "off",
    [SNAPSHOT_RUNNING] = "running",
    [SNAPSHOT_PAUSED] = "paused",
};

/* Writable disks are in snapshots, the others do not change. */
static struct run_snapshots *
get (struct run *run)
{
    struct run_snapshots *self = run->snapshots;

    if (self)
        return self;
    self = run->snapshots = calloc (1, sizeof *self);
    for (size_t i = 0; self && i < run->options.n_disks; i++) {
        if (!run->options.disks[i].read_only)
            self->disks[self->n_disks++] = (struct snapshot_disk) {
                .path = run->options.disks[i].path,
                .is_raw = run->options.disks[i].format == BLK_FORMAT_RAW,
                .blk = run->plan.disks[i],
                .backing = (const char *const *) run->options.disks[i].backing,
            };
    }
    return self;
}

void
snapshots_destroy (struct run *run)
{
    struct run_snapshots *self = run->snapshots;

    if (!self)
        return;
    snapshot_take_abandon (self->taking);
    if (self->restoring)
        snapshot_restore_end (self->restoring, NULL, NULL);
    free (self->remove);
    free (self);
    run->snapshots = NULL;
}

static bool
is_busy (struct run_snapshots *self, struct control_client *client)
{
    if (!self->taking && !self->restoring)
        return false;
    control_reply_error (client, self->taking ? "a snapshot is being taken: wait until that is done"
                                              : "a snapshot is being restored: wait until then");
    return true;
}

static void
take (struct run *run, struct control_client *client, const char *name, bool suspend)
{
    struct run_snapshots *self = run->snapshots;
    struct vmm_error error = {0};
    struct snapshot_wish wish = {
        .folder = run->options.snapshots_path,
        .name = name,
        .machine = run->machine,
        .display = run->plan.display,
        .memory = run->options.memory,
        .disks = self->disks,
        .n_disks = self->n_disks,
        .suspend = suspend ? SAVED : NULL,
    };

    if (is_busy (self, client))
        return;
    if (snapshot_take_begin (&wish, &self->taking, &error) < 0) {
        control_reply_error (client, "%s", error.message);
        return;
    }
    self->client = client;
    self->suspending = suspend;
}

static void
execute_take (struct run *run, struct control_client *client, char *name)
{
    take (run, client, name, false);
}

static void
execute_list (struct run *run, struct control_client *client, char *arguments)
{
    AUTO_FREE struct snapshot_info *infos = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    struct vmm_error error = {0};
    struct json json;
    size_t n;

    if (snapshot_list (run->options.snapshots_path, &infos, &n, current, &error) < 0) {
        control_reply_error (client, "%s", error.message);
        return;
    }
    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", true);
    if (current[0])
        json_string (&json, "current", current);
    json_begin_array (&json, "snapshots");
    for (size_t i = 0; i < n; i++) {
        json_begin_object (&json, NULL);
        json_string (&json, "id", infos[i].id);
        if (infos[i].parent[0])
            json_string (&json, "parent", infos[i].parent);
        json_string (&json, "name", infos[i].name);
        json_string (&json, "state", infos[i].damaged ? "damaged" : kind_names[infos[i].kind]);
        json_number (&json, "time", infos[i].time);
        json_number (&json, "bytes", infos[i].bytes);
        json_end_object (&json);
    }
    json_end_array (&json);
    json_end_object (&json);
    control_reply (client, json_finish (&json));
}

/* The engine would only say that there are other devices. */
static bool
has_other_cards (struct run *run, const char *path)
{
    int n = snapshot_count_devices (path, MACHINE_CARD_DEVICE, MACHINE_MAX_CARDS);

    return n >= 0 && (size_t) n != run->plan.n_cards;
}

static void
execute_restore (struct run *run, struct control_client *client, char *id)
{
    struct run_snapshots *self = run->snapshots;
    AUTO_FREE char *path = NULL;
    struct vmm_error error = {0};
    struct snapshot_info info;

    if (is_busy (self, client))
        return;
    if (snapshot_find (run->options.snapshots_path, id, &info, &error) < 0) {
        control_reply_error (client, "%s", error.message);
        return;
    }
    if (asprintf (&path, "%s/%s", run->options.snapshots_path, id) < 0) {
        path = NULL;
        control_reply_error (client, "out of memory");
        return;
    }
    if (has_other_cards (run, path))
        control_reply_error (client,
                             "the machine's network cards were others in that snapshot: switch it "
                             "off, and start it with --restore %s",
                             id);
    else if (snapshot_restore_begin (path, run->machine, info.kind == SNAPSHOT_PAUSED, self->disks,
                                     self->n_disks, &self->restoring, &error) < 0)
        control_reply_error (client, "%s", error.message);
    else
        self->client = client;
}

static void
answer (struct control_client *client, int result, const struct vmm_error *error)
{
    if (result < 0)
        control_reply_error (client, "%s", error->message);
    else
        control_reply_ok (client);
}

static void
execute_delete (struct run *run, struct control_client *client, char *id)
{
    struct run_snapshots *self = run->snapshots;
    struct vmm_error error = {0};

    if (!is_busy (self, client))
        answer (client,
                snapshot_delete (run->options.snapshots_path, id, run->machine, self->disks,
                                 self->n_disks, &error),
                &error);
}

static void
execute_rename (struct run *run, struct control_client *client, char *arguments)
{
    char *id = strsep (&arguments, " ");
    struct vmm_error error = {0};

    if (!arguments)
        control_reply_error (client, "use: snapshot rename ID NAME");
    else
        answer (client, snapshot_rename (run->options.snapshots_path, id, arguments, &error),
                &error);
}

static void
execute_cancel (struct run *run, struct control_client *client, char *arguments)
{
    vmm_cancel_save (run->machine);
    control_reply_ok (client);
}

static const struct {
    const char *name;
    const char *argument; /* NULL: takes none */
    void (*execute) (struct run *run, struct control_client *client, char *arguments);
} commands[] = {
    {"take", "NAME", execute_take},        {"list", NULL, execute_list},
    {"restore", "ID", execute_restore},    {"delete", "ID", execute_delete},
    {"rename", "ID NAME", execute_rename}, {"cancel", NULL, execute_cancel},
};

static bool
is_ready (struct run *run, struct control_client *client)
{
    if (!run->options.snapshots_path)
        control_reply_error (client,
                             "the machine keeps no snapshots: run it with --snapshots FOLDER");
    else if (!get (run))
        control_reply_error (client, "out of memory");
    else
        return true;
    return false;
}

void
snapshots_execute (struct run *run, struct control_client *client, char *arguments)
{
    char *rest = arguments, *name = strsep (&rest, " ");

    if (!is_ready (run, client))
        return;
    for (size_t i = 0; i < ARRAY_LENGTH (commands); i++) {
        if (strcmp (name, commands[i].name) != 0)
            continue;
        if (!commands[i].argument != !(rest && *rest))
            control_reply_error (client, "use: snapshot %s%s%s", name,
                                 commands[i].argument ? " " : "",
                                 commands[i].argument ? commands[i].argument : "");
        else
            commands[i].execute (run, client, rest);
        return;
    }
    control_reply_error (client, "snapshot takes take, list, restore, delete, rename or cancel");
}

void
snapshots_execute_save (struct run *run, struct control_client *client, char *arguments)
{
    if (is_ready (run, client))
        take (run, client, run->options.name, true);
}

void
snapshots_clean (struct run *run)
{
    if (run->options.snapshots_path && get (run))
        snapshot_clean (run->options.snapshots_path, run->snapshots->disks,
                        run->snapshots->n_disks);
}

int
snapshots_restore_first (struct run *run, const char *path, struct vmm_error *error)
{
    struct run_snapshots *self = get (run);
    const char *slash = strrchr (path, '/');
    bool saved = strcmp (slash ? slash + 1 : path, SAVED) == 0;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    if (saved) {
        self->remove = realpath (path, NULL);
        if (!self->remove)
            return vmm_error_set_errno (error, -errno, "the snapshot “%s” cannot be opened", path);
    }
    return snapshot_restore_begin (path, run->machine, false, self->disks,
                                   saved ? 0 : self->n_disks, &self->restoring, error);
}

/* How long the guest stood still, and for what. */
static void
tell_pause (struct json *json, const struct vmm_event *event)
{
    json_number (json, "pause-ns", event->pause_ns);
    json_begin_object (json, "pause-parts-ns");
    json_number (json, "stop", event->pause.stop);
    json_number (json, "state", event->pause.state);
    json_number (json, "memory", event->pause.memory);
    json_number (json, "disks", event->pause.disks);
    json_number (json, "go", event->pause.go);
    json_end_object (json);
}

static void
taken (struct run *run, const struct vmm_event *event)
{
    struct run_snapshots *self = run->snapshots;
    struct snapshot_info info = {0};
    struct vmm_error error = {0};
    struct json json;
    int r = snapshot_take_end (STEAL_PTR (self->taking), event, &info, &error);

    if (r < 0) {
        if (self->suspending)
            vmm_resume (run->machine);
        control_reply_error (STEAL_PTR (self->client), "%s", error.message);
        return;
    }
    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", true);
    if (!self->suspending)
        json_string (&json, "id", info.id);
    tell_pause (&json, event);
    json_number (&json, "bytes", info.bytes);
    json_end_object (&json);
    control_reply (STEAL_PTR (self->client), json_finish (&json));
    if (self->suspending)
        run_quit (run);
}

static void
restored (struct run *run, const struct vmm_event *event)
{
    struct run_snapshots *self = run->snapshots;
    struct control_client *client = STEAL_PTR (self->client);
    struct vmm_error error = {0};
    struct json json;
    int r = snapshot_restore_end (STEAL_PTR (self->restoring), event, &error);

    if (r == 0 && self->remove)
        snapshot_remove_suspended (self->remove);
    free (STEAL_PTR (self->remove));
    if (!client && r < 0) {
        cli_complain ("the machine cannot be restored: %s", error.message);
        run->status = CLI_BAD_USE;
        run->done = true;
    } else if (client && r < 0)
        control_reply_error (client, "%s", error.message);
    else if (client) {
        json_init (&json);
        json_begin_object (&json, NULL);
        json_bool (&json, "ok", true);
        tell_pause (&json, event);
        json_end_object (&json);
        control_reply (client, json_finish (&json));
    }
}

void
snapshots_handle_event (struct run *run, const struct vmm_event *event)
{
    struct run_snapshots *self = run->snapshots;

    if (event->type == VMM_EVENT_SAVED && self && self->taking)
        taken (run, event);
    else if (event->type == VMM_EVENT_RESTORED && self && self->restoring)
        restored (run, event);
}
