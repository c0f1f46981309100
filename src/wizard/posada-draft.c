/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "wizard/posada-draft-internal.h"

G_DEFINE_FINAL_TYPE (PosadaDraft, posada_draft, G_TYPE_OBJECT)

enum {
    CHANGED,
    RECOGNIZED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

static void
change (PosadaDraft *self)
{
    posada_draft_apply_defaults (self);
    posada_draft_check (self);
    g_signal_emit (self, signals[CHANGED], 0);
}

/* --- what is found out on other threads --- */

/* An answer, unless the question was another one meanwhile. */
static gboolean
is_answer (DexFuture **question, DexFuture *future)
{
    if (*question != future)
        return FALSE;
    dex_clear (question);
    return TRUE;
}

static DexFuture *
recognized_cb (DexFuture *future, gpointer user_data)
{
    PosadaDraft *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (!is_answer (&self->looking, future))
        return dex_future_new_true ();
    if (value) {
        self->medium = g_value_dup_boxed (value);
        self->kind = self->medium->kind;
        self->format = self->medium->format_unclear ? POSADA_FORMAT_UNKNOWN : self->medium->format;
        self->copy = !self->medium->writable && !self->medium->has_base;
    } else {
        self->source_problem = g_strdup (error->message);
    }
    change (self);
    g_signal_emit (self, signals[RECOGNIZED], 0);
    return dex_future_new_true ();
}

static DexFuture *
initrd_cb (DexFuture *future, gpointer user_data)
{
    PosadaDraft *self = user_data;
    g_autoptr (GError) error = NULL;

    if (!is_answer (&self->looking_initrd, future))
        return dex_future_new_true ();
    if (!dex_future_get_value (future, &error))
        self->initrd_problem = g_strdup (error->message);
    change (self);
    return dex_future_new_true ();
}

static DexFuture *
measured_cb (DexFuture *future, gpointer user_data)
{
    posada_draft_set_capacity (user_data, g_value_get_boxed (dex_future_get_value (future, NULL)));
    return dex_future_new_true ();
}

/* --- class --- */

static void
posada_draft_dispose (GObject *object)
{
    PosadaDraft *self = POSADA_DRAFT (object);

    dex_clear (&self->looking);
    dex_clear (&self->looking_initrd);
    g_clear_object (&self->store);
    g_clear_object (&self->source);
    g_clear_object (&self->initrd);
    g_clear_object (&self->copying);
    G_OBJECT_CLASS (posada_draft_parent_class)->dispose (object);
}

static void
posada_draft_finalize (GObject *object)
{
    PosadaDraft *self = POSADA_DRAFT (object);

    g_strfreev (self->names);
    g_clear_pointer (&self->capacity, g_free);
    g_clear_pointer (&self->medium, posada_medium_free);
    g_free (self->source_problem);
    g_free (self->initrd_problem);
    g_free (self->cmdline);
    g_free (self->name);
    for (guint i = 0; i < POSADA_N_FIELDS; i++)
        g_free (self->problems[i]);
    G_OBJECT_CLASS (posada_draft_parent_class)->finalize (object);
}

static void
posada_draft_class_init (PosadaDraftClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);

