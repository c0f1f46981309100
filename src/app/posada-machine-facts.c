/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-machine-facts.h"

#include <glib/gi18n.h>

#include "app/posada-sparkline.h"
#include "store/posada-units.h"

struct _PosadaMachineFacts {
    AdwBin parent_instance;

    PosadaMachine *machine; /* or NULL */

    GtkWidget *activity_group;
    AdwActionRow *load_row;
    AdwActionRow *used_row;
    AdwActionRow *traffic_row;
    AdwActionRow *network_traffic_row;
    AdwActionRow *uptime_row;
    AdwActionRow *os_row;
    AdwActionRow *cpus_row;
    AdwActionRow *memory_row;
    AdwActionRow *disks_row;
    AdwActionRow *network_row;
    AdwActionRow *snapshots_row;
    PosadaSparkline *load_line;
    PosadaSparkline *used_line;
    PosadaSparkline *disks_line;
    PosadaSparkline *network_line;
};

G_DEFINE_FINAL_TYPE (PosadaMachineFacts, posada_machine_facts, ADW_TYPE_BIN)

/* --- what it does --- */

static const gint64 lengths[] = {24 * 60 * 60, 60 * 60, 60, 1}; /* of a day, an hour, … */

static char *
format_part (gsize unit, gint64 number)
{
    guint n = (guint) number;

    switch (unit) {
    case 0: return g_strdup_printf (ngettext ("%u day", "%u days", n), n);
    case 1: return g_strdup_printf (ngettext ("%u hour", "%u hours", n), n);
    case 2: return g_strdup_printf (ngettext ("%u minute", "%u minutes", n), n);
    default: return g_strdup_printf (ngettext ("%u second", "%u seconds", n), n);
    }
}

char *
posada_machine_facts_format_time (gint64 seconds)
{
    gsize i = 0;
    gint64 rest;
    g_autofree char *first = NULL, *second = NULL;

    seconds = MAX (seconds, 0);
    while (i < G_N_ELEMENTS (lengths) - 1 && seconds < lengths[i])
        i++;
    first = format_part (i, seconds / lengths[i]);
    rest = i + 1 < G_N_ELEMENTS (lengths) ? seconds % lengths[i] / lengths[i + 1] : 0;
    /* Nobody counts the seconds of minutes. */
    if (rest == 0 || i + 2 >= G_N_ELEMENTS (lengths))
        return g_steal_pointer (&first);
    second = format_part (i + 1, rest);
    /* Translators: two parts of a length of time, as in “2 hours, 5 minutes” */
    return g_strdup_printf (_ ("%s, %s"), first, second);
}

static void
update_uptime (PosadaMachineFacts *self)
{
    GDateTime *started = posada_machine_get_started_at (self->machine);
    g_autoptr (GDateTime) now = NULL, local = NULL;
    g_autofree char *text = NULL, *since = NULL;

    gtk_widget_set_visible (GTK_WIDGET (self->uptime_row), started != NULL);
    if (!started)
        return;
    now = g_date_time_new_now_utc ();
    local = g_date_time_to_local (started);
    since = g_date_time_format (local, "%c");
    text = posada_machine_facts_format_time (g_date_time_difference (now, started) /
                                             G_TIME_SPAN_SECOND);
    adw_action_row_set_subtitle (self->uptime_row, text);
    gtk_widget_set_tooltip_text (GTK_WIDGET (self->uptime_row), since);
}

/* A line ends between two amounts or nowhere. Takes @text. */
static char *
hold_together (char *text)
{
    g_autoptr (GString) held = g_string_new_take (text);

    g_string_replace (held, " ", "\u00a0", 0);
    g_string_replace (held, ",\u00a0", ", ", 0);
    g_string_replace (held, "/", "\u2060/\u2060", 0);
    return g_string_free_and_steal (g_steal_pointer (&held));
}

static void
show_sample (PosadaMachineFacts *self, const PosadaMachineSample *sample)
{
    g_autofree char *read = g_format_size (sample->disk_read);
    g_autofree char *written = g_format_size (sample->disk_write);
    g_autofree char *received = g_format_size (sample->net_received);
    g_autofree char *sent = g_format_size (sample->net_sent);
    g_autofree char *used = posada_format_size (sample->memory);
    /* Translators: the load of the processors in percent */
    g_autofree char *load = g_strdup_printf (_ ("%.0f %%"), sample->cpu * 100);
    g_autofree char *traffic =
        /* Translators: two amounts of data */
        hold_together (g_strdup_printf (_ ("%s/s read, %s/s written"), read, written));
    g_autofree char *network =
        /* Translators: two amounts of data */
        hold_together (g_strdup_printf (_ ("%s/s received, %s/s sent"), received, sent));

    adw_action_row_set_subtitle (self->load_row, load);
    adw_action_row_set_subtitle (self->used_row, used);
    adw_action_row_set_subtitle (self->traffic_row, traffic);
    adw_action_row_set_subtitle (self->network_traffic_row, network);
}

static void
update_activity (PosadaMachineFacts *self)
{
    static const PosadaMachineSample nothing;
    gboolean running = posada_machine_get_state (self->machine) == POSADA_MACHINE_RUNNING &&
                       !posada_machine_get_outside (self->machine);
    const PosadaMachineSample *samples;
    guint n = 0;

    samples = posada_machine_get_history (self->machine, &n);
    show_sample (self, n > 0 ? &samples[n - 1] : &nothing);
    gtk_widget_set_visible (GTK_WIDGET (self->load_row), running);
    gtk_widget_set_visible (GTK_WIDGET (self->used_row), running && n > 0);
    gtk_widget_set_visible (GTK_WIDGET (self->traffic_row), running && n > 0);
    gtk_widget_set_visible (GTK_WIDGET (self->network_traffic_row),
                            running && n > 0 &&
                                posada_machine_get_network (self->machine) != POSADA_NETWORK_NONE);
    update_uptime (self);
    gtk_widget_set_visible (self->activity_group,
                            running || gtk_widget_get_visible (GTK_WIDGET (self->uptime_row)));
}

