/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Overlays that have no name any more when they are used: whatever ends their user, nothing is left
 * of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "block/image.h"

/* What the image below may be based on, and that itself. */
struct allowed {
    const struct blk_source *below;
    const char *path;
};

static bool
allow_cb (void *data, const char *path)
{
    const struct allowed *allowed = data;

    if (strcmp (path, allowed->path) == 0)
        return true;
    return allowed->below->allow_backing &&
           allowed->below->allow_backing (allowed->below->data, path);
}

/* Size and clusters as those below, so that little is copied. */
static int
describe_below (const struct blk_source *below, struct blk_description *ret_description,
                struct vmm_error *error)
{
    struct blk_source source = *below;
    struct blk *blk;
    int r;

    source.flags |= BLK_READ_ONLY;
    r = blk_open (&source, NULL, &blk, error);
    if (r < 0)
        return r;
    blk_describe (blk, ret_description);
    blk_close (blk);
    return 0;
}

int
blk_open_disposable (const struct blk_source *below, const char *folder, const struct vmm_log *log,
                     struct blk **ret_blk, struct vmm_error *error)
{
    AUTO_FREE char *real = realpath (below->path, NULL), *path = NULL;
    struct allowed allowed = {.below = below, .path = real};
    struct blk_source source = {
        .format = BLK_FORMAT_QCOW2, .allow_backing = allow_cb, .data = &allowed};
    struct blk_description description;
    struct blk_qcow2_options options;
    uint64_t random = 0;
    int r;

    if (!real)
        return vmm_error_set_errno (error, -errno, "%s cannot be opened", below->path);
    r = describe_below (below, &description, error);
    if (r < 0)
        return r;
    if (getrandom (&random, sizeof random, 0) < 0 ||
        asprintf (&path, "%s/disposable-%016" PRIx64 ".qcow2", folder, random) < 0)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    options = (struct blk_qcow2_options) {
        .size = description.size,
        .cluster_size = description.cluster_size,
        .backing = real,
        .backing_format = below->format,
    };
    r = blk_create_qcow2 (path, &options, error);
    if (r < 0)
        return r;
    source.path = path;
    r = blk_open (&source, log, ret_blk, error);
    unlink (path);
    return r;
}
