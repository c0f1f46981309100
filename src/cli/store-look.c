/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * list, show, rename, delete, restore and purge.
 */
#include <stdio.h>
#include <string.h>

#include "cli/instance.h"
#include "cli/json.h"
#include "cli/store-verbs.h"
#include "cli/text.h"
#include "store/posada-control.h"
#include "store/posada-device.h"

#define TRASH_DAYS 30

/* “off”, what a running machine says of itself, or “broken”. @instance may be NULL. */
static char *
get_state (Instance *instance, const PosadaStoreEntry *entry)
{
    g_autofree char *answer = NULL, *state = NULL;
    const char *there = instance ? instance_get_state (instance, entry->id) : NULL;

    if (there)
        return g_strdup (there);
    if (entry->holder == 0)
        return g_strdup (entry->error ? "broken" : "off");
    answer = posada_control_talk (entry->id, "status", NULL);
    state = answer ? posada_control_get_string (answer, "state") : NULL;
    return state ? g_steal_pointer (&state) : g_strdup ("running");
}

static void
add_json (struct json *json, Instance *instance, const PosadaStoreEntry *entry)
{
    g_autofree char *state = get_state (instance, entry);

    json_begin_object (json, NULL);
    json_string (json, "uuid", entry->id);
    if (entry->name)
        json_string (json, "name", entry->name);
    json_string (json, "state", state);
    if (entry->holder > 0)
        json_number (json, "pid", (uint64_t) entry->holder);
    if (entry->error)
        json_string (json, "error", entry->error->message);
    if (entry->definition) {
        json_number (json, "memory", posada_definition_get_memory (entry->definition));
        json_number (json, "cpus", posada_definition_get_vcpus (entry->definition));
    }
    json_end_object (json);
}

static void
print_table (Instance *instance, GPtrArray *list)
{
    glong width = 4;

    for (unsigned i = 0; i < list->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (list, i);

        width = MAX (width, g_utf8_strlen (entry->name ? entry->name : entry->id, -1));
    }
    for (unsigned i = 0; i < list->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (list, i);
        const char *name = entry->name ? entry->name : entry->id;
        g_autofree char *state = get_state (instance, entry);

        printf ("%s%*s  %s%s%s\n", name, (int) (width - g_utf8_strlen (name, -1)), "", state,
                entry->error ? ": " : "", entry->error ? entry->error->message : "");
    }
}

enum cli_status
store_list (PosadaStore *store, int argc, char **argv)
{
    gboolean as_json = FALSE;
    const struct store_option options[] = {{"json", NULL, &as_json}};
    g_autoptr (GPtrArray) list = NULL;
    g_autoptr (Instance) instance = NULL;
    g_autoptr (GError) error = NULL;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), NULL, 0))
        return CLI_BAD_USE;
    list = posada_store_list (store, &error);
    if (!list)
        return store_complain (error);
    instance = instance_find ();
    if (as_json) {
        g_autofree char *text = NULL;
        struct json json;

        json_init (&json);
        json_begin_array (&json, NULL);
        for (unsigned i = 0; i < list->len; i++)
            add_json (&json, instance, g_ptr_array_index (list, i));
        json_end_array (&json);
        text = json_finish (&json);
        puts (text ? text : "[]");
    } else {
        print_table (instance, list);
    }
    return CLI_OK;
}

static void
print_field (const char *name, char *value)
{
    if (value)
        printf ("%-12s %s\n", name, value);
    g_free (value);
}

static void
print_network (PosadaDefinition *definition)
{
    g_autoptr (PosadaKvmNetwork) network = posada_kvm_network_read (definition);

    if (network->n_cards == 0)
        print_field ("Network", g_strdup ("no network card"));
    for (guint i = 0; i < network->n_cards; i++) {
        const PosadaKvmCard *card = &network->cards[i];

        print_field ("Network", store_describe_card (card));
        for (guint j = 0; j < card->n_forwards; j++)
            print_field ("Forward", store_describe_forward (&card->forwards[j]));
    }
    print_field ("Problem", g_steal_pointer (&network->problem));
}

