/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-work.h"

struct _PosadaWork {
    GObject parent_instance;

    char *title;
    const PosadaWorkHooks *hooks; /* NULL: it has ended */
    gpointer data;
};

G_DEFINE_FINAL_TYPE (PosadaWork, posada_work, G_TYPE_OBJECT)

static GListStore *
get_store (void)
{
    static GListStore *store;

    if (!store)
        store = g_list_store_new (POSADA_TYPE_WORK);
    return store;
}

static void
posada_work_finalize (GObject *object)
{
    g_free (POSADA_WORK (object)->title);
    G_OBJECT_CLASS (posada_work_parent_class)->finalize (object);
}

static void
posada_work_class_init (PosadaWorkClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_work_finalize;
}

static void
posada_work_init (PosadaWork *self)
{
}

GListModel *
posada_work_get_list (void)
{
    return G_LIST_MODEL (get_store ());
}

PosadaWork *
posada_work_begin (const char *title, const PosadaWorkHooks *hooks, gpointer data)
{
    PosadaWork *self = g_object_new (POSADA_TYPE_WORK, NULL);

    self->title = g_strdup (title);
    self->hooks = hooks;
    self->data = data;
    g_list_store_append (get_store (), self);
    return self;
}

void
posada_work_end (PosadaWork *self)
{
    guint position;

    if (!self)
        return;
    self->hooks = NULL;
    if (g_list_store_find (get_store (), self, &position))
        g_list_store_remove (get_store (), position);
    g_object_unref (self);
}

const char *
posada_work_get_title (PosadaWork *self)
{
    g_return_val_if_fail (POSADA_IS_WORK (self), NULL);

    return self->title;
}

double
posada_work_get_progress (PosadaWork *self)
{
    g_return_val_if_fail (POSADA_IS_WORK (self), -1);

    return self->hooks ? self->hooks->get_progress (self->data) : -1;
}

gboolean
posada_work_can_cancel (PosadaWork *self)
{
    g_return_val_if_fail (POSADA_IS_WORK (self), FALSE);

    return self->hooks && self->hooks->cancel;
}

void
posada_work_cancel (PosadaWork *self)
{
    g_return_if_fail (POSADA_IS_WORK (self));

    if (posada_work_can_cancel (self))
        self->hooks->cancel (self->data);
}
