/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada snapshot: a machine that runs is asked, by way of the application or of its own process's
 * control socket; one that is off is worked on here, under its lock. Looking needs neither.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/instance.h"
#include "cli/store-verbs.h"
#include "cli/text.h"
#include "machine/posada-disk-job.h"
#include "snapshot/snapshot.h"
#include "store/posada-control.h"
#include "store/posada-device.h"
#include "store/posada-store-error.h"

static enum cli_status
complain (const struct vmm_error *error)
{
    cli_complain ("%s", error->message);
    return CLI_FAILED;
}

static int
depth_of (const struct snapshot_info *infos, size_t n, size_t i)
{
    int depth = 0;

    while (infos[i].parent[0] && depth < SNAPSHOTS_MAX) {
        size_t j = 0;

        while (j < n && strcmp (infos[j].id, infos[i].parent) != 0)
            j++;
        if (j == n)
            break;
        i = j;
        depth++;
    }
    return depth;
}

static enum cli_status
list (const char *folder)
{
    static const char *const states[] = {
        [SNAPSHOT_OFF] = "off", [SNAPSHOT_RUNNING] = "running", [SNAPSHOT_PAUSED] = "paused"};
    g_autofree struct snapshot_info *infos = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    struct vmm_error error = {0};
    size_t n;

    if (snapshot_list (folder, &infos, &n, current, &error) < 0)
        return complain (&error);
    for (size_t i = 0; i < n; i++) {
        g_autoptr (GDateTime) when = g_date_time_new_from_unix_local ((gint64) infos[i].time);
        g_autofree char *time = when ? g_date_time_format (when, "%F %T") : g_strdup ("?");
        g_autofree char *size = g_format_size_full (infos[i].bytes, G_FORMAT_SIZE_IEC_UNITS);

        printf ("%s  %s  %-8s %10s  %*s%s%s\n", infos[i].id, time,
                infos[i].damaged ? "damaged" : states[infos[i].kind], size,
                2 * depth_of (infos, n, i), "", infos[i].name,
                strcmp (infos[i].id, current) == 0 ? "  (now)" : "");
    }
    return CLI_OK;
}

/* Everything but listing of a machine that runs: in the application, or in a process of its own. */
static enum cli_status
order (const char *uuid, char **words)
{
    g_autoptr (Instance) instance = instance_find ();
    g_autofree char *joined = g_strjoinv (" ", words);
    g_autofree char *line = g_strconcat ("snapshot ", joined, NULL);
    g_autoptr (GError) error = NULL;

    if (strchr (line, '\n')) {
        cli_complain ("a snapshot's name is one line: choose another");
        return CLI_BAD_USE;
    }
    if (instance && instance_get_state (instance, uuid)
            ? instance_work_snapshot (instance, uuid, words, &error)
            : posada_control_order (uuid, line, &error))
        return CLI_OK;
    store_complain (error);
    return CLI_FAILED;
}

/* The writable disks of a machine that is off; free with @ret_paths, to which they point. */
static struct snapshot_disk *
get_disks (PosadaDefinition *definition, GPtrArray *paths)
{
    unsigned n = posada_definition_get_n_disks (definition);
    struct snapshot_disk *disks = g_new0 (struct snapshot_disk, n + 1);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (disk->kind != POSADA_DISK_DISK || disk->read_only || !disk->path)
            continue;
        disks[paths->len].path = g_strdup (disk->path);
        disks[paths->len].is_raw = disk->format == POSADA_FORMAT_RAW;
        /* Freed with the program. */
        disks[paths->len].backing = (const char *const *) g_strdupv (disk->backing);
        g_ptr_array_add (paths, (char *) disks[paths->len].path);
    }
    return disks;
}

static int
work (const char *folder, char **words, const struct snapshot_disk *disks, size_t n_disks,
      struct vmm_error *error)
{
    g_autofree char *path = g_build_filename (folder, words[1], NULL);
    g_autofree char *saved = g_build_filename (folder, "saved", NULL);
    struct snapshot_info info;
    int r;

    if (g_str_equal (words[0], "take"))
        return snapshot_take_off (
            &(struct snapshot_wish) {
                .folder = folder, .name = words[1], .disks = disks, .n_disks = n_disks},
            &info, error);
    if (g_str_equal (words[0], "rename"))
        return snapshot_rename (folder, words[1], words[2], error);
    if (g_str_equal (words[0], "delete"))
        return snapshot_delete (folder, words[1], NULL, disks, n_disks, error);
    r = snapshot_find (folder, words[1], &info, error);
    if (r == 0 && info.kind != SNAPSHOT_OFF)
        return vmm_error_set (error, -EINVAL,
                              "the machine ran in “%s”: start it with posada start --restore %s",
                              info.name, info.id);
    if (r == 0)
        r = snapshot_restore_off (path, disks, n_disks, error);
    /* The disks are not those any more that a saved machine would go on with. */
    if (r == 0)
        snapshot_remove_suspended (saved);
    return r;
}

static PosadaDiskJob *conversion;

