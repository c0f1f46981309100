/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada disk: what is done to a disk image while no machine uses it. A format comes from --format,
 * or from the file's name where its first bytes do not say otherwise; it is never taken from what
 * is inside alone, which a guest may have written.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/convert.h"
#include "cli/json.h"
#include "cli/store-verbs.h"
#include "cli/text.h"

/* Everything that any of the verbs may be told. */
struct request {
    PosadaStore *store;
    const char *verb, *file, *other;
    const char *size, *format, *to, *cluster_size, *backing_format;
    gboolean compress, zstd, repair, json;
    const char *backing[STORE_MAX_LIST + 1]; /* what may be read, up to NULL */
};

static volatile sig_atomic_t interrupted;

static void
interrupt_cb (int number)
{
    interrupted = 1;
}

static enum cli_status
complain (const struct vmm_error *error)
{
    /* What is not allowed is to be read as the base of an image. */
    cli_complain ("%s%s", error->message,
                  error->code == -EPERM && strstr (error->message, "based on")
                      ? "; --backing allows that file"
                      : "");
    return error->code == -EINVAL || error->code == -EEXIST || error->code == -ENOENT ? CLI_BAD_USE
                                                                                      : CLI_FAILED;
}

/* What @path is; --format wins, and is needed where name and content do not agree. */
static const char *
format_of (const struct request *request, const char *path)
{
    const char *name = request->format ? request->format : blk_format_of_name (path);
    enum blk_format format;
    struct vmm_error error;

    if (!name) {
        cli_complain ("the name of %s does not tell its format; say it with --format", path);
        return NULL;
    }
    if (!blk_can_import (name)) {
        cli_complain ("--format %s is not known; there are raw, qcow2, vmdk, vdi, vhdx, vpc, qcow",
                      name);
        return NULL;
    }
    if (!request->format && strcmp (name, "raw") == 0 &&
        blk_guess_format (path, &format, &error) == 0 && format != BLK_FORMAT_RAW) {
        cli_complain ("%s is named like a raw image but starts like a %s one; say which with "
                      "--format",
                      path, blk_format_name (format));
        return NULL;
    }
    return name;
}

/* The same for what our own drivers read. */
static gboolean
own_format_of (const struct request *request, enum blk_format *ret_format)
{
    const char *name = format_of (request, request->file);

    if (!name)
        return FALSE;
    if (blk_format_from_name (name, ret_format) == 0)
        return TRUE;
    cli_complain ("%s is a %s image; make it qcow2 first: posada disk convert %s NEW.qcow2",
                  request->file, name, request->file);
    return FALSE;
}

static gboolean
parse_size (const char *option, const char *text, uint64_t *ret_size)
{
    if (text_parse_size (text, ret_size) == 0 && *ret_size > 0)
        return TRUE;
    cli_complain ("%s %s is not a size, such as 8G", option, text);
    return FALSE;
}

static int
open_image (struct request *request, enum blk_format format, unsigned flags, struct blk **ret_blk,
            struct vmm_error *error)
{
    struct blk_source source = {
        .path = request->file,
        .format = format,
        .flags = flags | BLK_NO_RING,
        .allow_backing = blk_allow_listed,
        .data = request->backing,
    };

    return blk_open (&source, NULL, ret_blk, error);
}

static enum cli_status
disk_create (struct request *request)
{
    struct blk_qcow2_options options = {.backing = request->backing[0]};
    struct vmm_error error = {0};
    enum blk_format format = BLK_FORMAT_QCOW2;
    uint64_t size, cluster_size = 0;
    struct blk *blk;
    int r;

    if (!request->size) {
        cli_complain ("disk create needs --size SIZE, such as 20G");
        return CLI_BAD_USE;
    }
    if (!parse_size ("--size", request->size, &size) ||
        (request->cluster_size &&
         !parse_size ("--cluster-size", request->cluster_size, &cluster_size)))
        return CLI_BAD_USE;
    if (request->format && blk_format_from_name (request->format, &format) < 0) {
        cli_complain ("--format %s is neither raw nor qcow2", request->format);
        return CLI_BAD_USE;
    }
    if (format == BLK_FORMAT_RAW && (options.backing || request->cluster_size)) {
        cli_complain ("a raw image has neither clusters nor a backing file");
        return CLI_BAD_USE;
    }
    if (request->backing[0] && request->backing[1]) {
        cli_complain ("a new image is based on one file: --backing %s is one too many",
                      request->backing[1]);
        return CLI_BAD_USE;
    }
    if (!options.backing != !request->backing_format ||
        (options.backing &&
         blk_format_from_name (request->backing_format, &options.backing_format) < 0)) {
        cli_complain ("--backing needs --backing-format raw or qcow2");
        return CLI_BAD_USE;
    }
    if (format == BLK_FORMAT_RAW) {
        r = blk_open_raw (request->file, BLK_CREATE | BLK_NO_RING, size, NULL, &blk, &error);
        if (r == 0)
            blk_close (blk);
    } else {
        options.size = size;
        options.cluster_size = (uint32_t) MIN (cluster_size, UINT32_MAX);
        r = blk_create_qcow2 (request->file, &options, &error);
    }
    return r < 0 ? complain (&error) : CLI_OK;
}

