/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-disk-row.h"

#include <glib/gi18n.h>

typedef enum {
    RESIZE,
    COMPACT,
    TO_QCOW2,
    TO_RAW,
    MAKE_INDEPENDENT,
    CHECK,
    REMOVE,
    N_ITEMS,
} Item;

static const struct {
    const char *label, *action;
} items[] = {
    [RESIZE] = {N_ ("Resize…"), "disk.resize"},
    [COMPACT] = {N_ ("Compact…"), "disk.compact"},
    [TO_QCOW2] = {N_ ("Convert to qcow2…"), "disk.convert"},
    [TO_RAW] = {N_ ("Convert to Raw…"), "disk.convert"},
    [MAKE_INDEPENDENT] = {N_ ("Make Independent…"), "disk.make-independent"},
    [CHECK] = {N_ ("Check"), "disk.check"},
    [REMOVE] = {N_ ("Remove…"), "disk.remove"},
};

struct _PosadaDiskRow {
    AdwExpanderRow parent_instance;

    GtkMenuButton *menu_button;
    GtkBox *menu_box;
    GtkWidget *items[N_ITEMS];
    AdwActionRow *problem_row;
    AdwActionRow *file_row;
    AdwActionRow *size_row;
    AdwActionRow *on_disk_row;
    AdwActionRow *format_row;
    AdwActionRow *base_row;
    AdwActionRow *fixed_row;
    GPtrArray *shares; /* rows, borrowed */
};

G_DEFINE_FINAL_TYPE (PosadaDiskRow, posada_disk_row, ADW_TYPE_EXPANDER_ROW)

static const char *
get_format (const PosadaDiskData *data)
{
    switch (data->format) {
    case POSADA_FORMAT_RAW: return _ ("Raw");
    case POSADA_FORMAT_QCOW2: return "qcow2";
    case POSADA_FORMAT_OTHER: break;
    }
    return _ ("Unknown");
}

static void
set_text (AdwActionRow *row, const char *text)
{
    gtk_widget_set_visible (GTK_WIDGET (row), text != NULL);
    adw_action_row_set_subtitle (row, text ? text : "");
}

static void
set_size (AdwActionRow *row, guint64 size)
{
    g_autofree char *text = size ? g_format_size_full (size, G_FORMAT_SIZE_IEC_UNITS) : NULL;

    set_text (row, text);
}

/* --- what each snapshot keeps --- */

static void
show_shares (PosadaDiskRow *self, const PosadaDiskData *data)
{
    for (guint i = 0; i < self->shares->len; i++)
        adw_expander_row_remove (ADW_EXPANDER_ROW (self), self->shares->pdata[i]);
    g_ptr_array_set_size (self->shares, 0);
    for (guint i = 0; i < data->n_shares; i++) {
        const PosadaDiskShare *share = &data->shares[i];
        GtkWidget *row = adw_action_row_new ();
        /* Translators: the name of a snapshot */
        g_autofree char *title = g_strdup_printf (_ ("Snapshot “%s”"), share->name);
        g_autofree char *size = share->bytes == G_MAXUINT64
                                    ? g_strdup (_ ("Known when the machine is off"))
                                    : g_format_size_full (share->bytes, G_FORMAT_SIZE_IEC_UNITS);

        adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
        adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
        gtk_widget_add_css_class (row, "property");
        adw_action_row_set_subtitle (ADW_ACTION_ROW (row), size);
        adw_expander_row_add_row (ADW_EXPANDER_ROW (self), row);
        g_ptr_array_add (self->shares, row);
    }
}

/* --- class --- */

static void
posada_disk_row_finalize (GObject *object)
{
    g_ptr_array_unref (POSADA_DISK_ROW (object)->shares);
    G_OBJECT_CLASS (posada_disk_row_parent_class)->finalize (object);
}

static void
posada_disk_row_class_init (PosadaDiskRowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->finalize = posada_disk_row_finalize;
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/details/posada-disk-row.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, menu_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, menu_box);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, problem_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, file_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, size_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, on_disk_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, format_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, base_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskRow, fixed_row);
}

static void
posada_disk_row_init (PosadaDiskRow *self)
{
    self->shares = g_ptr_array_new ();
    gtk_widget_init_template (GTK_WIDGET (self));
}

/* Menus are made of buttons with names, because those of menu models have none for AT-SPI. */
static GtkWidget *
make_item (PosadaDiskRow *self, Item item, const char *target)
{
    const char *text = _ (items[item].label);
    GtkWidget *button = gtk_button_new (), *label = gtk_label_new (text);

    gtk_label_set_xalign (GTK_LABEL (label), 0);
    gtk_button_set_child (GTK_BUTTON (button), label);
    gtk_widget_add_css_class (button, "flat");
    gtk_widget_add_css_class (button, "menu-button");
    gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, text,
                                    -1);
    gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", target);
    gtk_actionable_set_action_name (GTK_ACTIONABLE (button), items[item].action);
    g_signal_connect_object (button, "clicked", G_CALLBACK (gtk_menu_button_popdown),
                             self->menu_button, G_CONNECT_SWAPPED);
    gtk_box_append (self->menu_box, button);
    return button;
}

