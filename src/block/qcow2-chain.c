/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing files. A name in an image is a wish: only a plain path is understood, never a protocol or
 * a description in JSON, and what it leads to is opened only if our caller knows that file.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2.h"
#include "block/raw.h"

/* Whether @name is what QEMU takes for "protocol:…". */
static bool
has_protocol (const char *name)
{
    size_t end = strcspn (name, ":/");

    return name[end] == ':';
}

/* The real path of what the image calls @name; NULL with errno. */
static char *
resolve (const char *image, const char *name)
{
    AUTO_FREE char *joined = NULL;
    const char *slash = strrchr (image, '/');
    size_t folder = slash && name[0] != '/' ? (size_t) (slash - image) + 1 : 0;
    size_t length = strlen (name);

    joined = malloc (folder + length + 1);
    if (!joined)
        return NULL;
    memcpy (joined, image, folder);
    memcpy (joined + folder, name, length + 1);
    return realpath (joined, NULL);
}

static int
open_raw (struct qcow2 *self, const char *path, struct vmm_error *error)
{
    struct qcow2_layer *layer = &self->backing;
    int r = blk_file_open (path, BLK_READ_ONLY, self->blk.log, &layer->raw, error);

    if (r == 0)
        r = layer->raw->ops->get_size (layer->raw, &layer->size);
    if (r == 0 && !(self->flags & BLK_NO_RING))
        r = raw_create_container (layer->raw->fd, path, BLK_READ_ONLY, self->blk.log,
                                  &layer->raw_data);
    if (r < 0 && layer->raw)
        vmm_error_set_errno (error, r, "%s cannot be read", path);
    return r;
}

static int
open_qcow2 (struct qcow2 *self, const char *path, const struct blk_source *above, unsigned depth,
            struct vmm_error *error)
{
    struct qcow2_layer *layer = &self->backing;
    struct blk_source source = *above;
    const char *snapshot = *self->header.backing_snapshot ? self->header.backing_snapshot : NULL;
    struct blk_file *file;
    /* What never changes needs no lock. */
    int r = blk_file_open (path, BLK_READ_ONLY | (snapshot ? BLK_UNLOCKED : 0), self->blk.log,
                           &file, error);

    if (r < 0)
        return r;
    source.snapshot = snapshot;
    source.path = path;
    source.format = BLK_FORMAT_QCOW2;
    source.flags |= BLK_READ_ONLY;
    r = qcow2_open_file (file, &source, depth + 1, self->blk.log, &layer->image, error);
    if (r == 0)
        layer->size = layer->image->header.size;
    return r;
}

int
qcow2_chain_open (struct qcow2 *self, const struct blk_source *source, unsigned depth,
                  struct vmm_error *error)
{
    const struct qcow2_header *header = &self->header;
    const char *path = source->path, *name = header->backing;
    AUTO_FREE char *real = NULL;
    enum blk_format format;

    if (!*name || (self->flags & BLK_NO_BACKING))
        return 0;
    if (depth + 1 >= QCOW2_MAX_DEPTH)
        return vmm_error_set (error, -ELOOP,
                              "%s cannot be used: more than %d images are based on each other",
                              path, QCOW2_MAX_DEPTH);
    if (has_protocol (name))
        return vmm_error_set (
            error, -ENOTSUP,
            "%s cannot be used: its backing file “%.200s” is not a plain file name", path, name);
    if (!*header->backing_format)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be used: it does not say of which format its backing file "
                              "“%.200s” is; qemu-img rebase -u -F writes that down",
                              path, name);
    if (blk_format_from_name (header->backing_format, &format) < 0)
        return vmm_error_set (error, -ENOTSUP,
                              "%s cannot be used: its backing file is of the format “%s”, which is "
                              "not supported",
                              path, header->backing_format);
    real = resolve (path, name);
    if (!real)
        return vmm_error_set_errno (
            error, -errno, "%s cannot be used: its backing file “%.200s” is not there", path, name);
    if (!source->allow_backing || !source->allow_backing (source->data, real))
        return vmm_error_set (error, -EPERM,
                              "%s is not used: it is based on %.200s, and nobody has allowed that",
                              path, real);
    if (format == BLK_FORMAT_RAW && *header->backing_snapshot)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be used: raw images, such as it is based on, have no "
                              "snapshots",
                              path);
    return format == BLK_FORMAT_RAW ? open_raw (self, real, error)
                                    : open_qcow2 (self, real, source, depth, error);
}

void
qcow2_chain_close (struct qcow2_layer *layer)
{
    blk_close (layer->raw_data);
    blk_file_close (layer->raw);
    if (layer->image)
        blk_close (&layer->image->blk);
    *layer = (struct qcow2_layer) {0};
}