static void
print_machine (PosadaStore *store, const PosadaStoreEntry *entry)
{
    PosadaDefinition *definition = entry->definition;
    g_autoptr (Instance) instance = instance_find ();
    g_autofree char *kernel = posada_definition_get_kernel (definition);
    gboolean elsewhere =
        entry->holder != 0 && !(instance && instance_get_state (instance, entry->id));
    char memory[32];

    text_format_size (posada_definition_get_memory (definition), memory, sizeof memory);
    print_field ("Name", g_strdup (entry->name));
    print_field ("State", get_state (instance, entry));
    print_field ("UUID", g_strdup (entry->id));
    print_field ("Folder", posada_store_get_machine_folder (store, entry->id));
    print_field ("Title", posada_definition_get_title (definition));
    print_field ("System", posada_definition_get_os_id (definition));
    print_field ("Memory", g_strdup (memory));
    print_field ("CPUs", g_strdup_printf ("%u", posada_definition_get_vcpus (definition)));
    print_field ("Firmware",
                 g_strdup (posada_definition_get_firmware (definition) == POSADA_FIRMWARE_EFI
                               ? "EFI"
                           : kernel ? "none"
                                    : "BIOS"));
    print_field ("Kernel", g_steal_pointer (&kernel));
    print_field ("Remote", store_describe_remote (definition, elsewhere));
    for (unsigned i = 0; i < posada_definition_get_n_disks (definition); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        print_field (disk->kind == POSADA_DISK_CDROM ? "CD-ROM" : "Disk",
                     g_strdup_printf ("%s: %s", disk->target, disk->path ? disk->path : "empty"));
    }
    print_network (definition);
    print_field ("Notes", posada_definition_get_notes (definition));
}

enum cli_status
store_show (PosadaStore *store, int argc, char **argv)
{
    gboolean xml = FALSE;
    const struct store_option options[] = {{"xml", NULL, &xml}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    if (!entry)
        return store_complain (error);
    if (entry->error)
        return store_complain (entry->error);
    if (xml) {
        g_autofree char *text = posada_definition_to_xml (entry->definition);

        fputs (text, stdout);
    } else {
        print_machine (store, entry);
    }
    return CLI_OK;
}

enum cli_status
store_rename (PosadaStore *store, int argc, char **argv)
{
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;
    const char *words[2];

    if (!store_parse (argc, argv, NULL, 0, words, 2))
        return CLI_BAD_USE;
    entry = posada_store_find (store, words[0], &error);
    if (!entry || !posada_store_rename (store, entry->id, words[1], &error))
        return store_complain (error);
    return CLI_OK;
}

enum cli_status
store_delete (PosadaStore *store, int argc, char **argv)
{
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, NULL, 0, &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    if (!entry || !posada_store_delete (store, entry->id, NULL, &error))
        return store_complain (error);
    posada_store_purge (store, TRASH_DAYS, NULL, NULL);
    return CLI_OK;
}

enum cli_status
store_restore (PosadaStore *store, int argc, char **argv)
{
    g_autoptr (GPtrArray) list = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, NULL, 0, &name, 1))
        return CLI_BAD_USE;
    list = posada_store_list_trash (store, &error);
    if (!list)
        return store_complain (error);
    for (unsigned i = 0; i < list->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (list, i);

        if (g_strcmp0 (entry->name, name) != 0 && !g_str_has_prefix (entry->id, name))
            continue;
        if (!posada_store_restore (store, entry->id, NULL, &error))
            return store_complain (error);
        return CLI_OK;
    }
    cli_complain ("there is no machine “%s” in the trash", name);
    return CLI_BAD_USE;
}

enum cli_status
store_purge (PosadaStore *store, int argc, char **argv)
{
    const char *days_text = NULL;
    const struct store_option options[] = {{"days", &days_text, NULL}};
    g_autoptr (GError) error = NULL;
    uint64_t days = 0;
    unsigned n;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), NULL, 0))
        return CLI_BAD_USE;
    if (days_text && text_parse_number (days_text, 36500, &days) < 0) {
        cli_complain ("--days %s is not a number up to 36500", days_text);
        return CLI_BAD_USE;
    }
    if (!posada_store_purge (store, (unsigned) days, &n, &error))
        return store_complain (error);
    printf ("%u removed\n", n);
    return CLI_OK;
}
