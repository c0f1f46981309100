/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of machines with payload guests share.
 */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "../machine/machine-test.h"
#include "machine/posada-kvm-machine.h"
#include "store/posada-device.h"

static inline gboolean
lacks_kvm (void)
{
    int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        g_test_skip ("no /dev/kvm that may be opened");
        return TRUE;
    }
    close (fd);
    return FALSE;
}

static inline void
wait_for_state (PosadaMachine *machine, PosadaMachineState state)
{
    while (posada_machine_get_state (machine) != state)
        g_main_context_iteration (NULL, TRUE);
}

static inline void
wait_for_saved (PosadaMachine *machine, gboolean saved)
{
    while (posada_machine_get_saved (machine) != saved)
        g_main_context_iteration (NULL, TRUE);
}

static inline void
wait_for_snapshots (PosadaMachine *machine, guint n)
{
    while (g_list_model_get_n_items (posada_machine_get_snapshots (machine)) != n)
        g_main_context_iteration (NULL, TRUE);
}

static inline PosadaSnapshot *
get_snapshot (PosadaMachine *machine, guint n)
{
    return g_list_model_get_item (posada_machine_get_snapshots (machine), n);
}

/* Of a store, it says "count XX" for each '+' that it is sent. */
static inline PosadaMachine *
make_counting (PosadaStore *store)
{
    g_autofree char *rom = g_build_filename (g_getenv ("POSADA_PAYLOADS"), "talker.rom", NULL);
    g_autofree char *loader =
        g_markup_printf_escaped ("<loader readonly='yes' type='rom'>%s</loader></os>", rom);
    g_autoptr (PosadaDefinition) plain = posada_definition_new ("Counting", NULL);
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (GError) error = NULL;
    g_autofree char *xml = NULL;
    g_auto (GStrv) parts = NULL;

    posada_definition_set_memory (plain, G_GUINT64_CONSTANT (64) << 20, &error);
    posada_definition_set_serial (plain, TRUE);
    xml = posada_definition_to_xml (plain);
    parts = g_strsplit (xml, "</os>", 2);
    g_free (xml);
    xml = g_strjoinv (loader, parts);
    definition = posada_definition_new_from_xml (xml, -1, &error);
    g_assert_no_error (error);
    posada_store_create (store, definition, NULL, NULL, &error);
    g_assert_no_error (error);
    return posada_kvm_machine_new_for_definition (definition, store);
}

/* Sends '+' and waits until the guest says @answer. */
static inline void
count (PosadaMachine *machine, const char *answer)
{
    PosadaSerial *serial = posada_machine_get_serial (machine);
    gboolean done = FALSE;

    g_assert_true (posada_serial_send (serial, "+", 1));
    while (!done) {
        g_autoptr (GBytes) backlog = posada_serial_get_backlog (serial);
        const char *data = g_bytes_get_data (backlog, NULL);
        g_autofree char *text = g_strndup (data ? data : "", g_bytes_get_size (backlog));

        done = strstr (text, answer) != NULL;
        if (!done)
            g_main_context_iteration (NULL, TRUE);
    }
}

static inline PosadaDefinition *
definition_of (PosadaMachine *machine)
{
    return posada_kvm_machine_get_definition (POSADA_KVM_MACHINE (machine));
}

static inline void
add_card (PosadaMachine *machine)
{
    const PosadaInterface interface = {.passt = TRUE, .model = (char *) "virtio"};

    g_assert_true (posada_definition_add_interface (definition_of (machine), &interface, NULL));
}
