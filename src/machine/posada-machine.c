/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-machine.h"

#include <glib/gi18n.h>
#include <string.h>

typedef struct {
    char *id, *name, *reason, *os_name;
    PosadaMachineState state;
    PosadaMachineCapabilities capabilities;
    guint cpus;
    guint64 memory, disk_size;
    GDateTime *started_at;
    PosadaDisplay *display;
    PosadaSerial *serial;
    GIcon *thumbnail;
    gint64 used_at;
    gboolean outside, saved;
    GListStore *snapshots;
    double snapshot_progress;
    PosadaMachineSample history[POSADA_MACHINE_HISTORY];
    guint n_history;
    PosadaRemote *remote;
    PosadaNetwork network;
    char *network_problem;
} PosadaMachinePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (PosadaMachine, posada_machine, G_TYPE_OBJECT)

enum {
    PROP_0,
    PROP_ID,
    PROP_NAME,
    PROP_STATE,
    PROP_REASON,
    PROP_CAPABILITIES,
    PROP_OS_NAME,
    PROP_CPUS,
    PROP_MEMORY,
    PROP_DISK_SIZE,
    PROP_STARTED_AT,
    PROP_DISPLAY,
    PROP_SERIAL,
    PROP_OUTSIDE,
    PROP_SNAPSHOT_PROGRESS,
    PROP_THUMBNAIL,
    PROP_USED_AT,
    PROP_REMOTE,
    PROP_SAVED,
    PROP_NETWORK,
    PROP_NETWORK_PROBLEM,
    N_PROPS,
};

static GParamSpec *properties[N_PROPS];
static guint signal_sampled;

G_DEFINE_ENUM_TYPE (PosadaMachineState, posada_machine_state,
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_OFF, "off"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_STARTING, "starting"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_RUNNING, "running"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_PAUSED, "paused"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_SAVING, "saving"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_STOPPING, "stopping"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_CRASHED, "crashed"),
                    G_DEFINE_ENUM_VALUE (POSADA_MACHINE_MISSING, "missing"))

G_DEFINE_ENUM_TYPE (PosadaNetwork, posada_network,
                    G_DEFINE_ENUM_VALUE (POSADA_NETWORK_NONE, "none"),
                    G_DEFINE_ENUM_VALUE (POSADA_NETWORK_UNPLUGGED, "unplugged"),
                    G_DEFINE_ENUM_VALUE (POSADA_NETWORK_HOST, "host"))

static PosadaMachinePrivate *
get_private (PosadaMachine *self)
{
    return posada_machine_get_instance_private (self);
}

