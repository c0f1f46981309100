/* SPDX-License-Identifier: GPL-3.0-or-later */
/* posada clone, posada snapshot NAME copy and posada template */
#include <stdio.h>

#include "cli/store-verbs.h"
#include "cli/store-work.h"
#include "machine/posada-clone.h"
#include "store/posada-store-error.h"

struct cloning {
    PosadaClone *clone;
    GCancellable *cancellable;
    char *uuid; /* of the new one; NULL: .error */
    GError *error;
};

static void
run_clone (gpointer data)
{
    struct cloning *cloning = data;

    cloning->uuid = posada_clone_run_now (cloning->clone, cloning->cancellable, &cloning->error);
}

static double
get_clone_progress (gpointer data)
{
    struct cloning *cloning = data;

    return posada_clone_get_progress (cloning->clone);
}

static void
cancel_clone (gpointer data)
{
    struct cloning *cloning = data;

    g_cancellable_cancel (cloning->cancellable);
}

static enum cli_status
make (PosadaStore *store, const char *uuid, PosadaCloneKind kind, const char *snapshot,
      const char *name)
{
    g_autoptr (PosadaClone) clone = posada_clone_new (store, uuid, kind, snapshot, name);
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    static const struct store_work work = {run_clone, get_clone_progress, cancel_clone};
    struct cloning cloning = {.clone = clone, .cancellable = cancellable};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *new_name = NULL;
    enum cli_status status;

    store_work_run (&work, &cloning);
    if (!cloning.uuid) {
        status = store_complain (cloning.error);
        if (cloning.error->domain == G_IO_ERROR)
            status = CLI_FAILED;
        g_clear_error (&cloning.error);
        return status;
    }
    definition = posada_store_load (store, cloning.uuid, NULL);
    new_name = definition ? posada_definition_get_name (definition) : g_strdup (cloning.uuid);
    printf ("%s\n", new_name);
    g_free (cloning.uuid);
    return CLI_OK;
}

enum cli_status
store_copy (PosadaStore *store, const char *uuid, const char *id, const char *name)
{
    return make (store, uuid, POSADA_CLONE_COPY, id, name);
}

enum cli_status
store_clone (PosadaStore *store, int argc, char **argv)
{
    const char *new_name = NULL, *name;
    gboolean linked = FALSE;
    const struct store_option options[] = {{"name", &new_name, NULL}, {"linked", NULL, &linked}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    if (!entry)
        return store_complain (error);
    return make (store, entry->id, linked ? POSADA_CLONE_LINKED : POSADA_CLONE_FULL, NULL,
                 new_name);
}

enum cli_status
store_template (PosadaStore *store, int argc, char **argv)
{
    gboolean off = FALSE;
    const struct store_option options[] = {{"off", NULL, &off}};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (PosadaLock) lock = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    lock = entry ? posada_store_lock (store, entry->id, &error) : NULL;
    definition = lock ? posada_store_load (store, entry->id, &error) : NULL;
    if (!definition)
        return store_complain (error);
    posada_definition_set_role (definition, off ? POSADA_ROLE_MACHINE : POSADA_ROLE_TEMPLATE);
    return posada_store_save (store, definition, &error) ? CLI_OK : store_complain (error);
}