static void
interrupt_cb (int number)
{
    atomic_store (&conversion->cancelled, true);
}

/* The raw disks of a machine whose lock is held become qcow2. */
static gboolean
convert (PosadaStore *store, const char *folder, PosadaDefinition **definition, GError **error)
{
    const struct sigaction action = {.sa_handler = interrupt_cb};
    PosadaDiskJob job = {
        .work = posada_disk_job_convert_raw,
        .is_task = TRUE,
        .store = store,
        .folder = g_path_get_dirname (folder),
        .definition = g_steal_pointer (definition),
    };

    conversion = &job;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    posada_disk_job_run (&job);
    *definition = g_steal_pointer (&job.definition);
    g_free (job.folder);
    g_free (job.target);
    if (!job.error)
        return TRUE;
    g_propagate_error (error, job.error);
    return FALSE;
}

static enum cli_status
work_off (PosadaStore *store, const char *uuid, const char *folder, char **words,
          gboolean may_convert)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    g_autofree struct snapshot_disk *disks = NULL;
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaLock) lock = NULL;
    g_autoptr (GError) from = NULL;
    struct vmm_error error = {0};
    int r;

    lock = posada_store_lock (store, uuid, &from);
    definition = lock ? posada_store_load (store, uuid, &from) : NULL;
    if (!definition)
        return store_complain (from);
    disks = get_disks (definition, paths);
    snapshot_clean (folder, disks, paths->len);
    r = work (folder, words, disks, paths->len, &error);
    if (r == -EOPNOTSUPP && may_convert) {
        if (!convert (store, folder, &definition, &from)) {
            cli_complain ("%s", from->message);
            return CLI_FAILED;
        }
        g_free (disks);
        g_ptr_array_set_size (paths, 0);
        disks = get_disks (definition, paths);
        r = work (folder, words, disks, paths->len, &error);
    } else if (r == -EOPNOTSUPP) {
        cli_complain ("%s, or add --convert", error.message);
        return CLI_FAILED;
    }
    if (r < 0)
        return complain (&error);
    /* As it was: so that whoever watches the store looks again. */
    posada_store_save (store, definition, NULL);
    return CLI_OK;
}

char *
store_find_snapshot (const char *folder, const char *wish, GError **error)
{
    g_autofree struct snapshot_info *infos = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    const char *found = NULL;
    unsigned n_titles = 0;
    size_t n = 0;

    if (snapshot_list (folder, &infos, &n, current, NULL) < 0)
        n = 0; /* who uses the id says so */
    for (size_t i = 0; i < n; i++) {
        if (g_str_equal (infos[i].id, wish))
            return g_strdup (wish);
        if (g_str_equal (infos[i].name, wish)) {
            found = infos[i].id;
            n_titles++;
        }
    }
    if (n_titles > 1) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%u snapshots are called “%s”: say by its ID which one", n_titles, wish);
        return NULL;
    }
    return g_strdup (found ? found : wish);
}

enum cli_status
store_snapshot (PosadaStore *store, int argc, char **argv)
{
    static const struct {
        const char *name;
        int n_words; /* behind it */
    } verbs[] = {{"take", 1}, {"list", 0}, {"restore", 1}, {"delete", 1}, {"rename", 2}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autofree char *machine = NULL, *folder = NULL, *id = NULL;
    g_autoptr (GError) error = NULL;
    gboolean known, copy, may_convert = FALSE;
    const char *name = NULL;

    if (argc == 5 && g_str_equal (argv[2], "take") && g_str_equal (argv[4], "--convert")) {
        may_convert = TRUE;
        argc--;
        argv[4] = NULL;
    }
    copy = argc > 3 && g_str_equal (argv[2], "copy");
    if (copy && argc == 6 && g_str_equal (argv[4], "--name"))
        name = argv[5];
    else if (copy && argc == 5 && g_str_has_prefix (argv[4], "--name="))
        name = argv[4] + 7;
    known = copy && (argc == 4 || name);
    for (unsigned i = 0; argc > 2 && i < G_N_ELEMENTS (verbs); i++)
        known |= g_str_equal (argv[2], verbs[i].name) && argc == 3 + verbs[i].n_words;
    if (!known) {
        cli_complain (
            "use: posada snapshot NAME take TITLE [--convert] | list | restore ID | delete ID | "
            "rename ID TITLE | copy ID [--name NEW-NAME]");
        return CLI_BAD_USE;
    }
    entry = posada_store_find (store, argv[1], &error);
    if (!entry)
        return store_complain (error);
    machine = posada_store_get_machine_folder (store, entry->id);
    folder = g_build_filename (machine, "snapshots", NULL);
    if (g_str_equal (argv[2], "list"))
        return list (folder);
    if (!g_str_equal (argv[2], "take")) {
        id = store_find_snapshot (folder, argv[3], &error);
        if (!id)
            return store_complain (error);
        argv[3] = id;
    }
    if (copy)
        return store_copy (store, entry->id, argv[3], name);
    return entry->holder ? order (entry->id, argv + 2)
                         : work_off (store, entry->id, folder, argv + 2, may_convert);
}