static void
notify (PosadaMachine *self, guint property)
{
    g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

static void
posada_machine_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    PosadaMachinePrivate *priv = get_private (POSADA_MACHINE (object));

    switch (id) {
    case PROP_ID: g_value_set_string (value, priv->id); break;
    case PROP_NAME: g_value_set_string (value, priv->name); break;
    case PROP_STATE: g_value_set_enum (value, priv->state); break;
    case PROP_REASON: g_value_set_string (value, priv->reason); break;
    case PROP_CAPABILITIES: g_value_set_uint (value, priv->capabilities); break;
    case PROP_OS_NAME: g_value_set_string (value, priv->os_name); break;
    case PROP_CPUS: g_value_set_uint (value, priv->cpus); break;
    case PROP_MEMORY: g_value_set_uint64 (value, priv->memory); break;
    case PROP_DISK_SIZE: g_value_set_uint64 (value, priv->disk_size); break;
    case PROP_STARTED_AT: g_value_set_boxed (value, priv->started_at); break;
    case PROP_DISPLAY: g_value_set_object (value, priv->display); break;
    case PROP_SERIAL: g_value_set_object (value, priv->serial); break;
    case PROP_SNAPSHOT_PROGRESS: g_value_set_double (value, priv->snapshot_progress); break;
    case PROP_USED_AT: g_value_set_int64 (value, priv->used_at); break;
    case PROP_THUMBNAIL: g_value_set_object (value, priv->thumbnail); break;
    case PROP_OUTSIDE: g_value_set_boolean (value, priv->outside); break;
    case PROP_SAVED: g_value_set_boolean (value, priv->saved); break;
    case PROP_REMOTE: g_value_set_boxed (value, priv->remote); break;
    case PROP_NETWORK: g_value_set_enum (value, priv->network); break;
    case PROP_NETWORK_PROBLEM: g_value_set_string (value, priv->network_problem); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_machine_dispose (GObject *object)
{
    PosadaMachinePrivate *priv = get_private (POSADA_MACHINE (object));

    g_clear_object (&priv->display);
    g_clear_object (&priv->serial);
    if (priv->snapshots)
        g_list_store_remove_all (priv->snapshots);
    g_clear_object (&priv->thumbnail);

    G_OBJECT_CLASS (posada_machine_parent_class)->dispose (object);
}

static void
posada_machine_finalize (GObject *object)
{
    PosadaMachinePrivate *priv = get_private (POSADA_MACHINE (object));

    g_free (priv->id);
    g_free (priv->name);
    g_free (priv->reason);
    g_free (priv->os_name);
    g_free (priv->network_problem);
    posada_remote_free (priv->remote);
    g_clear_pointer (&priv->started_at, g_date_time_unref);
    g_clear_object (&priv->snapshots);

    G_OBJECT_CLASS (posada_machine_parent_class)->finalize (object);
}

static void
posada_machine_class_init (PosadaMachineClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->get_property = posada_machine_get_property;
    object_class->dispose = posada_machine_dispose;
    object_class->finalize = posada_machine_finalize;

    posada_machine_defaults_class_init (klass);
    posada_machine_disks_class_init (klass);
    posada_machine_clones_class_init (klass);

    properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);
    properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
    properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, POSADA_TYPE_MACHINE_STATE,
                                                POSADA_MACHINE_OFF, flags);
    properties[PROP_REASON] = g_param_spec_string ("reason", NULL, NULL, NULL, flags);
    properties[PROP_CAPABILITIES] =
        g_param_spec_uint ("capabilities", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_OS_NAME] = g_param_spec_string ("os-name", NULL, NULL, NULL, flags);
    properties[PROP_CPUS] = g_param_spec_uint ("cpus", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_MEMORY] = g_param_spec_uint64 ("memory", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    properties[PROP_DISK_SIZE] =
        g_param_spec_uint64 ("disk-size", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    properties[PROP_STARTED_AT] =
        g_param_spec_boxed ("started-at", NULL, NULL, G_TYPE_DATE_TIME, flags);
    properties[PROP_DISPLAY] =
        g_param_spec_object ("display", NULL, NULL, POSADA_TYPE_DISPLAY, flags);
    properties[PROP_SERIAL] = g_param_spec_object ("serial", NULL, NULL, POSADA_TYPE_SERIAL, flags);
    properties[PROP_OUTSIDE] = g_param_spec_boolean ("outside", NULL, NULL, FALSE, flags);
    properties[PROP_SAVED] = g_param_spec_boolean ("saved", NULL, NULL, FALSE, flags);
    properties[PROP_SNAPSHOT_PROGRESS] =
        g_param_spec_double ("snapshot-progress", NULL, NULL, -1, 1, -1, flags);
    properties[PROP_THUMBNAIL] = g_param_spec_object ("thumbnail", NULL, NULL, G_TYPE_ICON, flags);
    properties[PROP_USED_AT] = g_param_spec_int64 ("used-at", NULL, NULL, 0, G_MAXINT64, 0, flags);
    properties[PROP_REMOTE] = g_param_spec_boxed ("remote", NULL, NULL, POSADA_TYPE_REMOTE, flags);
    properties[PROP_NETWORK] =
        g_param_spec_enum ("network", NULL, NULL, POSADA_TYPE_NETWORK, POSADA_NETWORK_NONE, flags);
    properties[PROP_NETWORK_PROBLEM] =
        g_param_spec_string ("network-problem", NULL, NULL, NULL, flags);
    g_object_class_install_properties (object_class, N_PROPS, properties);

    signal_sampled = g_signal_new ("sampled", POSADA_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
}

static void
posada_machine_init (PosadaMachine *self)
{
    PosadaMachinePrivate *priv = get_private (self);

    priv->snapshots = g_list_store_new (POSADA_TYPE_SNAPSHOT);
    priv->snapshot_progress = -1;
    priv->remote = g_new0 (PosadaRemote, 1);
}

const char *
posada_machine_get_id (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->id;
}

const char *
posada_machine_get_name (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->name;
}

PosadaMachineState
posada_machine_get_state (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), POSADA_MACHINE_MISSING);
    return get_private (self)->state;
}

const char *
posada_machine_get_reason (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->reason;
}

PosadaMachineCapabilities
posada_machine_get_capabilities (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), 0);
    return get_private (self)->capabilities;
}

