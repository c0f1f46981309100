/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-medium.h"

#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <osinfo/osinfo.h>
#include <sys/stat.h>

#include "machine/posada-disk-image.h"
#include "wizard/posada-image-header.h"
#include "wizard/posada-iso.h"

G_DEFINE_BOXED_TYPE (PosadaMedium, posada_medium, posada_medium_copy, posada_medium_free)

struct request {
    GFile *file;
    PosadaMediumKind wish;
};

static void
request_free (gpointer data)
{
    struct request *request = data;

    g_object_unref (request->file);
    g_free (request);
}

/* --- the system on it --- */

/* libosinfo says -1 for what it does not know. */
static guint64
known (gint64 value)
{
    return value > 0 ? (guint64) value : 0;
}

static gboolean
is_for_us (const char *arch)
{
    return !arch || g_str_equal (arch, "x86_64") || g_str_equal (arch, "all") ||
           g_pattern_match_simple ("i?86", arch);
}

static void
take_resources (PosadaMedium *self, OsinfoOs *os)
{
    g_autoptr (OsinfoResourcesList) recommended = osinfo_os_get_recommended_resources (os);
    g_autoptr (OsinfoResourcesList) least = osinfo_os_get_minimum_resources (os);

    for (int i = 0; i < osinfo_list_get_length (OSINFO_LIST (recommended)); i++) {
        OsinfoResources *resources =
            OSINFO_RESOURCES (osinfo_list_get_nth (OSINFO_LIST (recommended), i));

        if (!is_for_us (osinfo_resources_get_architecture (resources)))
            continue;
        self->memory = MAX (self->memory, known (osinfo_resources_get_ram (resources)));
        self->storage = MAX (self->storage, known (osinfo_resources_get_storage (resources)));
        self->cpus = MAX (self->cpus, (guint) known (osinfo_resources_get_n_cpus (resources)));
    }
    for (int i = 0; i < osinfo_list_get_length (OSINFO_LIST (least)); i++) {
        OsinfoResources *resources =
            OSINFO_RESOURCES (osinfo_list_get_nth (OSINFO_LIST (least), i));

        if (is_for_us (osinfo_resources_get_architecture (resources)))
            self->least_memory =
                MAX (self->least_memory, known (osinfo_resources_get_ram (resources)));
    }
}

/* What libosinfo cannot tell is no reason not to install it; what is for other processors is. */
static gboolean
identify (PosadaMedium *self, const char *uri, GError **error)
{
    g_autoptr (OsinfoLoader) loader = osinfo_loader_new ();
    g_autoptr (OsinfoMedia) media = osinfo_media_create_from_location (uri, NULL, NULL);
    g_autoptr (OsinfoOs) os = NULL;
    const char *arch;

    if (!media)
        return TRUE;
    osinfo_loader_process_default_path (loader, NULL);
    if (!osinfo_db_identify_media (osinfo_loader_get_db (loader), media))
        return TRUE;
    g_object_get (media, "os", &os, NULL);
    if (!os)
        return TRUE;
    self->os_name = g_strdup (osinfo_product_get_name (OSINFO_PRODUCT (os)));
    self->os_id = g_strdup (osinfo_entity_get_id (OSINFO_ENTITY (os)));
    take_resources (self, os);
    arch = osinfo_media_get_architecture (media);
    if (is_for_us (arch))
        return TRUE;
    /* Translators: the name of a system, and of an architecture such as “aarch64” */
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("This is %s for %s, which does not run here: get the one for x86-64."),
                 self->os_name, arch);
    return FALSE;
}

/* --- the file --- */

/* A regular file, or a device, that can be read and has something in it. */
static gboolean
look (const char *path, struct stat *ret_stat, int *ret_fd, GError **error)
{
    g_autofd int fd = -1;

    if (!path) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                             _ ("This file is not on this computer: copy it here first."));
        return FALSE;
    }
    fd = g_open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat (fd, ret_stat) < 0) {
        int number = errno;

        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (number),
                     _ ("This file cannot be read: %s."), g_strerror (number));
        return FALSE;
    }
    if (!S_ISREG (ret_stat->st_mode) && !S_ISBLK (ret_stat->st_mode)) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                             S_ISDIR (ret_stat->st_mode)
                                 ? _ ("This is a folder: choose a file in it.")
                                 : _ ("This is not a file with data in it."));
        return FALSE;
    }
    if (S_ISREG (ret_stat->st_mode) && ret_stat->st_size == 0) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                             _ ("This file is empty: get it once more, or choose another."));
        return FALSE;
    }
    *ret_fd = g_steal_fd (&fd);
    return TRUE;
}

