/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada create: everything is looked at before anything is made, and a new disk is made inside of
 * the machine's folder before that appears.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/inputs.h"
#include "cli/store-verbs.h"
#include "cli/text.h"
#include "engine/posada-engine.h"
#include "machine/posada-disk-image.h"
#include "store/posada-device.h"

#define DEFAULT_DISK_SIZE (UINT64_C (20) << 30)

struct request {
    const char *name, *memory, *cpus, *disk_size, *format, *iso, *disk, *kernel, *initrd, *cmdline;
    const char *network;
    uint64_t new_disk; /* bytes; 0: none */
    PosadaFormat disk_format;
};

static gboolean
refuse (const char *message)
{
    cli_complain ("%s", message);
    return FALSE;
}

/* What no option can know alone. */
static gboolean
check_request (struct request *request)
{
    if (!request->iso && !request->disk && !request->kernel)
        return refuse ("create needs --iso, --disk or --kernel");
    if (!request->kernel && (request->initrd || request->cmdline))
        return refuse (request->initrd ? "--initrd needs --kernel" : "--cmdline needs --kernel");
    if (request->format && strcmp (request->format, "raw") != 0 &&
        strcmp (request->format, "qcow2") != 0) {
        cli_complain ("--format %s is neither raw nor qcow2", request->format);
        return FALSE;
    }
    if (request->network && strcmp (request->network, "none") != 0 &&
        strcmp (request->network, "user") != 0) {
        cli_complain ("--network %s is neither user nor none", request->network);
        return FALSE;
    }
    if (request->disk && request->disk_size)
        return refuse ("--disk and --disk-size exclude each other: one is a disk that exists, the "
                       "other a new one");
    request->new_disk = request->iso && !request->disk ? DEFAULT_DISK_SIZE : 0;
    if (request->disk_size && strcmp (request->disk_size, "none") == 0)
        request->new_disk = 0;
    else if (request->disk_size &&
             (text_parse_size (request->disk_size, &request->new_disk) < 0 || !request->new_disk)) {
        cli_complain ("--disk-size %s is not a size, such as 20G, nor none", request->disk_size);
        return FALSE;
    }
    if (request->format && !request->disk && !request->new_disk)
        return refuse ("--format is that of a disk, and there is none");
    request->disk_format =
        g_strcmp0 (request->format, "raw") == 0 ? POSADA_FORMAT_RAW : POSADA_FORMAT_QCOW2;
    return TRUE;
}

/* The images and kernels are there and are what they are said to be. */
static gboolean
check_files (const struct request *request)
{
    const struct run_options boot = {.kernel = request->kernel, .initrd = request->initrd};
    const struct disk_option disk = {.path = (char *) request->disk};
    struct vmm_error error = {0};
    int r = inputs_check_boot_files (&boot, &error);

    if (r == 0 && request->iso)
        r = inputs_check_cd (request->iso, &error);
    if (r == 0 && request->disk)
        r = inputs_check_disk (&disk, &error);
    return r == 0 || refuse (error.message);
}

/* A format is never guessed from what is inside alone: a guest may write what it likes there. */
static gboolean
find_format (struct request *request)
{
    static const char magic[] = {'Q', 'F', 'I', '\xfb'};
    char head[sizeof magic] = {0};
    g_autofd int fd = -1;
    gboolean has_magic, named;

    if (!request->disk || request->format)
        return TRUE;
    fd = open (request->disk, O_RDONLY | O_CLOEXEC);
    has_magic = fd >= 0 && read (fd, head, sizeof head) == (ssize_t) sizeof head &&
                memcmp (head, magic, sizeof magic) == 0;
    named = g_str_has_suffix (request->disk, ".qcow2");
    if (has_magic != named) {
        cli_complain ("%s is named like a %s image but starts like %s; say which with --format",
                      request->disk, named ? "qcow2" : "raw", has_magic ? "a qcow2 one" : "none");
        return FALSE;
    }
    request->disk_format = named ? POSADA_FORMAT_QCOW2 : POSADA_FORMAT_RAW;
    return TRUE;
}

static const char *
get_new_disk_name (const struct request *request)
{
    return request->disk_format == POSADA_FORMAT_RAW ? "disk.raw" : "disk.qcow2";
}

/* A name made of the medium's, or the one asked for. */
static char *
choose_name (PosadaStore *store, const struct request *request, GError **error)
{
    const char *file = request->iso    ? request->iso
                       : request->disk ? request->disk
                                       : request->kernel;
    g_autofree char *base = g_path_get_basename (file), *clean = NULL;
    char *dot;

    if (request->name)
        return g_strdup (request->name);
    clean = g_utf8_make_valid (base, -1);
    dot = strrchr (clean, '.');
    if (dot && dot != clean && !request->kernel)
        *dot = 0;
    return posada_store_free_name (store, clean, error);
}