const char *
posada_machine_get_os_name (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->os_name;
}

guint
posada_machine_get_cpus (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), 0);
    return get_private (self)->cpus;
}

guint64
posada_machine_get_memory (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), 0);
    return get_private (self)->memory;
}

guint64
posada_machine_get_disk_size (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), 0);
    return get_private (self)->disk_size;
}

GDateTime *
posada_machine_get_started_at (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->started_at;
}

PosadaDisplay *
posada_machine_get_display (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->display;
}

PosadaSerial *
posada_machine_get_serial (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->serial;
}

gint64
posada_machine_get_used_at (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), 0);
    return get_private (self)->used_at;
}

GIcon *
posada_machine_get_thumbnail (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->thumbnail;
}

gboolean
posada_machine_get_outside (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), FALSE);
    return get_private (self)->outside;
}

gboolean
posada_machine_get_saved (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), FALSE);
    return get_private (self)->saved;
}

const PosadaRemote *
posada_machine_get_remote (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->remote;
}

PosadaNetwork
posada_machine_get_network (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), POSADA_NETWORK_NONE);
    return get_private (self)->network;
}

const char *
posada_machine_get_network_problem (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return get_private (self)->network_problem;
}

gboolean
posada_machine_is_on_here (PosadaMachine *self)
{
    PosadaMachineState state = posada_machine_get_state (self);

    return !posada_machine_get_outside (self) && state != POSADA_MACHINE_OFF &&
           state != POSADA_MACHINE_CRASHED && state != POSADA_MACHINE_MISSING;
}

const PosadaMachineSample *
posada_machine_get_history (PosadaMachine *self, guint *ret_n)
{
    PosadaMachinePrivate *priv = get_private (self);

    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    g_return_val_if_fail (ret_n, NULL);
    *ret_n = priv->n_history;
    return priv->history;
}

const char *
posada_machine_state_to_label (PosadaMachineState state)
{
    switch (state) {
    case POSADA_MACHINE_OFF: return C_ ("machine state", "Off");
    case POSADA_MACHINE_STARTING: return C_ ("machine state", "Starting");
    case POSADA_MACHINE_RUNNING: return C_ ("machine state", "Running");
    case POSADA_MACHINE_PAUSED: return C_ ("machine state", "Paused");
    case POSADA_MACHINE_SAVING: return C_ ("machine state", "Saving");
    case POSADA_MACHINE_STOPPING: return C_ ("machine state", "Shutting Down");
    case POSADA_MACHINE_CRASHED: return C_ ("machine state", "Crashed");
    case POSADA_MACHINE_MISSING: return C_ ("machine state", "Missing");
    }
    return "";
}

#define DEFINE_OPERATION(verb)                               \
    DexFuture *posada_machine_##verb (PosadaMachine *self)   \
    {                                                        \
        dex_return_error_if_fail (POSADA_IS_MACHINE (self)); \
        return POSADA_MACHINE_GET_CLASS (self)->verb (self); \
    }
