/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-sparkline.h"

#define NEXT_TO_NOTHING 65536 /* bytes per second */

struct _PosadaSparkline {
    GtkWidget parent_instance;

    PosadaMachine *machine;
    PosadaMeasure measure;
};

G_DEFINE_FINAL_TYPE (PosadaSparkline, posada_sparkline, GTK_TYPE_WIDGET)

G_DEFINE_ENUM_TYPE (PosadaMeasure, posada_measure,
                    G_DEFINE_ENUM_VALUE (POSADA_MEASURE_LOAD, "load"),
                    G_DEFINE_ENUM_VALUE (POSADA_MEASURE_MEMORY, "memory"),
                    G_DEFINE_ENUM_VALUE (POSADA_MEASURE_DISKS, "disks"),
                    G_DEFINE_ENUM_VALUE (POSADA_MEASURE_NETWORK, "network"))

enum {
    PROP_0,
    PROP_MEASURE,
    N_PROPS,
};
static GParamSpec *properties[N_PROPS];

static double
get_value (PosadaMeasure measure, const PosadaMachineSample *sample)
{
    switch (measure) {
    case POSADA_MEASURE_LOAD: return sample->cpu;
    case POSADA_MEASURE_MEMORY: return (double) sample->memory;
    case POSADA_MEASURE_DISKS: return (double) sample->disk_read + (double) sample->disk_write;
    case POSADA_MEASURE_NETWORK: return (double) sample->net_received + (double) sample->net_sent;
    }
    return 0;
}

/* What is at the top. */
static double
get_scale (PosadaSparkline *self, const PosadaMachineSample *samples, guint n)
{
    double scale = NEXT_TO_NOTHING;

    if (self->measure == POSADA_MEASURE_LOAD)
        return 1;
    if (self->measure == POSADA_MEASURE_MEMORY)
        scale = (double) posada_machine_get_memory (self->machine);
    for (guint i = 0; i < n; i++)
        scale = MAX (scale, get_value (self->measure, &samples[i]));
    return scale;
}

/* The newest sample is at the right edge; a short history leaves the left empty. */
static void
posada_sparkline_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
    PosadaSparkline *self = POSADA_SPARKLINE (widget);
    float width = (float) gtk_widget_get_width (widget);
    float height = (float) gtk_widget_get_height (widget);
    const PosadaMachineSample *samples;
    g_autoptr (GskPathBuilder) line = NULL;
    g_autoptr (GskPathBuilder) area = NULL;
    g_autoptr (GskPath) line_path = NULL;
    g_autoptr (GskPath) area_path = NULL;
    g_autoptr (GskStroke) stroke = NULL;
    float first = 0;
    GdkRGBA color, floor;
    double scale;
    guint n = 0;

    samples = self->machine ? posada_machine_get_history (self->machine, &n) : NULL;
    gtk_widget_get_color (widget, &color);
    floor = color;
    floor.alpha *= 0.3f;
    /* Where there is no history yet. */
    gtk_snapshot_append_color (snapshot, &floor, &GRAPHENE_RECT_INIT (0, height - 1, width, 1));
    if (n < 2)
        return;
    scale = get_scale (self, samples, n);
    line = gsk_path_builder_new ();
    area = gsk_path_builder_new ();
    for (guint i = 0; i < n; i++) {
        double value = CLAMP (get_value (self->measure, &samples[i]) / scale, 0, 1);
        float x = width * (1 - (float) (n - 1 - i) / (POSADA_MACHINE_HISTORY - 1));
        float y = 1 + (height - 2) * (float) (1 - value);

        if (i == 0) {
            first = x;
            gsk_path_builder_move_to (line, x, y);
            gsk_path_builder_move_to (area, x, y);
        } else {
            gsk_path_builder_line_to (line, x, y);
            gsk_path_builder_line_to (area, x, y);
        }
    }
    gsk_path_builder_line_to (area, width, height);
    gsk_path_builder_line_to (area, first, height);
    gsk_path_builder_close (area);
    line_path = gsk_path_builder_free_to_path (g_steal_pointer (&line));
    area_path = gsk_path_builder_free_to_path (g_steal_pointer (&area));
    stroke = gsk_stroke_new (1.5f);
    gsk_stroke_set_line_join (stroke, GSK_LINE_JOIN_ROUND);
    gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
    gtk_snapshot_append_stroke (snapshot, line_path, stroke, &color);
    color.alpha *= 0.2f;
    gtk_snapshot_append_fill (snapshot, area_path, GSK_FILL_RULE_WINDING, &color);
    gtk_snapshot_pop (snapshot);
}

static void
posada_sparkline_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    PosadaSparkline *self = POSADA_SPARKLINE (object);

    switch (id) {
    case PROP_MEASURE: g_value_set_enum (value, self->measure); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_sparkline_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    PosadaSparkline *self = POSADA_SPARKLINE (object);

    switch (id) {
    case PROP_MEASURE:
        self->measure = g_value_get_enum (value);
        gtk_widget_queue_draw (GTK_WIDGET (self));
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_sparkline_dispose (GObject *object)
{
    posada_sparkline_set_machine (POSADA_SPARKLINE (object), NULL);
    G_OBJECT_CLASS (posada_sparkline_parent_class)->dispose (object);
}

static void
posada_sparkline_class_init (PosadaSparklineClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    object_class->dispose = posada_sparkline_dispose;
    object_class->get_property = posada_sparkline_get_property;
    object_class->set_property = posada_sparkline_set_property;
    widget_class->snapshot = posada_sparkline_snapshot;
    properties[PROP_MEASURE] =
        g_param_spec_enum ("measure", NULL, NULL, POSADA_TYPE_MEASURE, POSADA_MEASURE_LOAD,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties (object_class, N_PROPS, properties);
    gtk_widget_class_set_css_name (widget_class, "sparkline");
    gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
posada_sparkline_init (PosadaSparkline *self)
{
}

void
posada_sparkline_set_machine (PosadaSparkline *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_SPARKLINE (self));

    if (self->machine == machine)
        return;
    if (self->machine) {
        g_signal_handlers_disconnect_by_data (self->machine, self);
        g_clear_object (&self->machine);
    }
    if (machine) {
        self->machine = g_object_ref (machine);
        g_signal_connect_swapped (machine, "sampled", G_CALLBACK (gtk_widget_queue_draw), self);
        g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (gtk_widget_queue_draw),
                                  self);
    }
    gtk_widget_queue_draw (GTK_WIDGET (self));
}