static gboolean
set_size (PosadaDefinition *definition, const struct request *request, GError **error)
{
    uint64_t memory, cpus;

    if (request->memory) {
        if (text_parse_size (request->memory, &memory) < 0 || memory % (1 << 20)) {
            cli_complain ("--memory %s is not a size in whole MiB, such as 512M or 2G",
                          request->memory);
            return FALSE;
        }
        if (!posada_definition_set_memory (definition, memory, error))
            return FALSE;
    }
    if (request->cpus) {
        if (text_parse_number (request->cpus, VMM_MAX_CPUS, &cpus) < 0 || cpus == 0) {
            cli_complain ("--cpus %s is not a number from 1 to %d", request->cpus, VMM_MAX_CPUS);
            return FALSE;
        }
        return posada_definition_set_vcpus (definition, (unsigned) cpus, error);
    }
    return TRUE;
}

static gboolean
add_devices (PosadaStore *store, PosadaDefinition *definition, const struct request *request,
             GError **error)
{
    static const PosadaBootDevice order[] = {POSADA_BOOT_CDROM, POSADA_BOOT_DISK};
    const PosadaInterface interface = {.passt = TRUE, .model = (char *) "virtio"};
    const PosadaGraphics graphics = {.listen = POSADA_LISTEN_NONE, .port = -1, .tls_port = -1};
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autofree char *folder = posada_store_get_machine_folder (store, uuid);
    g_autofree char *fresh = g_build_filename (folder, get_new_disk_name (request), NULL);
    const PosadaDisk cd = {
        .kind = POSADA_DISK_CDROM, .path = (char *) request->iso, .bus = POSADA_BUS_SATA};
    const PosadaDisk disk = {.path = request->new_disk ? fresh : (char *) request->disk,
                             .format = request->disk_format};

    posada_definition_set_input (definition, "tablet", "virtio", TRUE);
    posada_definition_set_rng (definition, TRUE);
    posada_definition_set_serial (definition, TRUE);
    if (request->kernel && !posada_definition_set_kernel (definition, request->kernel,
                                                          request->initrd, request->cmdline, error))
        return FALSE;
    return (!disk.path || posada_definition_add_disk (definition, &disk, error)) &&
           (!request->iso || posada_definition_add_disk (definition, &cd, error)) &&
           (g_strcmp0 (request->network, "none") == 0 ||
            posada_definition_add_interface (definition, &interface, error)) &&
           posada_definition_set_graphics (definition, 0, &graphics, error) &&
           posada_definition_set_video_model (definition, "virtio", error) &&
           posada_definition_set_balloon (definition, "virtio", error) &&
           posada_definition_set_boot_devices (definition, order, G_N_ELEMENTS (order), error);
}

static gboolean
fill_cb (const char *folder, gpointer data, GError **error)
{
    const struct request *request = data;
    g_autofree char *path = g_build_filename (folder, get_new_disk_name (request), NULL);

    return !request->new_disk ||
           posada_disk_image_create (path, request->disk_format, request->new_disk, error);
}

/* Files are kept by their full names. */
static void
make_absolute (const char **path)
{
    if (*path)
        *path = g_canonicalize_filename (*path, NULL);
}

enum cli_status
store_create (PosadaStore *store, int argc, char **argv)
{
    struct request request = {0};
    const struct store_option options[] = {
        {"name", &request.name, NULL},       {"memory", &request.memory, NULL},
        {"cpus", &request.cpus, NULL},       {"disk-size", &request.disk_size, NULL},
        {"format", &request.format, NULL},   {"iso", &request.iso, NULL},
        {"disk", &request.disk, NULL},       {"kernel", &request.kernel, NULL},
        {"initrd", &request.initrd, NULL},   {"cmdline", &request.cmdline, NULL},
        {"network", &request.network, NULL},
    };
    const char **const paths[] = {&request.iso, &request.disk, &request.kernel, &request.initrd};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *name = NULL;
    g_autoptr (GError) error = NULL;
    gboolean done = FALSE;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), NULL, 0) ||
        !check_request (&request) || !check_files (&request) || !find_format (&request))
        return CLI_BAD_USE;
    for (unsigned i = 0; i < G_N_ELEMENTS (paths); i++)
        make_absolute (paths[i]);
    name = choose_name (store, &request, &error);
    if (name)
        definition = posada_definition_new (name, &error);
    if (definition && set_size (definition, &request, &error) &&
        add_devices (store, definition, &request, &error))
        done = posada_store_create (store, definition, fill_cb, &request, &error);
    for (unsigned i = 0; i < G_N_ELEMENTS (paths); i++)
        g_free ((char *) *paths[i]);
    if (!done && error)
        return store_complain (error);
    if (!done)
        return CLI_BAD_USE;
    printf ("%s\n", name);
    return CLI_OK;
}