    object_class->dispose = posada_draft_dispose;
    object_class->finalize = posada_draft_finalize;
    signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[RECOGNIZED] = g_signal_new ("recognized", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                        0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
posada_draft_init (PosadaDraft *self)
{
    self->name = g_strdup ("");
    self->cmdline = g_strdup ("");
    self->network = TRUE;
}

/* --- the source --- */

PosadaDraft *
posada_draft_new (PosadaStore *store, const char *const *names)
{
    PosadaDraft *self;

    g_return_val_if_fail (POSADA_IS_STORE (store), NULL);

    self = g_object_new (POSADA_TYPE_DRAFT, NULL);
    self->store = g_object_ref (store);
    self->names = g_strdupv ((GStrv) names);
    change (self);
    return self;
}

void
posada_draft_set_source (PosadaDraft *self, GFile *file, PosadaMediumKind kind)
{
    g_return_if_fail (POSADA_IS_DRAFT (self));

    dex_clear (&self->looking);
    g_clear_pointer (&self->medium, posada_medium_free);
    g_clear_pointer (&self->source_problem, g_free);
    g_set_object (&self->source, file);
    self->kind = file ? kind : POSADA_MEDIUM_UNKNOWN;
    self->has_kind = TRUE;
    if (file) {
        self->looking = posada_medium_recognize (file, kind);
        dex_future_disown (dex_future_finally (dex_ref (self->looking), recognized_cb,
                                               g_object_ref (self), g_object_unref));
    }
    change (self);
}

GFile *
posada_draft_get_source (PosadaDraft *self)
{
    return self->source;
}

PosadaMediumKind
posada_draft_get_kind (PosadaDraft *self)
{
    return self->kind;
}

gboolean
posada_draft_is_looking (PosadaDraft *self)
{
    return self->looking != NULL;
}

const PosadaMedium *
posada_draft_get_medium (PosadaDraft *self)
{
    return self->medium;
}

void
posada_draft_refresh (PosadaDraft *self)
{
    g_return_if_fail (POSADA_IS_DRAFT (self));

    dex_future_disown (
        dex_future_then (posada_capacity_measure (posada_store_get_folder (self->store)),
                         measured_cb, g_object_ref (self), g_object_unref));
}

const PosadaCapacity *
posada_draft_get_capacity (PosadaDraft *self)
{
    return self->capacity;
}

void
posada_draft_set_capacity (PosadaDraft *self, const PosadaCapacity *capacity)
{
    g_return_if_fail (POSADA_IS_DRAFT (self));

    g_free (self->capacity);
    self->capacity = g_memdup2 (capacity, sizeof *capacity);
    change (self);
}

/* --- values --- */

void
posada_draft_set_format (PosadaDraft *self, PosadaFormat format)
{
    if (self->format == format)
        return;
    self->format = format;
    change (self);
}

PosadaFormat
posada_draft_get_format (PosadaDraft *self)
{
    return self->format;
}

void
posada_draft_set_copy (PosadaDraft *self, gboolean copy)
{
    if (self->copy == copy)
        return;
    self->copy = copy;
    change (self);
}

gboolean
posada_draft_get_copy (PosadaDraft *self)
{
    return self->copy;
}

void
posada_draft_set_initrd (PosadaDraft *self, GFile *file)
{
    g_return_if_fail (POSADA_IS_DRAFT (self));

    dex_clear (&self->looking_initrd);
    g_clear_pointer (&self->initrd_problem, g_free);
    g_set_object (&self->initrd, file);
    if (file) {
        self->looking_initrd = posada_medium_check_file (file);
        dex_future_disown (dex_future_finally (dex_ref (self->looking_initrd), initrd_cb,
                                               g_object_ref (self), g_object_unref));
    }
    change (self);
}

GFile *
posada_draft_get_initrd (PosadaDraft *self)
{
    return self->initrd;
}

void
posada_draft_set_cmdline (PosadaDraft *self, const char *cmdline)
{
    if (g_set_str (&self->cmdline, cmdline))
        change (self);
}

const char *
posada_draft_get_cmdline (PosadaDraft *self)
{
    return self->cmdline;
}

void
posada_draft_set_name (PosadaDraft *self, const char *name)
{
    g_autofree char *clean = g_strstrip (g_strdup (name));

    if (!g_set_str (&self->name, clean))
        return;
    self->own_name = TRUE;
    change (self);
}

const char *
posada_draft_get_name (PosadaDraft *self)
{
    return self->name;
}

void
posada_draft_set_memory (PosadaDraft *self, guint64 memory)
{
    if (self->memory == memory)
        return;
    self->memory = memory;
    self->own_memory = TRUE;
    change (self);
}

guint64
posada_draft_get_memory (PosadaDraft *self)
{
    return self->memory;
}

void
posada_draft_set_cpus (PosadaDraft *self, guint cpus)
{
    if (self->cpus == cpus)
        return;
    self->cpus = cpus;
    self->own_cpus = TRUE;
    change (self);
}

guint
posada_draft_get_cpus (PosadaDraft *self)
{
    return self->cpus;
}

void
posada_draft_set_disk_size (PosadaDraft *self, guint64 size)
{
    if (self->disk_size == size)
        return;
    self->disk_size = size;
    self->own_disk_size = TRUE;
    change (self);
}

guint64
posada_draft_get_disk_size (PosadaDraft *self)
{
    return self->disk_size;
}

void
posada_draft_set_firmware (PosadaDraft *self, PosadaFirmware firmware)
{
    if (self->firmware == firmware)
        return;
    self->firmware = firmware;
    self->own_firmware = TRUE;
    change (self);
}

PosadaFirmware
posada_draft_get_firmware (PosadaDraft *self)
{
    return self->firmware;
}

void
posada_draft_set_network (PosadaDraft *self, gboolean network)
{
    if (self->network == network)
        return;
    self->network = network;
    change (self);
}

gboolean
posada_draft_get_network (PosadaDraft *self)
{
    return self->network;
}

/* --- what is wrong --- */

const char *
posada_draft_get_problem (PosadaDraft *self, PosadaField field)
{
    return self->problems[field];
}

gboolean
posada_draft_has_source (PosadaDraft *self)
{
    static const PosadaField fields[] = {POSADA_FIELD_SOURCE, POSADA_FIELD_FORMAT, POSADA_FIELD_USE,
                                         POSADA_FIELD_INITRD, POSADA_FIELD_CMDLINE};

    if (!self->has_kind || self->looking || self->looking_initrd || (self->source && !self->medium))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
        if (self->problems[fields[i]])
            return FALSE;
    return TRUE;
}

gboolean
posada_draft_is_ready (PosadaDraft *self)
{
    for (guint i = 0; i < POSADA_N_FIELDS; i++)
        if (self->problems[i])
            return FALSE;
    return self->capacity && posada_draft_has_source (self);
}
