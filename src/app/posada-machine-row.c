/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-machine-row.h"

#include <glib/gi18n.h>

#include "app/posada-sparkline.h"

#define ICON_SIZE      20
#define THUMBNAIL_SIZE 56

struct _PosadaMachineRow {
    GtkBox parent_instance;

    PosadaMachine *machine;
    GtkImage *picture;
    GtkWidget *state_dot;
    GtkLabel *name_label;
    GtkLabel *state_label;
    PosadaSparkline *sparkline;
};

G_DEFINE_FINAL_TYPE (PosadaMachineRow, posada_machine_row, GTK_TYPE_BOX)

/* The dot's style class for each state; the style sheet has the colours. */
static const char *const dot_classes[] = {
    [POSADA_MACHINE_OFF] = "off",         [POSADA_MACHINE_STARTING] = "changing",
    [POSADA_MACHINE_RUNNING] = "running", [POSADA_MACHINE_PAUSED] = "paused",
    [POSADA_MACHINE_SAVING] = "changing", [POSADA_MACHINE_STOPPING] = "changing",
    [POSADA_MACHINE_CRASHED] = "failed",  [POSADA_MACHINE_MISSING] = "failed",
};

/* One widget for both, because there is one in every row. */
static void
update_picture (PosadaMachineRow *self)
{
    GIcon *thumbnail = posada_machine_get_thumbnail (self->machine);
    PosadaMachineState state = posada_machine_get_state (self->machine);
    gboolean missing = state == POSADA_MACHINE_MISSING;

    /* Not of one that is off and starts anew: the list is of what is. */
    if (GDK_IS_PAINTABLE (thumbnail) &&
        (state != POSADA_MACHINE_OFF || posada_machine_get_saved (self->machine))) {
        gtk_image_set_from_paintable (self->picture, GDK_PAINTABLE (thumbnail));
        gtk_image_set_pixel_size (self->picture, THUMBNAIL_SIZE);
    } else {
        gtk_image_set_from_icon_name (self->picture, missing ? "dialog-warning-symbolic"
                                                             : "video-display-symbolic");
        gtk_image_set_pixel_size (self->picture, ICON_SIZE);
    }
}

static void
update_state (PosadaMachineRow *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    g_autofree char *text = posada_machine_row_describe (self->machine);

    for (gsize i = 0; i < G_N_ELEMENTS (dot_classes); i++)
        gtk_widget_remove_css_class (self->state_dot, dot_classes[i]);
    gtk_widget_add_css_class (self->state_dot, dot_classes[state]);
    gtk_label_set_label (self->state_label, text);
    gtk_widget_set_visible (GTK_WIDGET (self->sparkline),
                            state == POSADA_MACHINE_RUNNING &&
                                !posada_machine_get_outside (self->machine));
    update_picture (self);
}

static void
update_name (PosadaMachineRow *self)
{
    gtk_label_set_label (self->name_label, posada_machine_get_name (self->machine));
}

static void
posada_machine_row_dispose (GObject *object)
{
    posada_machine_row_set_machine (POSADA_MACHINE_ROW (object), NULL);
    gtk_widget_dispose_template (GTK_WIDGET (object), POSADA_TYPE_MACHINE_ROW);
    G_OBJECT_CLASS (posada_machine_row_parent_class)->dispose (object);
}

static void
posada_machine_row_class_init (PosadaMachineRowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_machine_row_dispose;
    g_type_ensure (POSADA_TYPE_SPARKLINE);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-machine-row.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaMachineRow, picture);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachineRow, state_dot);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachineRow, name_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachineRow, state_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachineRow, sparkline);
}

static void
posada_machine_row_init (PosadaMachineRow *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
posada_machine_row_new (void)
{
    return g_object_new (POSADA_TYPE_MACHINE_ROW, NULL);
}

void
posada_machine_row_set_machine (PosadaMachineRow *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_MACHINE_ROW (self));

    if (self->machine == machine)
        return;
    if (self->machine) {
        g_signal_handlers_disconnect_by_data (self->machine, self);
        g_clear_object (&self->machine);
    }
    if (self->sparkline)
        posada_sparkline_set_machine (self->sparkline, machine);
    if (!machine)
        return;
    self->machine = g_object_ref (machine);
    g_signal_connect_swapped (machine, "notify::name", G_CALLBACK (update_name), self);
    g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "sampled", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::thumbnail", G_CALLBACK (update_picture), self);
    g_signal_connect_swapped (machine, "notify::outside", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::saved", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::capabilities", G_CALLBACK (update_state), self);
    update_name (self);
    update_state (self);
}

char *
posada_machine_row_describe_state (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);

    if (posada_machine_get_role (machine) == POSADA_ROLE_TEMPLATE && state == POSADA_MACHINE_OFF)
        return g_strdup (_ ("Template"));
    if (state == POSADA_MACHINE_OFF && posada_machine_get_saved (machine))
        return g_strdup (C_ ("machine state", "Saved"));
    return g_strdup (posada_machine_state_to_label (state));
}

char *
posada_machine_row_describe (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);
    const char *label = posada_machine_state_to_label (state);
    const PosadaMachineSample *samples;
    guint n = 0;

    if (state == POSADA_MACHINE_MISSING)
        return g_strdup (posada_machine_get_reason (machine));
    if (posada_machine_get_outside (machine))
        /* Translators: a state, as in “Running outside” this window */
        return g_strdup_printf (_ ("%s outside"), label);
    samples = posada_machine_get_history (machine, &n);
    if (posada_machine_get_role (machine) == POSADA_ROLE_COPY) {
        g_autofree char *own = posada_machine_row_describe_state (machine);

        /* Translators: a state, as in “Copy, Running” */
        return g_strdup_printf (_ ("Copy, %s"), own);
    }
    if (state != POSADA_MACHINE_RUNNING || n == 0)
        return posada_machine_row_describe_state (machine);
    /* Translators: a state and the load of the processors, as in “Running, 12 %” */
    return g_strdup_printf (_ ("%s, %.0f %%"), label, samples[n - 1].cpu * 100);
}