static gboolean
take_disk (PosadaMedium *self, const char *path, const struct stat *stat_buffer,
           const PosadaImageHeader *header, GError **error)
{
    if (header->foreign) {
        /* Translators: the name of a format, such as “VMDK” */
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                     _ ("This is a %s image: convert it to qcow2 first."), header->foreign);
        return FALSE;
    }
    self->format = header->qcow2 ? POSADA_FORMAT_QCOW2 : POSADA_FORMAT_RAW;
    self->format_unclear = header->qcow2 != posada_image_is_named_qcow2 (path);
    self->has_base = header->has_base;
    self->writable = g_access (path, W_OK) == 0;
    self->in_use = !posada_disk_image_check_unused (path, !self->writable, NULL);
    self->allocated = (guint64) stat_buffer->st_blocks * 512;
    return TRUE;
}

/* The user's word counts where the file can be that. */
static PosadaMediumKind
choose_kind (const PosadaImageHeader *header, PosadaMediumKind wish)
{
    if (wish == POSADA_MEDIUM_KERNEL || wish == POSADA_MEDIUM_ISO)
        return wish;
    if (header->iso)
        return POSADA_MEDIUM_ISO;
    if (wish == POSADA_MEDIUM_DISK)
        return wish;
    if (header->kernel)
        return POSADA_MEDIUM_KERNEL;
    return header->qcow2 || header->foreign || header->boot_sector ? POSADA_MEDIUM_DISK
                                                                   : POSADA_MEDIUM_UNKNOWN;
}

static gboolean
recognize (PosadaMedium *self, const struct request *request, GError **error)
{
    g_autofree char *path = g_file_get_path (request->file);
    g_autofree char *uri = g_file_get_uri (request->file);
    PosadaImageHeader header;
    struct stat stat_buffer;
    g_autofd int fd = -1;

    if (!look (path, &stat_buffer, &fd, error))
        return FALSE;
    posada_image_header_read (&header, fd);
    self->kind = choose_kind (&header, request->wish);
    switch (self->kind) {
    case POSADA_MEDIUM_ISO:
        return posada_iso_check (fd, &self->bios, &self->efi, error) && identify (self, uri, error);
    case POSADA_MEDIUM_DISK: return take_disk (self, path, &stat_buffer, &header, error);
    case POSADA_MEDIUM_KERNEL:
        if (header.kernel)
            return TRUE;
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                             _ ("This is not a Linux kernel for x86-64."));
        return FALSE;
    case POSADA_MEDIUM_UNKNOWN: break;
    }
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         _ ("No machine can start from this file: it is neither an installation "
                            "image, nor a disk, nor a kernel."));
    return FALSE;
}

static DexFuture *
recognize_cb (gpointer user_data)
{
    g_autoptr (PosadaMedium) self = g_new0 (PosadaMedium, 1);
    GError *error = NULL;

    if (!recognize (self, user_data, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_take_boxed (POSADA_TYPE_MEDIUM, g_steal_pointer (&self));
}

static DexFuture *
check_file_cb (gpointer user_data)
{
    g_autofree char *path = g_file_get_path (user_data);
    struct stat stat_buffer;
    g_autofd int fd = -1;
    GError *error = NULL;

    return look (path, &stat_buffer, &fd, &error) ? dex_future_new_true ()
                                                  : dex_future_new_for_error (error);
}

/* --- public --- */

PosadaMedium *
posada_medium_copy (const PosadaMedium *self)
{
    PosadaMedium *copy = g_memdup2 (self, sizeof *self);

    copy->os_name = g_strdup (self->os_name);
    copy->os_id = g_strdup (self->os_id);
    return copy;
}

void
posada_medium_free (PosadaMedium *self)
{
    g_free (self->os_name);
    g_free (self->os_id);
    g_free (self);
}

DexFuture *
posada_medium_recognize (GFile *file, PosadaMediumKind wish)
{
    struct request *request = g_new0 (struct request, 1);

    request->file = g_object_ref (file);
    request->wish = wish;
    /* A fiber's stack is too small for parsers of XML. */
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 1 << 20, recognize_cb,
                                request, request_free);
}

DexFuture *
posada_medium_check_file (GFile *file)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, check_file_cb,
                                g_object_ref (file), g_object_unref);
}