/* --- what it is --- */

static void
update_essentials (PosadaMachineFacts *self)
{
    const char *os_name = posada_machine_get_os_name (self->machine);
    guint64 disks = posada_machine_get_disk_size (self->machine);
    g_autofree char *memory = posada_format_size (posada_machine_get_memory (self->machine));
    g_autofree char *cpus = g_strdup_printf ("%u", posada_machine_get_cpus (self->machine));
    g_autofree char *size = disks ? posada_format_size (disks) : g_strdup (_ ("None"));

    adw_action_row_set_subtitle (self->os_row, os_name ? os_name : _ ("Unknown"));
    adw_action_row_set_subtitle (self->cpus_row, cpus);
    adw_action_row_set_subtitle (self->memory_row, memory);
    adw_action_row_set_subtitle (self->disks_row, size);
}

/* A problem says what is connected, too. */
static void
update_network (PosadaMachineFacts *self)
{
    const char *problem = posada_machine_get_network_problem (self->machine), *text = NULL;

    switch (posada_machine_get_network (self->machine)) {
    case POSADA_NETWORK_NONE: text = _ ("No network card"); break;
    case POSADA_NETWORK_UNPLUGGED: text = _ ("Not connected"); break;
    case POSADA_NETWORK_HOST: text = _ ("Through this computer"); break;
    }
    adw_action_row_set_subtitle (self->network_row, problem ? problem : text);
    if (problem)
        gtk_widget_add_css_class (GTK_WIDGET (self->network_row), "problem");
    else
        gtk_widget_remove_css_class (GTK_WIDGET (self->network_row), "problem");
    update_activity (self);
}

static void
update_snapshots (PosadaMachineFacts *self)
{
    guint n = g_list_model_get_n_items (posada_machine_get_snapshots (self->machine));
    g_autofree char *text = g_strdup_printf (ngettext ("%u snapshot", "%u snapshots", n), n);

    adw_action_row_set_subtitle (self->snapshots_row, n > 0 ? text : _ ("None"));
    gtk_widget_set_visible (GTK_WIDGET (self->snapshots_row),
                            posada_machine_get_capabilities (self->machine) &
                                POSADA_MACHINE_CAN_SNAPSHOT);
}

/* --- class --- */

static void
posada_machine_facts_dispose (GObject *object)
{
    posada_machine_facts_set_machine (POSADA_MACHINE_FACTS (object), NULL);
    gtk_widget_dispose_template (GTK_WIDGET (object), POSADA_TYPE_MACHINE_FACTS);
    G_OBJECT_CLASS (posada_machine_facts_parent_class)->dispose (object);
}

static void
posada_machine_facts_class_init (PosadaMachineFactsClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_machine_facts_dispose;
    g_type_ensure (POSADA_TYPE_SPARKLINE);
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/app/posada-machine-facts.ui");
#define BIND(name) gtk_widget_class_bind_template_child (widget_class, PosadaMachineFacts, name)
    BIND (activity_group);
    BIND (load_row);
    BIND (used_row);
    BIND (traffic_row);
    BIND (network_traffic_row);
    BIND (uptime_row);
    BIND (os_row);
    BIND (cpus_row);
    BIND (memory_row);
    BIND (disks_row);
    BIND (network_row);
    BIND (snapshots_row);
    BIND (load_line);
    BIND (used_line);
    BIND (disks_line);
    BIND (network_line);
#undef BIND
}

static void
posada_machine_facts_init (PosadaMachineFacts *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

static void
connect_machine (PosadaMachineFacts *self, PosadaMachine *machine)
{
    static const struct {
        const char *signal;
        void (*update) (PosadaMachineFacts *self);
    } signals[] = {
        {"notify::state", update_activity},         {"sampled", update_activity},
        {"notify::started-at", update_activity},    {"notify::outside", update_activity},
        {"notify::os-name", update_essentials},     {"notify::cpus", update_essentials},
        {"notify::memory", update_essentials},      {"notify::disk-size", update_essentials},
        {"notify::network", update_network},        {"notify::network-problem", update_network},
        {"notify::capabilities", update_snapshots},
    };

    for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
        g_signal_connect_swapped (machine, signals[i].signal, G_CALLBACK (signals[i].update), self);
    g_signal_connect_swapped (posada_machine_get_snapshots (machine), "items-changed",
                              G_CALLBACK (update_snapshots), self);
}

/* They are gone before the widget is. */
static void
set_lines (PosadaMachineFacts *self, PosadaMachine *machine)
{
    PosadaSparkline *lines[] = {self->load_line, self->used_line, self->disks_line,
                                self->network_line};

    for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
        if (lines[i])
            posada_sparkline_set_machine (lines[i], machine);
}

void
posada_machine_facts_set_machine (PosadaMachineFacts *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_MACHINE_FACTS (self));

    if (self->machine == machine)
        return;
    if (self->machine) {
        g_signal_handlers_disconnect_by_data (self->machine, self);
        g_signal_handlers_disconnect_by_data (posada_machine_get_snapshots (self->machine), self);
    }
    g_set_object (&self->machine, machine);
    set_lines (self, machine);
    if (!machine)
        return;
    connect_machine (self, machine);
    update_essentials (self);
    update_network (self);
    update_snapshots (self);
}
