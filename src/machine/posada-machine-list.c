/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-machine-list.h"

struct _PosadaMachineList {
    GObject parent_instance;
    GPtrArray *machines;
};

static GType
list_get_item_type (GListModel *model)
{
    return POSADA_TYPE_MACHINE;
}

static guint
list_get_n_items (GListModel *model)
{
    return POSADA_MACHINE_LIST (model)->machines->len;
}

static gpointer
list_get_item (GListModel *model, guint position)
{
    GPtrArray *machines = POSADA_MACHINE_LIST (model)->machines;

    return position < machines->len ? g_object_ref (machines->pdata[position]) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
    iface->get_item_type = list_get_item_type;
    iface->get_n_items = list_get_n_items;
    iface->get_item = list_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (PosadaMachineList, posada_machine_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static void
posada_machine_list_finalize (GObject *object)
{
    PosadaMachineList *self = POSADA_MACHINE_LIST (object);

    g_ptr_array_unref (self->machines);

    G_OBJECT_CLASS (posada_machine_list_parent_class)->finalize (object);
}

static void
posada_machine_list_class_init (PosadaMachineListClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_machine_list_finalize;
}

static void
posada_machine_list_init (PosadaMachineList *self)
{
    self->machines = g_ptr_array_new_with_free_func (g_object_unref);
}

PosadaMachineList *
posada_machine_list_new (void)
{
    return g_object_new (POSADA_TYPE_MACHINE_LIST, NULL);
}

void
posada_machine_list_add (PosadaMachineList *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_MACHINE_LIST (self));
    g_return_if_fail (POSADA_IS_MACHINE (machine));
    g_return_if_fail (!g_ptr_array_find (self->machines, machine, NULL));
    g_ptr_array_add (self->machines, g_object_ref (machine));
    g_list_model_items_changed (G_LIST_MODEL (self), self->machines->len - 1, 0, 1);
}

void
posada_machine_list_remove (PosadaMachineList *self, PosadaMachine *machine)
{
    guint position;

    g_return_if_fail (POSADA_IS_MACHINE_LIST (self));
    if (!g_ptr_array_find (self->machines, machine, &position))
        return;
    g_ptr_array_remove_index (self->machines, position);
    g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 0);
}

PosadaMachine *
posada_machine_list_find (PosadaMachineList *self, const char *id)
{
    g_return_val_if_fail (POSADA_IS_MACHINE_LIST (self), NULL);
    for (guint i = 0; i < self->machines->len; i++)
        if (g_strcmp0 (posada_machine_get_id (self->machines->pdata[i]), id) == 0)
            return self->machines->pdata[i];
    return NULL;
}
