/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-machine-list.h"

#include "machine/posada-fake-machine.h"

static void
changed_cb (GListModel *model, guint position, guint removed, guint added, GString *text)
{
    g_string_append_printf (text, "%u-%u+%u ", position, removed, added);
}

static void
tells_what_came_and_went (void)
{
    g_autoptr (PosadaMachineList) list = posada_machine_list_new ();
    g_autoptr (PosadaMachine) one = posada_fake_machine_new ("one", NULL);
    g_autoptr (PosadaMachine) two = posada_fake_machine_new ("two", NULL);
    g_autoptr (PosadaMachine) first = NULL;
    GString *text = g_string_new (NULL);

    g_signal_connect (list, "items-changed", G_CALLBACK (changed_cb), text);
    posada_machine_list_add (list, one);
    posada_machine_list_add (list, two);
    g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), ==, 2);
    posada_machine_list_remove (list, one);
    posada_machine_list_remove (list, one);
    g_assert_cmpstr (text->str, ==, "0-0+1 1-0+1 0-1+0 ");
    first = g_list_model_get_item (G_LIST_MODEL (list), 0);
    g_assert_true (first == two);
    g_assert_null (g_list_model_get_item (G_LIST_MODEL (list), 1));
    g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (list)) == POSADA_TYPE_MACHINE);
    g_string_free (text, TRUE);
}

static void
finds_machines_by_their_id (void)
{
    g_autoptr (PosadaMachineList) list = posada_machine_list_new ();
    g_autoptr (PosadaMachine) one = posada_fake_machine_new ("one", NULL);

    g_assert_null (posada_machine_list_find (list, posada_machine_get_id (one)));
    posada_machine_list_add (list, one);
    g_assert_true (posada_machine_list_find (list, posada_machine_get_id (one)) == one);
    g_assert_null (posada_machine_list_find (list, "one"));
}

static void
lets_go_of_its_machines (void)
{
    PosadaMachineList *list = posada_machine_list_new ();
    PosadaMachine *machine = posada_fake_machine_new ("one", NULL);

    posada_machine_list_add (list, machine);
    g_object_add_weak_pointer (G_OBJECT (machine), (gpointer *) &machine);
    g_object_unref (machine);
    g_assert_nonnull (machine);
    g_object_unref (list);
    g_assert_null (machine);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/machine-list/" #name, name)
    ADD (tells_what_came_and_went);
    ADD (finds_machines_by_their_id);
    ADD (lets_go_of_its_machines);
    return g_test_run ();
}