struct list {
    struct blk_snapshot *snapshots;
    size_t n;
};

/* Nothing in @text may do anything to a terminal. */
static char *
printable (const char *text)
{
    char *copy = g_utf8_make_valid (text, -1);

    for (char *c = copy; *c; c++)
        if ((unsigned char) *c < ' ' || *c == 127)
            *c = '?';
    return copy;
}

static void
print_json (const struct blk_description *description, const struct list *list)
{
    struct json json;
    char *text;

    json_init (&json);
    json_begin_object (&json, NULL);
    json_string (&json, "format", blk_format_name (description->format));
    json_number (&json, "size", description->size);
    json_number (&json, "on-disk", description->on_disk);
    if (description->cluster_size)
        json_number (&json, "cluster-size", description->cluster_size);
    if (description->backing[0]) {
        json_string (&json, "backing", description->backing);
        json_string (&json, "backing-format", description->backing_format);
    }
    if (description->format == BLK_FORMAT_QCOW2)
        json_number (&json, "snapshots", description->n_snapshots);
    if (list->n) {
        json_begin_array (&json, "snapshot-list");
        for (size_t i = 0; i < list->n; i++) {
            json_begin_object (&json, NULL);
            json_string (&json, "id", list->snapshots[i].id);
            json_string (&json, "name", list->snapshots[i].name);
            json_number (&json, "seconds", list->snapshots[i].seconds);
            json_number (&json, "size", list->snapshots[i].disk_size);
            json_number (&json, "own-bytes", list->snapshots[i].own_bytes);
            json_end_object (&json);
        }
        json_end_array (&json);
    }
    json_end_object (&json);
    text = json_finish (&json);
    if (text)
        puts (text);
    free (text);
}

