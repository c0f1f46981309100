/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each call is a fiber on the thread pool, where it may block: what it waits for is a disk, or the
 * short while that another process holds the store's lock.
 */
#include "store/posada-store-async.h"

typedef DexFuture *(*Work) (gpointer call);

typedef struct {
    PosadaStore *store;
    char *id, *name;
    PosadaDefinition *definition;
    PosadaStoreFill fill;
    gpointer data;
    GDestroyNotify notify;
    unsigned days;
} Call;

static void
call_free (gpointer data)
{
    Call *self = data;

    if (self->notify)
        self->notify (self->data);
    g_clear_object (&self->definition);
    g_clear_object (&self->store);
    g_free (self->id);
    g_free (self->name);
    g_free (self);
}

static Call *
call_new (PosadaStore *store, const char *id, const char *name, PosadaDefinition *definition)
{
    Call *self = g_new0 (Call, 1);

    self->store = g_object_ref (store);
    self->id = g_strdup (id);
    self->name = g_strdup (name);
    self->definition = definition ? posada_definition_copy (definition) : NULL;
    return self;
}

static DexFuture *
spawn (Work work, Call *call)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, work, call, call_free);
}

static DexFuture *
future_of_list (GPtrArray *list, GError *error)
{
    return list ? dex_future_new_take_boxed (G_TYPE_PTR_ARRAY, list)
                : dex_future_new_for_error (error);
}

static DexFuture *
future_of_success (gboolean success, GError *error)
{
    return success ? dex_future_new_true () : dex_future_new_for_error (error);
}

static DexFuture *
list_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    GPtrArray *list = posada_store_list (call->store, &error);

    return future_of_list (list, error);
}

DexFuture *
posada_store_list_async (PosadaStore *self)
{
    return spawn (list_cb, call_new (self, NULL, NULL, NULL));
}

static DexFuture *
list_trash_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    GPtrArray *list = posada_store_list_trash (call->store, &error);

    return future_of_list (list, error);
}

DexFuture *
posada_store_list_trash_async (PosadaStore *self)
{
    return spawn (list_trash_cb, call_new (self, NULL, NULL, NULL));
}

static DexFuture *
load_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    PosadaDefinition *definition = posada_store_load (call->store, call->id, &error);

    return definition ? dex_future_new_take_object (definition) : dex_future_new_for_error (error);
}

DexFuture *
posada_store_load_async (PosadaStore *self, const char *uuid)
{
    return spawn (load_cb, call_new (self, uuid, NULL, NULL));
}

static DexFuture *
create_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;

    if (!posada_store_create (call->store, call->definition, call->fill, call->data, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_take_string (posada_definition_get_uuid (call->definition));
}

DexFuture *
posada_store_create_async (PosadaStore *self, PosadaDefinition *definition, PosadaStoreFill fill,
                           gpointer data, GDestroyNotify notify)
{
    Call *call = call_new (self, NULL, NULL, definition);

    call->fill = fill;
    call->data = data;
    call->notify = notify;
    return spawn (create_cb, call);
}

static DexFuture *
save_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    gboolean success = posada_store_save (call->store, call->definition, &error);

    return future_of_success (success, error);
}

DexFuture *
posada_store_save_async (PosadaStore *self, PosadaDefinition *definition)
{
    return spawn (save_cb, call_new (self, NULL, NULL, definition));
}

static DexFuture *
rename_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    gboolean success = posada_store_rename (call->store, call->id, call->name, &error);

    return future_of_success (success, error);
}

DexFuture *
posada_store_rename_async (PosadaStore *self, const char *uuid, const char *name)
{
    return spawn (rename_cb, call_new (self, uuid, name, NULL));
}

static DexFuture *
delete_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    char *id = NULL;

    if (!posada_store_delete (call->store, call->id, &id, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_take_string (id);
}

DexFuture *
posada_store_delete_async (PosadaStore *self, const char *uuid)
{
    return spawn (delete_cb, call_new (self, uuid, NULL, NULL));
}

static DexFuture *
restore_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    gboolean success = posada_store_restore (call->store, call->id, call->name, &error);

    return future_of_success (success, error);
}

DexFuture *
posada_store_restore_async (PosadaStore *self, const char *id, const char *new_name)
{
    return spawn (restore_cb, call_new (self, id, new_name, NULL));
}

static DexFuture *
purge_cb (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    unsigned n = 0;

    if (!posada_store_purge (call->store, call->days, &n, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_for_uint (n);
}

DexFuture *
posada_store_purge_async (PosadaStore *self, unsigned days)
{
    Call *call = call_new (self, NULL, NULL, NULL);

    call->days = days;
    return spawn (purge_cb, call);
}
