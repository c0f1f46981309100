/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine of a draft. A copy is made before the store is asked for anything, so that nobody waits
 * for its lock meanwhile; it has no name until the machine's folder, which appears complete or not
 * at all, has it.
 */
#include <glib/gi18n.h>

#include "store/posada-store-async.h"
#include "wizard/posada-draft-internal.h"

/* New disks are of a format that keeps snapshots. */
#define NEW_FORMAT POSADA_FORMAT_QCOW2

static const char *
name_of_disk (PosadaFormat format)
{
    return format == POSADA_FORMAT_QCOW2 ? "disk.qcow2" : "disk.img";
}

/* For another thread. */
struct fill {
    PosadaDiskCopy *copy; /* or */
    guint64 new_disk;     /* or neither */
    PosadaFormat format;
};

static void
fill_free (gpointer data)
{
    struct fill *fill = data;

    g_clear_object (&fill->copy);
    g_free (fill);
}

/* For this one. */
struct job {
    PosadaDraft *draft;
    PosadaDefinition *definition;
};

static void
job_free (gpointer data)
{
    struct job *job = data;

    g_object_unref (job->draft);
    g_object_unref (job->definition);
    g_free (job);
}

static struct job *
job_new (PosadaDraft *self, PosadaDefinition *definition)
{
    struct job *job = g_new0 (struct job, 1);

    job->draft = g_object_ref (self);
    job->definition = g_object_ref (definition);
    return job;
}

/* --- the definition --- */

/* The disk comes first in the boot order: empty, it does not boot, and once installed, it does. */
static gboolean
add_drives (PosadaDraft *self, PosadaDefinition *definition, GError **error)
{
    gboolean is_disk = self->kind == POSADA_MEDIUM_DISK;
    g_autofree char *path = self->source ? g_file_get_path (self->source) : NULL;
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autofree char *folder = posada_store_get_machine_folder (self->store, uuid);
    PosadaFormat format = is_disk ? self->format : NEW_FORMAT;
    g_autofree char *own = g_build_filename (folder, name_of_disk (format), NULL);
    PosadaDisk disk = {
        .path = is_disk && !self->copy ? path : own,
        .format = format,
        .bus = POSADA_BUS_VIRTIO,
        .boot_order = 1,
    };
    PosadaDisk cd = {.kind = POSADA_DISK_CDROM, .bus = POSADA_BUS_SATA, .boot_order = 2};

    if (self->kind == POSADA_MEDIUM_ISO)
        cd.path = path;
    if ((is_disk || self->disk_size) && !posada_definition_add_disk (definition, &disk, error))
        return FALSE;
    return self->kind == POSADA_MEDIUM_KERNEL ||
           posada_definition_add_disk (definition, &cd, error);
}

static gboolean
set_system (PosadaDraft *self, PosadaDefinition *definition, GError **error)
{
    g_autofree char *kernel = NULL;
    g_autofree char *initrd = self->initrd ? g_file_get_path (self->initrd) : NULL;

    if (self->kind == POSADA_MEDIUM_KERNEL) {
        kernel = g_file_get_path (self->source);
        return posada_definition_set_kernel (definition, kernel, initrd,
                                             self->cmdline[0] ? self->cmdline : NULL, error);
    }
    posada_definition_set_firmware (definition, self->firmware);
    return !self->medium || !self->medium->os_id ||
           (posada_definition_set_os_id (definition, self->medium->os_id, error) &&
            posada_definition_set_title (definition, self->medium->os_name, error));
}

PosadaDefinition *
posada_draft_make_definition (PosadaDraft *self, GError **error)
{
    const PosadaInterface interface = {.passt = TRUE, .model = (char *) "virtio"};
    const PosadaGraphics graphics = {.listen = POSADA_LISTEN_NONE, .port = -1, .tls_port = -1};
    g_autoptr (PosadaDefinition) definition = posada_definition_new (self->name, error);

    if (!definition)
        return NULL;
    posada_definition_set_input (definition, "tablet", "virtio", TRUE);
    posada_definition_set_rng (definition, TRUE);
    posada_definition_set_serial (definition, TRUE);
    if (!posada_definition_set_memory (definition, self->memory, error) ||
        !posada_definition_set_vcpus (definition, self->cpus, error) ||
        !set_system (self, definition, error) || !add_drives (self, definition, error) ||
        (self->network && !posada_definition_add_interface (definition, &interface, error)) ||
        !posada_definition_set_graphics (definition, 0, &graphics, error) ||
        !posada_definition_set_video_model (definition, "virtio", error) ||
        !posada_definition_set_balloon (definition, "virtio", error))
        return NULL;
    return g_steal_pointer (&definition);
}

/* --- making it --- */

/* On another thread, with the store's lock held. */
static gboolean
fill_cb (const char *folder, gpointer data, GError **error)
{
    struct fill *fill = data;
    g_autofree char *path = g_build_filename (folder, name_of_disk (fill->format), NULL);

    if (fill->copy)
        return posada_disk_copy_link (fill->copy, path, error);
    return !fill->new_disk || posada_disk_image_create (path, fill->format, fill->new_disk, error);
}

static DexFuture *
store_cb (DexFuture *future, gpointer user_data)
{
    struct job *job = user_data;
    PosadaDraft *self = job->draft;
    struct fill *fill = g_new0 (struct fill, 1);

    if (self->kind == POSADA_MEDIUM_DISK) {
        fill->format = self->format;
        g_set_object (&fill->copy, self->copying);
    } else {
        fill->format = NEW_FORMAT;
        fill->new_disk = self->disk_size;
    }
    return posada_store_create_async (self->store, job->definition, fill_cb, fill, fill_free);
}

/* What was copied and has no name is gone with this. */
static DexFuture *
settled_cb (DexFuture *future, gpointer user_data)
{
    PosadaDraft *self = user_data;

    g_clear_object (&self->copying);
    return dex_ref (future);
}

gboolean
posada_draft_takes_long (PosadaDraft *self)
{
    return self->kind == POSADA_MEDIUM_DISK && self->copy;
}

DexFuture *
posada_draft_create (PosadaDraft *self, GCancellable *cancellable)
{
    g_autoptr (PosadaDefinition) definition = NULL;
    DexFuture *future;
    GError *error = NULL;

    g_return_val_if_fail (POSADA_IS_DRAFT (self), NULL);

    definition = posada_draft_make_definition (self, &error);
    if (!definition)
        return dex_future_new_for_error (error);
    if (posada_draft_takes_long (self)) {
        g_autofree char *path = g_file_get_path (self->source);

        g_clear_object (&self->copying);
        self->copying = posada_disk_copy_new (path, posada_store_get_folder (self->store));
        future = posada_disk_copy_run (self->copying, cancellable);
    } else {
        future = dex_future_new_true ();
    }
    future = dex_future_then (future, store_cb, job_new (self, definition), job_free);
    return dex_future_finally (future, settled_cb, g_object_ref (self), g_object_unref);
}

double
posada_draft_get_progress (PosadaDraft *self)
{
    return self->copying ? posada_disk_copy_get_progress (self->copying) : 0;
}