DEFINE_OPERATION (start)
DEFINE_OPERATION (pause)
DEFINE_OPERATION (resume)
DEFINE_OPERATION (shut_down)
DEFINE_OPERATION (force_off)
DEFINE_OPERATION (reset)
DEFINE_OPERATION (cancel_snapshot)
DEFINE_OPERATION (save)
#undef DEFINE_OPERATION

DexFuture *
posada_machine_rename (PosadaMachine *self, const char *name)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (name);
    return POSADA_MACHINE_GET_CLASS (self)->rename (self, name);
}

DexFuture *
posada_machine_take_snapshot (PosadaMachine *self, const char *name, const char *note)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (name);
    return POSADA_MACHINE_GET_CLASS (self)->take_snapshot (self, name, note);
}

DexFuture *
posada_machine_restore_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (POSADA_IS_SNAPSHOT (snapshot));
    return POSADA_MACHINE_GET_CLASS (self)->restore_snapshot (self, snapshot);
}

DexFuture *
posada_machine_delete_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (POSADA_IS_SNAPSHOT (snapshot));
    return POSADA_MACHINE_GET_CLASS (self)->delete_snapshot (self, snapshot);
}

DexFuture *
posada_machine_edit_snapshot (PosadaMachine *self, PosadaSnapshot *snapshot, const char *name,
                              const char *note)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (POSADA_IS_SNAPSHOT (snapshot));
    dex_return_error_if_fail (name);
    return POSADA_MACHINE_GET_CLASS (self)->edit_snapshot (self, snapshot, name, note);
}

GListModel *
posada_machine_get_snapshots (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return G_LIST_MODEL (get_private (self)->snapshots);
}

double
posada_machine_get_snapshot_progress (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), -1);
    return get_private (self)->snapshot_progress;
}

void
posada_machine_set_snapshots (PosadaMachine *self, GPtrArray *snapshots)
{
    GListStore *store = get_private (self)->snapshots;

    g_list_store_splice (store, 0, g_list_model_get_n_items (G_LIST_MODEL (store)),
                         snapshots->pdata, snapshots->len);
}

void
posada_machine_set_snapshot_progress (PosadaMachine *self, double progress)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->snapshot_progress == progress)
        return;
    priv->snapshot_progress = progress;
    notify (self, PROP_SNAPSHOT_PROGRESS);
}

DexFuture *
posada_machine_set_remote (PosadaMachine *self, const PosadaRemote *remote)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    g_return_val_if_fail (remote, NULL);
    return POSADA_MACHINE_GET_CLASS (self)->set_remote (self, remote);
}

void
posada_machine_take_remote (PosadaMachine *self, const PosadaRemote *remote)
{
    PosadaMachinePrivate *priv = get_private (self);
    PosadaRemote *before = priv->remote;

    if (posada_remote_equal (before, remote))
        return;
    priv->remote = posada_remote_copy (remote);
    posada_remote_free (before);
    notify (self, PROP_REMOTE);
}

void
posada_machine_set_network (PosadaMachine *self, PosadaNetwork network, const char *problem)
{
    PosadaMachinePrivate *priv = get_private (self);

    g_object_freeze_notify (G_OBJECT (self));
    if (priv->network != network) {
        priv->network = network;
        notify (self, PROP_NETWORK);
    }
    if (g_set_str (&priv->network_problem, problem))
        notify (self, PROP_NETWORK_PROBLEM);
    g_object_thaw_notify (G_OBJECT (self));
}

void
posada_machine_set_id (PosadaMachine *self, const char *id)
{
    if (g_set_str (&get_private (self)->id, id))
        notify (self, PROP_ID);
}

void
posada_machine_set_name (PosadaMachine *self, const char *name)
{
    if (g_set_str (&get_private (self)->name, name))
        notify (self, PROP_NAME);
}

