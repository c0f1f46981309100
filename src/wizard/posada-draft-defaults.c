/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine gets if nobody says otherwise: what its system would like, as far as this host can
 * spare it. */
#include <string.h>

#include <glib/gi18n.h>

#include "wizard/posada-draft-internal.h"

#define DEFAULT_MEMORY    (2 * DRAFT_GIB)
#define DEFAULT_DISK_SIZE (20 * DRAFT_GIB)
#define DEFAULT_CPUS      2
#define LEAST_MEMORY      (64 * DRAFT_MIB)
/* What a new disk leaves to others. */
#define SPARE_SPACE DRAFT_GIB

/* The wish, with a number behind it if there is such a machine. */
static char *
find_free_name (PosadaDraft *self, const char *wish)
{
    g_autofree char *name = g_utf8_make_valid (wish, -1);
    g_autofree char *base = NULL;

    g_strdelimit (name, "/\n\r\t", ' ');
    g_strstrip (name);
    base = g_strdup (name);
    for (guint i = 2; i < 1000; i++) {
        g_autofree char *problem = posada_draft_check_name (self, name);

        if (!problem)
            break;
        g_free (name);
        name = g_strdup_printf ("%s %u", base, i);
    }
    return g_steal_pointer (&name);
}

/* The system's, or the file's without what only says its format. */
static char *
suggest_name (PosadaDraft *self)
{
    g_autofree char *base = NULL;
    char *dot;

    if (!self->source)
        return find_free_name (self, _ ("New Machine"));
    if (self->medium && self->medium->os_name)
        return find_free_name (self, self->medium->os_name);
    base = g_file_get_basename (self->source);
    dot = self->kind == POSADA_MEDIUM_KERNEL ? NULL : strrchr (base, '.');
    if (dot && dot > base)
        *dot = '\0';
    return find_free_name (self, base);
}

/* At most half of what there is and what is free, and whole MiB. */
static guint64
suggest_memory (PosadaDraft *self)
{
    guint64 wish = self->medium && self->medium->memory ? self->medium->memory : DEFAULT_MEMORY;

    if (self->capacity) {
        wish = MIN (wish, self->capacity->memory / 2);
        wish = MIN (wish, self->capacity->free_memory / 2);
    }
    return MAX (wish, LEAST_MEMORY) / DRAFT_MIB * DRAFT_MIB;
}

static guint64
suggest_disk_size (PosadaDraft *self)
{
    guint64 wish =
        self->medium && self->medium->storage ? self->medium->storage : DEFAULT_DISK_SIZE;

    if (self->kind == POSADA_MEDIUM_DISK || self->kind == POSADA_MEDIUM_KERNEL)
        return 0;
    if (self->capacity && self->capacity->free_space > SPARE_SPACE)
        wish = MIN (wish, self->capacity->free_space - SPARE_SPACE);
    return MAX (wish / DRAFT_GIB, 1) * DRAFT_GIB;
}

static guint
suggest_cpus (PosadaDraft *self)
{
    guint wish = MAX (self->medium ? self->medium->cpus : 0, DEFAULT_CPUS);

    return self->capacity ? MIN (wish, self->capacity->cpus) : wish;
}

void
posada_draft_apply_defaults (PosadaDraft *self)
{
    if (!self->own_memory)
        self->memory = suggest_memory (self);
    if (!self->own_disk_size)
        self->disk_size = suggest_disk_size (self);
    if (!self->own_cpus)
        self->cpus = suggest_cpus (self);
    if (!self->own_firmware)
        self->firmware = self->medium && self->medium->efi && !self->medium->bios
                             ? POSADA_FIRMWARE_EFI
                             : POSADA_FIRMWARE_BIOS;
    /* While it is looked at, the name of the file would flash by. */
    if (!self->own_name && self->has_kind && !self->looking) {
        g_free (self->name);
        self->name = suggest_name (self);
    }
}
