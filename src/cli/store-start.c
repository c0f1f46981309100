/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada start: the application starts the machine, if it runs and nothing is wanted that takes a
 * process of its own. Otherwise the definition is turned into the command line of posada run, the
 * machine's lock taken, and this becomes that program, lock and process number kept.
 */
#include <errno.h>
#include <string.h>

#include "cli/companion.h"
#include "cli/instance.h"
#include "cli/options.h"
#include "cli/store-verbs.h"
#include "machine/posada-kvm-remote.h"
#include "snapshot/snapshot.h"
#include "store/posada-control.h"
#include "store/posada-device.h"
#include "store/posada-store-error.h"

#define RUN_NAME_MAX 64 /* bytes, of posada run --name */

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    if (error)
        *error =
            g_error_new_valist (POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID, format, arguments);
    va_end (arguments);
    return FALSE;
}

static void add (GPtrArray *words, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
add (GPtrArray *words, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_ptr_array_add (words, g_strdup_vprintf (format, arguments));
    va_end (arguments);
}

/* What the engine has, so far. */
static gboolean
check_platform (PosadaDefinition *definition, GError **error)
{
    g_autofree char *type = posada_definition_get_domain_type (definition);
    g_autofree char *arch = posada_definition_get_arch (definition);
    g_autofree char *machine = posada_definition_get_machine (definition);

    if (strcmp (type, "kvm") != 0 && strcmp (type, "qemu") != 0)
        return refuse (error, "The machine is one of %s, which cannot be run here", type);
    if (arch && strcmp (arch, "x86_64") != 0)
        return refuse (error, "The machine's architecture %s cannot be run here", arch);
    if (machine && strcmp (machine, "q35") != 0 && !g_str_has_prefix (machine, "pc-q35-"))
        return refuse (error, "The machine is of type %s, only q35 can be run here", machine);
    if (posada_definition_get_firmware (definition) == POSADA_FIRMWARE_EFI)
        return refuse (error, "The machine boots by EFI, which is not there yet");
    return TRUE;
}

static void
add_size (GPtrArray *words, PosadaDefinition *definition)
{
    unsigned sockets, cores, threads;
    guint64 mib = posada_definition_get_memory (definition) >> 20;

    add (words, "--memory=%" G_GUINT64_FORMAT "M", mib);
    if (posada_definition_get_topology (definition, &sockets, &cores, &threads) &&
        sockets * cores * threads == posada_definition_get_vcpus (definition))
        add (words, "--cpus=%u,sockets=%u,cores=%u,threads=%u",
             posada_definition_get_vcpus (definition), sockets, cores, threads);
    else
        add (words, "--cpus=%u", posada_definition_get_vcpus (definition));
}

/* A comma would end the name. */
static void
add_escaped (GString *word, const char *path)
{
    g_auto (GStrv) parts = g_strsplit (path, ",", -1);
    g_autofree char *escaped = g_strjoinv (",,", parts);

    g_string_append (word, escaped);
}

static gboolean
add_disk (GPtrArray *words, const PosadaDisk *disk, GError **error)
{
    g_autoptr (GString) word = NULL;

    if (disk->source == POSADA_SOURCE_OTHER || (disk->path && disk->format == POSADA_FORMAT_OTHER))
        return refuse (error,
                       "Disk %s is neither a raw nor a qcow2 image on this computer; posada disk "
                       "convert makes one of it",
                       disk->target);
    if (disk->kind == POSADA_DISK_CDROM && disk->path && disk->format != POSADA_FORMAT_RAW)
        return refuse (error, "The CD image of drive %s is not raw", disk->target);
    if (disk->kind == POSADA_DISK_CDROM) {
        add (words, "--iso=%s", disk->path ? disk->path : "none");
        return TRUE;
    }
    if (disk->kind != POSADA_DISK_DISK || disk->bus != POSADA_BUS_VIRTIO)
        return refuse (error, "Disk %s is on a bus that is not there yet, only virtio is",
                       disk->target);
    word = g_string_new ("--disk=");
    add_escaped (word, disk->path);
    if (disk->format == POSADA_FORMAT_QCOW2)
        g_string_append (word, ",format=qcow2");
    for (char **backing = disk->backing; backing && *backing; backing++) {
        g_string_append (word, ",backing=");
        add_escaped (word, *backing);
    }
    if (disk->read_only)
        g_string_append (word, ",readonly");
    add (words, "%s", word->str);
    return TRUE;
}

static int
compare_order (gconstpointer a, gconstpointer b)
{
    const PosadaDisk *first = *(PosadaDisk *const *) a, *second = *(PosadaDisk *const *) b;
    unsigned i = first->boot_order ? first->boot_order : G_MAXUINT;
    unsigned j = second->boot_order ? second->boot_order : G_MAXUINT;

    return (i > j) - (i < j);
}

/* posada run knows an order of kinds, within which drives and disks go as they are given. */
static void
add_boot (GPtrArray *words, PosadaDefinition *definition, GPtrArray *disks)
{
    PosadaBootDevice devices[POSADA_BOOT_N_DEVICES];
    unsigned n = posada_definition_get_boot_devices (definition, devices);
    g_autoptr (GString) order = g_string_new (NULL);
    const char *names[] = {"disk", "cdrom"};

    for (unsigned i = 0; i < n; i++)
        if (devices[i] == POSADA_BOOT_DISK || devices[i] == POSADA_BOOT_CDROM)
            g_string_append_printf (order, "%s%s", order->len ? "," : "", names[devices[i]]);
    for (unsigned i = 0; i < disks->len; i++) {
        const PosadaDisk *disk = g_ptr_array_index (disks, i);
        const char *name = names[disk->kind == POSADA_DISK_CDROM];

        if (disk->boot_order && !strstr (order->str, name))
            g_string_append_printf (order, "%s%s", order->len ? "," : "", name);
    }
    if (order->len)
        add (words, "--boot=%s", order->str);
    if (posada_definition_get_boot_menu (definition))
        add (words, "--boot-menu");
}

static gboolean
add_devices (GPtrArray *words, PosadaDefinition *definition, GError **error)
{
    g_autoptr (GPtrArray) disks =
        g_ptr_array_new_with_free_func ((GDestroyNotify) posada_disk_free);
    g_autofree char *kernel = posada_definition_get_kernel (definition);
    g_autofree char *initrd = posada_definition_get_initrd (definition);
    g_autofree char *cmdline = posada_definition_get_cmdline (definition);
    g_autofree char *loader = posada_definition_get_loader (definition);
    g_autofree char *video = posada_definition_get_video_model (definition);

    for (unsigned i = 0; i < posada_definition_get_n_disks (definition); i++)
        g_ptr_array_add (disks, posada_definition_get_disk (definition, i));
    /* Stable: those without a number stay as they are. */
    g_ptr_array_sort (disks, compare_order);
    for (unsigned i = 0; i < disks->len; i++)
        if (!add_disk (words, g_ptr_array_index (disks, i), error))
            return FALSE;
    if (kernel) {
        add (words, "--kernel=%s", kernel);
        if (initrd)
            add (words, "--initrd=%s", initrd);
        if (cmdline)
            add (words, "--cmdline=%s", cmdline);
    } else {
        add_boot (words, definition, disks);
        if (loader)
            add (words, "--firmware-file=%s", loader);
    }
    if (g_strcmp0 (video, "virtio") == 0)
        add (words, "--display=virtio");
    return TRUE;
}

/* The command line of posada run; NULL if the engine cannot run such a machine. */
static GPtrArray *
make_words (PosadaDefinition *definition, const char *socket, GError **error)
{
    g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *name = posada_definition_get_name (definition);
    g_autofree char *uuid = posada_definition_get_uuid (definition);

    if (strlen (name) > RUN_NAME_MAX) {
        const char *end;

        name[RUN_NAME_MAX] = 0;
        g_utf8_validate (name, -1, &end);
        name[end - name] = 0;
    }
    add (words, "posada");
    add (words, "run");
    add (words, "--name=%s", name);
    add (words, "--uuid=%s", uuid);
    add (words, "--control=unix:%s", socket);
    add_size (words, definition);
    if (!check_platform (definition, error) || !add_devices (words, definition, error))
        return NULL;
    return g_steal_pointer (&words);
}

/* Its disks and what it was saved to belong together, and the latter would be used up. */
static gboolean
add_disposable (GPtrArray *words, PosadaStore *store, const char *uuid, GError **error)
{
    g_autofree char *machine = posada_store_get_machine_folder (store, uuid);
    g_autofree char *saved = g_build_filename (machine, "snapshots", "saved", NULL);

    add (words, "--disposable");
    return !g_file_test (saved, G_FILE_TEST_IS_DIR) ||
           refuse (error, "The machine is saved to disk: start and shut it down first");
}

/* Where its snapshots are, and what it goes on from: @id, or what it was saved to. */
static gboolean
add_snapshots (GPtrArray *words, PosadaStore *store, const char *uuid, const char *wish,
               GError **error)
{
    g_autofree char *machine = posada_store_get_machine_folder (store, uuid);
    g_autofree char *folder = g_build_filename (machine, "snapshots", NULL);
    g_autofree char *saved = g_build_filename (folder, "saved", NULL);
    g_autofree char *id = wish ? store_find_snapshot (folder, wish, error) : NULL;
    struct vmm_error from = {0};
    struct snapshot_info info;

    add (words, "--snapshots=%s", folder);
    if (wish && !id)
        return FALSE;
    if (id && snapshot_find (folder, id, &info, &from) < 0)
        return refuse (error, "%s", from.message);
    if (id && info.kind == SNAPSHOT_OFF)
        return refuse (error, "The machine was off in “%s”: go back by posada snapshot restore",
                       info.name);
    if (id) {
        /* What it was saved to is no way back any more. */
        snapshot_remove_suspended (saved);
        add (words, "--restore=%s/%s", folder, id);
    } else if (g_file_test (saved, G_FILE_TEST_IS_DIR))
        add (words, "--restore=%s", saved);
    return TRUE;
}

/* What the definition asks for and posada run does not have, which is no reason not to run it. */
static void
tell_lacks (PosadaDefinition *definition)
{
    g_autoptr (PosadaRemote) remote = posada_kvm_remote_read (definition);

    for (unsigned i = 0; i < posada_definition_get_n_graphics (definition); i++) {
        g_autoptr (PosadaGraphics) graphics = posada_definition_get_graphics (definition, i);

        if (remote->kind == POSADA_REMOTE_OFF && graphics &&
            graphics->kind == POSADA_GRAPHICS_SPICE && graphics->listen != POSADA_LISTEN_NONE) {
            cli_complain ("the machine runs without remote access: its definition has no TLS port "
                          "with a password");
            return;
        }
    }
}

static enum cli_status
become_run (PosadaStore *store, const char *uuid, const char *restore, gboolean disposable,
            const char *const extra[3], GError **error)
{
    static const char *const extra_names[3] = {"serial", "console", "log"};
    g_autoptr (PosadaLock) lock = posada_store_lock (store, uuid, error);
    g_autofree char *socket = posada_control_get_path (uuid);
    g_autofree char *folder = g_path_get_dirname (socket);
    g_autofree char *own_folder = posada_store_get_machine_folder (store, uuid);
    g_autoptr (PosadaDefinition) definition = lock ? posada_store_load (store, uuid, error) : NULL;
    g_autoptr (GPtrArray) words = definition ? make_words (definition, socket, error) : NULL;

    if (!words)
        return CLI_BAD_USE;
    if (posada_definition_get_role (definition) == POSADA_ROLE_TEMPLATE) {
        refuse (error, "A template does not start: make a machine of it by posada clone");
        return CLI_BAD_USE;
    }
    if (disposable ? !add_disposable (words, store, uuid, error)
                   : !add_snapshots (words, store, uuid, restore, error))
        return CLI_BAD_USE;
    if (g_mkdir_with_parents (folder, 0700) < 0) {
        refuse (error, "%s cannot be made: %s", folder, g_strerror (errno));
        return CLI_BAD_USE;
    }
    for (unsigned i = 0; i < 3; i++)
        if (extra[i])
            add (words, "--%s=%s", extra_names[i], extra[i]);
    if (!store_add_remote (words, definition, own_folder, error))
        return CLI_BAD_USE;
    store_add_network (words, definition);
    g_ptr_array_add (words, NULL);
    tell_lacks (definition);
    companion_pass_on (posada_lock_pass_on (lock));
    companion_execute ("posada", POSADA_BINDIR, (char **) words->pdata);
    return CLI_BAD_HOST;
}

enum cli_status
store_start (PosadaStore *store, int argc, char **argv)
{
    const char *extra[3] = {NULL, NULL, NULL}, *restore = NULL, *name;
    gboolean here = FALSE, disposable = FALSE;
    const struct store_option options[] = {
        {"serial", &extra[0], NULL}, {"console", &extra[1], NULL},      {"log", &extra[2], NULL},
        {"restore", &restore, NULL}, {"disposable", NULL, &disposable}, {"here", NULL, &here}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (Instance) instance = NULL;
    g_autoptr (GError) error = NULL;
    enum cli_status status;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    if (disposable && restore) {
        cli_complain ("--disposable and --restore exclude each other: make a copy instead");
        return CLI_BAD_USE;
    }
    entry = posada_store_find (store, name, &error);
    if (!entry)
        return store_complain (error);
    if (!here && !disposable && !restore && !extra[0] && !extra[1] && !extra[2] &&
        entry->holder == 0)
        instance = instance_find ();
    if (instance) {
        if (instance_operate (instance, entry->id, "start", &error))
            return CLI_OK;
        store_complain (error);
        return CLI_FAILED;
    }
    status = become_run (store, entry->id, restore, disposable, extra, &error);
    return error ? store_complain (error) : status;
}