static void
print_text (const struct blk_description *description, const struct list *list)
{
    g_autofree char *size = g_format_size_full (description->size, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *on_disk = g_format_size_full (description->on_disk, G_FORMAT_SIZE_IEC_UNITS);

    printf ("Format    %s\nSize      %s\nOn disk   %s\n", blk_format_name (description->format),
            size, on_disk);
    if (description->cluster_size)
        printf ("Clusters  %" PRIu32 " KiB%s\n", description->cluster_size / 1024,
                description->compressed_by_zstd ? ", zstd" : "");
    if (description->n_snapshots)
        printf ("Snapshots %" PRIu32 "\n", description->n_snapshots);
    for (size_t i = 0; i < list->n; i++) {
        const struct blk_snapshot *snapshot = &list->snapshots[i];
        g_autofree char *frees = g_format_size_full (snapshot->own_bytes, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *name = printable (*snapshot->name ? snapshot->name : snapshot->id);

        printf ("          %s: deleting it frees %s\n", name, frees);
    }
    if (description->backing[0]) {
        g_autofree char *name = printable (description->backing);

        printf ("Based on  %s (%s)\n", name, description->backing_format);
    }
    if (description->not_closed)
        puts ("It was not closed properly, and is repaired when it is used.");
    if (description->corrupt)
        puts ("It is marked as corrupt: see posada disk check --repair.");
}

static enum cli_status
disk_info (struct request *request)
{
    struct blk_description description;
    struct vmm_error error = {0};
    struct list list = {0};
    enum blk_format format;
    struct blk *blk;
    int r = 0;

    if (!own_format_of (request, &format))
        return CLI_BAD_USE;
    if (open_image (request, format, BLK_READ_ONLY | BLK_NO_BACKING, &blk, &error) < 0)
        return complain (&error);
    blk_describe (blk, &description);
    if (description.n_snapshots)
        r = blk_snapshot_list (blk, true, &list.snapshots, &list.n, &error);
    blk_close (blk);
    if (r < 0)
        return complain (&error);
    if (request->json)
        print_json (&description, &list);
    else
        print_text (&description, &list);
    free (list.snapshots);
    return CLI_OK;
}

static enum cli_status
disk_resize (struct request *request)
{
    struct blk_description description;
    struct vmm_error error = {0};
    enum blk_format format;
    struct blk *blk;
    uint64_t size;
    int r;

    if (!parse_size ("the new size", request->other, &size) || !own_format_of (request, &format))
        return CLI_BAD_USE;
    r = open_image (request, format, 0, &blk, &error);
    if (r == 0) {
        blk_describe (blk, &description);
        r = description.n_snapshots
                ? vmm_error_set (&error, -ENOTEMPTY,
                                 "%s has snapshots, which could not be restored to a disk of "
                                 "another size; delete them first",
                                 request->file)
                : blk_resize (blk, size, &error);
        blk_close (blk);
    }
    return r < 0 ? complain (&error) : CLI_OK;
}

static bool
progress_cb (void *data, double percent)
{
    int *shown = data;

    if ((int) percent != *shown && isatty (STDERR_FILENO)) {
        *shown = (int) percent;
        fprintf (stderr, "\r%3d %%", *shown);
    }
    return !interrupted;
}

/* Lets Ctrl+C end the work instead of us. */
static void
catch_interrupts (void)
{
    const struct sigaction action = {.sa_handler = interrupt_cb};

    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
}

static enum cli_status
end_work (int r, int shown, const struct vmm_error *error)
{
    if (shown >= 0)
        fputs ("\r     \r", stderr);
    return r < 0 ? complain (error) : CLI_OK;
}

static enum cli_status
disk_convert (struct request *request)
{
    struct vmm_error error = {0};
    int shown = -1;
    const char *to = request->to ? request->to : blk_format_of_name (request->other);
    struct blk_conversion conversion = {
        .from = request->file,
        .from_format = format_of (request, request->file),
        .backing = request->backing,
        .to = request->other,
        .compress = request->compress,
        .zstd = request->zstd,
        .progress = progress_cb,
        .data = &shown,
    };
    int r;

    if (!conversion.from_format)
        return CLI_BAD_USE;
    if (!to || blk_format_from_name (to, &conversion.to_format) < 0) {
        cli_complain ("%s is to be of a format that is not made here; say --to raw or qcow2",
                      request->other);
        return CLI_BAD_USE;
    }
    catch_interrupts ();
    r = blk_convert (&conversion, &error);
    return end_work (r, shown, &error);
}

static enum cli_status
disk_compact (struct request *request)
{
    struct vmm_error error = {0};
    int shown = -1, r;
    struct blk_compaction compaction = {
        .path = request->file,
        .backing = request->backing,
        .compress = request->compress,
        .zstd = request->zstd,
        .progress = progress_cb,
        .data = &shown,
    };

    if (!own_format_of (request, &compaction.format))
        return CLI_BAD_USE;
    catch_interrupts ();
    r = blk_compact (&compaction, &error);
    return end_work (r, shown, &error);
}

static enum cli_status
disk_check (struct request *request)
{
    unsigned flags = request->repair ? BLK_FOR_REPAIR : BLK_READ_ONLY;
    struct vmm_error error = {0};
    enum blk_format format;
    struct blk_check check;
    struct blk *blk;
    int r, shown = -1;
    const struct blk_watch watch = {.progress = progress_cb, .data = &shown};

    if (!own_format_of (request, &format))
        return CLI_BAD_USE;
    r = open_image (request, format, flags | BLK_NO_BACKING, &blk, &error);
    if (r < 0)
        return complain (&error);
    catch_interrupts ();
    r = blk_check_watched (blk, &watch, &check, &error);
    if (r == 0 && request->repair && (check.errors || check.leaks))
        r = blk_repair_watched (blk, &watch, &error);
    blk_close (blk);
    if (end_work (r, shown, &error) != CLI_OK)
        return CLI_FAILED;
    if (check.damaged)
        cli_complain ("%s is damaged; save what can be read with posada disk convert",
                      request->file);
    else if (check.errors || check.leaks)
        printf ("%" PRIu64 " errors, %" PRIu64 " leaked clusters%s\n", check.errors, check.leaks,
                request->repair ? ", repaired" : "; --repair repairs them");
    else
        puts ("No errors");
    return check.errors && !request->repair ? CLI_FAILED : CLI_OK;
}

static enum cli_status
disk_flatten (struct request *request)
{
    return store_flatten (request->store, request->file);
}

static const struct {
    const char *name;
    unsigned n_words; /* after the name */
    enum cli_status (*run) (struct request *request);
} verbs[] = {
    {"create", 1, disk_create},   {"info", 1, disk_info},       {"resize", 2, disk_resize},
    {"convert", 2, disk_convert}, {"compact", 1, disk_compact}, {"check", 1, disk_check},
    {"flatten", 1, disk_flatten},
};

enum cli_status
store_disk (PosadaStore *store, int argc, char **argv)
{
    struct request request = {0};
    const struct store_option options[] = {
        {"size", &request.size, NULL},
        {"format", &request.format, NULL},
        {"to", &request.to, NULL},
        {"cluster-size", &request.cluster_size, NULL},
        {"backing", NULL, NULL, request.backing},
        {"backing-format", &request.backing_format, NULL},
        {"compress", NULL, &request.compress},
        {"zstd", NULL, &request.zstd},
        {"repair", NULL, &request.repair},
        {"json", NULL, &request.json},
    };
    const char *words[3];

    for (unsigned i = 0; argc > 1 && i < G_N_ELEMENTS (verbs); i++) {
        if (strcmp (argv[1], verbs[i].name) != 0)
            continue;
        if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), words, verbs[i].n_words + 1))
            return CLI_BAD_USE;
        request.store = store;
        request.file = words[1];
        request.other = verbs[i].n_words > 1 ? words[2] : NULL;
        return verbs[i].run (&request);
    }
    cli_complain (
        "disk wants create, info, resize, convert, compact, check or flatten; posada disk --help "
        "tells more");
    return CLI_BAD_USE;
}