GtkWidget *
posada_disk_row_new (const char *target)
{
    PosadaDiskRow *self = g_object_new (POSADA_TYPE_DISK_ROW, NULL);

    for (Item item = 0; item < N_ITEMS; item++)
        self->items[item] = make_item (self, item, target);
    return GTK_WIDGET (self);
}

/* What can be done with it at all; what may be done now is the actions' business. */
static void
show_items (PosadaDiskRow *self, const PosadaDiskData *data)
{
    gboolean readable = data->path && data->format != POSADA_FORMAT_OTHER;
    gboolean changeable = readable && !data->problem && !data->fixed && data->is_file;

    gtk_widget_set_visible (self->items[RESIZE], changeable);
    gtk_widget_set_visible (self->items[COMPACT], changeable);
    gtk_widget_set_visible (self->items[TO_QCOW2], changeable && data->format == POSADA_FORMAT_RAW);
    gtk_widget_set_visible (self->items[TO_RAW], changeable && data->format == POSADA_FORMAT_QCOW2);
    gtk_widget_set_visible (self->items[MAKE_INDEPENDENT], changeable && data->base);
    gtk_widget_set_visible (self->items[CHECK], data->format == POSADA_FORMAT_QCOW2);
}

void
posada_disk_row_set_info (PosadaDiskRow *self, PosadaDiskInfo *info)
{
    const PosadaDiskData *data = posada_disk_info_get (info);
    g_autofree char *title = posada_disk_info_get_title (info);
    g_autofree char *path = data->path ? g_filename_display_name (data->path) : NULL;
    g_autofree char *size = g_format_size_full (data->size, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *on_disk = g_format_size_full (data->on_disk, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *subtitle =
        data->problem ? g_strdup (data->problem)
                      /* Translators: a format and two sizes, as in “qcow2, 32 GiB, 2 GiB used” */
                      : g_strdup_printf (_ ("%s, %s, %s used"), get_format (data), size, on_disk);
    /* Translators: the name of a file */
    g_autofree char *menu_name = g_strdup_printf (_ ("Menu of “%s”"), title);

    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), title);
    adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (self), subtitle);
    set_text (self->problem_row, data->problem);
    set_text (self->file_row, path);
    set_size (self->size_row, data->size);
    set_size (self->on_disk_row, data->on_disk);
    set_text (self->format_row, get_format (data));
    set_text (self->base_row, data->base);
    set_text (self->fixed_row, data->fixed);
    show_shares (self, data);
    show_items (self, data);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu_button),
                                    GTK_ACCESSIBLE_PROPERTY_LABEL, menu_name, -1);
}

/* --- drives --- */

static GtkWidget *
add_button (GtkWidget *row, const char *icon, const char *name, const char *action,
            const char *target)
{
    GtkWidget *button = gtk_button_new_from_icon_name (icon);

    gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
    gtk_widget_add_css_class (button, "flat");
    gtk_widget_set_tooltip_text (button, name);
    gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                    -1);
    gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", target);
    gtk_actionable_set_action_name (GTK_ACTIONABLE (button), action);
    adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
    return button;
}

GtkWidget *
posada_drive_row_new (const char *target)
{
    GtkWidget *row = adw_action_row_new ();
    GtkWidget *icon = gtk_image_new_from_icon_name ("media-optical-symbolic");

    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
    adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
    adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
    adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
    g_object_set_data (G_OBJECT (row), "eject",
                       add_button (row, "media-eject-symbolic", _ ("Eject"), "disk.eject", target));
    add_button (row, "document-open-symbolic", _ ("Choose Disc…"), "disk.insert", target);
    return row;
}

void
posada_drive_row_set_info (GtkWidget *row, PosadaDiskInfo *info)
{
    const PosadaDiskData *data = posada_disk_info_get (info);
    g_autofree char *title = posada_disk_info_get_title (info);
    g_autofree char *size =
        data->size ? g_format_size_full (data->size, G_FORMAT_SIZE_IEC_UNITS) : NULL;
    /* Translators: the size of a disc */
    g_autofree char *subtitle = data->problem ? g_strdup (data->problem)
                                : size        ? g_strdup_printf (_ ("CD drive, %s"), size)
                                              : g_strdup (_ ("CD drive"));

    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
    gtk_widget_set_visible (g_object_get_data (G_OBJECT (row), "eject"), data->path != NULL);
}