void
posada_machine_set_os_name (PosadaMachine *self, const char *os_name)
{
    if (g_set_str (&get_private (self)->os_name, os_name))
        notify (self, PROP_OS_NAME);
}

void
posada_machine_set_capabilities (PosadaMachine *self, PosadaMachineCapabilities capabilities)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->capabilities == capabilities)
        return;
    priv->capabilities = capabilities;
    notify (self, PROP_CAPABILITIES);
}

void
posada_machine_set_hardware (PosadaMachine *self, guint cpus, guint64 memory, guint64 disk_size)
{
    PosadaMachinePrivate *priv = get_private (self);
    gboolean others[] = {priv->cpus != cpus, priv->memory != memory, priv->disk_size != disk_size};

    priv->cpus = cpus;
    priv->memory = memory;
    priv->disk_size = disk_size;
    g_object_freeze_notify (G_OBJECT (self));
    if (others[0])
        notify (self, PROP_CPUS);
    if (others[1])
        notify (self, PROP_MEMORY);
    if (others[2])
        notify (self, PROP_DISK_SIZE);
    g_object_thaw_notify (G_OBJECT (self));
}

void
posada_machine_set_state (PosadaMachine *self, PosadaMachineState state, const char *reason)
{
    PosadaMachinePrivate *priv = get_private (self);
    gboolean ended = state == POSADA_MACHINE_OFF || state == POSADA_MACHINE_CRASHED ||
                     state == POSADA_MACHINE_MISSING;

    g_object_freeze_notify (G_OBJECT (self));
    if (g_set_str (&priv->reason, reason))
        notify (self, PROP_REASON);
    if (state == POSADA_MACHINE_RUNNING && !priv->started_at && !priv->outside) {
        priv->started_at = g_date_time_new_now_local ();
        priv->n_history = 0;
        notify (self, PROP_STARTED_AT);
    } else if (ended && priv->started_at) {
        g_clear_pointer (&priv->started_at, g_date_time_unref);
        notify (self, PROP_STARTED_AT);
    }
    if (priv->state == POSADA_MACHINE_OFF && !ended)
        posada_machine_set_used_at (self, g_get_real_time () / G_USEC_PER_SEC);
    if (priv->state != state) {
        priv->state = state;
        notify (self, PROP_STATE);
    }
    g_object_thaw_notify (G_OBJECT (self));
}

void
posada_machine_set_display (PosadaMachine *self, PosadaDisplay *display)
{
    if (g_set_object (&get_private (self)->display, display))
        notify (self, PROP_DISPLAY);
}

void
posada_machine_set_serial (PosadaMachine *self, PosadaSerial *serial)
{
    if (g_set_object (&get_private (self)->serial, serial))
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SERIAL]);
}

void
posada_machine_set_outside (PosadaMachine *self, gboolean outside)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->outside == outside)
        return;
    priv->outside = outside;
    notify (self, PROP_OUTSIDE);
}

void
posada_machine_set_saved (PosadaMachine *self, gboolean saved)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->saved == saved)
        return;
    priv->saved = saved;
    notify (self, PROP_SAVED);
}

void
posada_machine_set_used_at (PosadaMachine *self, gint64 used_at)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->used_at == used_at)
        return;
    priv->used_at = used_at;
    notify (self, PROP_USED_AT);
}

void
posada_machine_set_thumbnail (PosadaMachine *self, GIcon *thumbnail)
{
    if (g_set_object (&get_private (self)->thumbnail, thumbnail))
        notify (self, PROP_THUMBNAIL);
}

void
posada_machine_add_sample (PosadaMachine *self, const PosadaMachineSample *sample)
{
    PosadaMachinePrivate *priv = get_private (self);

    if (priv->n_history == POSADA_MACHINE_HISTORY)
        memmove (priv->history, priv->history + 1, --priv->n_history * sizeof priv->history[0]);
    priv->history[priv->n_history++] = *sample;
    g_signal_emit (self, signal_sampled, 0);
}
