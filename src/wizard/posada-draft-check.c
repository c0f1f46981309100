/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What would fail later, found out before. */
#include <string.h>

#include <glib/gi18n.h>

#include "machine/posada-kvm-config.h"
#include "store/posada-units.h"
#include "wizard/posada-draft-internal.h"

/* What Linux takes on x86 (COMMAND_LINE_SIZE, with the zero at its end). */
#define CMDLINE_MAX 2047

char *
posada_draft_check_name (PosadaDraft *self, const char *name)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *folded = g_utf8_casefold (name, -1);

    if (name[0] == '\0')
        return g_strdup (_ ("The machine needs a name."));
    if (strchr (name, '/'))
        return g_strdup (_ ("A name has no slashes."));
    if (strlen (name) > POSADA_NAME_MAX)
        return g_strdup (_ ("This name is too long."));
    if (!posada_definition_check_name (name, &error))
        return g_strdup (error->message);
    for (guint i = 0; self->names && self->names[i]; i++) {
        g_autofree char *other = g_utf8_casefold (self->names[i], -1);

        if (g_str_equal (folded, other))
            return g_strdup (_ ("Another machine has this name."));
    }
    return NULL;
}

static char *
check_format (PosadaDraft *self)
{
    if (!self->medium || self->format != POSADA_FORMAT_UNKNOWN)
        return NULL;
    return g_strdup (self->medium->format == POSADA_FORMAT_QCOW2
                         ? _ ("It is not named like a qcow2 image, but starts like one: choose.")
                         : _ ("It is named like a qcow2 image, but does not start like one: "
                              "choose."));
}

static char *
check_use (PosadaDraft *self)
{
    const PosadaMedium *medium = self->medium;

    if (!medium)
        return NULL;
    if (medium->in_use)
        return g_strdup (_ ("Another machine is running with it: shut that down first."));
    if (!self->copy && !medium->writable)
        return g_strdup (_ ("You may not write to it: make a copy."));
    if (medium->has_base && self->format == POSADA_FORMAT_QCOW2)
        return g_strdup (_ ("It only holds what differs from another image: convert it to one that "
                            "is whole first."));
    if (self->copy && self->capacity && medium->allocated > self->capacity->free_space) {
        g_autofree char *need = g_format_size (medium->allocated);
        g_autofree char *have = g_format_size (self->capacity->free_space);

        /* Translators: two sizes */
        return g_strdup_printf (_ ("A copy takes %s, and only %s are free."), need, have);
    }
    return NULL;
}

static char *
check_initrd (PosadaDraft *self)
{
    if (self->kind != POSADA_MEDIUM_KERNEL)
        return NULL;
    return g_strdup (self->initrd_problem);
}

static char *
check_cmdline (PosadaDraft *self)
{
    if (self->kind != POSADA_MEDIUM_KERNEL || strlen (self->cmdline) <= CMDLINE_MAX)
        return NULL;
    return g_strdup_printf (_ ("Linux takes at most %d characters."), CMDLINE_MAX);
}

static char *
check_memory (PosadaDraft *self)
{
    g_autofree char *size = NULL;

    if (self->capacity && self->memory > self->capacity->free_memory) {
        size = posada_format_size (self->capacity->free_memory);
        /* Translators: an amount of memory */
        return g_strdup_printf (_ ("Only %s are free: give it less, or close something."), size);
    }
    if (self->medium && self->memory < self->medium->least_memory) {
        size = posada_format_size (self->medium->least_memory);
        /* Translators: an amount of memory */
        return g_strdup_printf (_ ("This system needs at least %s."), size);
    }
    return NULL;
}

static char *
check_cpus (PosadaDraft *self)
{
    if (!self->capacity || self->cpus <= self->capacity->cpus)
        return NULL;
    return g_strdup_printf (
        ngettext ("This computer has only %u.", "This computer has only %u.", self->capacity->cpus),
        self->capacity->cpus);
}

static char *
check_disk_size (PosadaDraft *self)
{
    g_autofree char *size = NULL;

    if (self->kind == POSADA_MEDIUM_DISK || !self->capacity ||
        self->disk_size <= self->capacity->free_space)
        return NULL;
    size = posada_format_size (self->capacity->free_space);
    /* Translators: an amount of disk space */
    return g_strdup_printf (_ ("Only %s are free where machines are kept."), size);
}

static char *
check_firmware (PosadaDraft *self)
{
    const PosadaMedium *medium = self->medium;

    if (self->kind != POSADA_MEDIUM_ISO || !medium)
        return NULL;
    if (self->firmware == POSADA_FIRMWARE_BIOS && !medium->bios)
        return g_strdup (_ ("This medium starts by UEFI only."));
    if (self->firmware == POSADA_FIRMWARE_EFI && !medium->efi)
        return g_strdup (_ ("This medium starts by BIOS only."));
    return NULL;
}

/* What the engine does not have, last: it is asked with a machine that has no other fault. */
static void
check_engine (PosadaDraft *self)
{
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaKvmConfig) config = NULL;
    PosadaField field = POSADA_FIELD_SOURCE;

    for (guint i = 0; i < POSADA_N_FIELDS; i++)
        if (self->problems[i])
            return;
    if (!self->has_kind || (self->source && !self->medium))
        return;
    definition = posada_draft_make_definition (self, NULL);
    if (!definition)
        return;
    config = posada_kvm_config_new_for_definition (definition);
    if (self->firmware == POSADA_FIRMWARE_EFI)
        field = POSADA_FIELD_FIRMWARE;
    else if (self->kind == POSADA_MEDIUM_DISK)
        field = POSADA_FIELD_FORMAT;
    self->problems[field] = g_strdup (config->obstacle);
}

void
posada_draft_check (PosadaDraft *self)
{
    static char *(*const checks[POSADA_N_FIELDS]) (PosadaDraft *) = {
        [POSADA_FIELD_INITRD] = check_initrd,       [POSADA_FIELD_CMDLINE] = check_cmdline,
        [POSADA_FIELD_MEMORY] = check_memory,       [POSADA_FIELD_CPUS] = check_cpus,
        [POSADA_FIELD_DISK_SIZE] = check_disk_size, [POSADA_FIELD_FIRMWARE] = check_firmware,
    };

    for (guint i = 0; i < POSADA_N_FIELDS; i++) {
        g_clear_pointer (&self->problems[i], g_free);
        if (checks[i])
            self->problems[i] = checks[i](self);
    }
    self->problems[POSADA_FIELD_SOURCE] = g_strdup (self->source_problem);
    if (self->kind == POSADA_MEDIUM_DISK) {
        self->problems[POSADA_FIELD_FORMAT] = check_format (self);
        self->problems[POSADA_FIELD_USE] = check_use (self);
    }
    self->problems[POSADA_FIELD_NAME] =
        self->has_kind && !self->looking ? posada_draft_check_name (self, self->name) : NULL;
    check_engine (self);
}
