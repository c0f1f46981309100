/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-remote-access-dialog.h"

#include <glib/gi18n.h>

struct _PosadaRemoteAccessDialog {
    AdwDialog parent_instance;

    PosadaMachine *machine;
    gboolean applying;

    AdwBanner *banner;
    AdwToastOverlay *toasts;
    GtkButton *apply_button;
    GtkCheckButton *off_button, *socket_button, *network_button;
    GtkEditable *password_row;
    AdwSpinRow *port_row;
    GtkWidget *address_group, *save_row;
    AdwActionRow *address_row;
};

G_DEFINE_FINAL_TYPE (PosadaRemoteAccessDialog, posada_remote_access_dialog, ADW_TYPE_DIALOG)

/* What the rows say; its strings are theirs. */
static PosadaRemote
get_wish (PosadaRemoteAccessDialog *self)
{
    PosadaRemote wish = {.kind = POSADA_REMOTE_OFF};

    if (gtk_check_button_get_active (self->socket_button))
        wish.kind = POSADA_REMOTE_SOCKET;
    if (gtk_check_button_get_active (self->network_button)) {
        wish.kind = POSADA_REMOTE_NETWORK;
        wish.password = (char *) gtk_editable_get_text (self->password_row);
        wish.port = (guint) adw_spin_row_get_value (self->port_row);
    }
    return wish;
}

static void
show_problem (PosadaRemoteAccessDialog *self, const char *problem)
{
    adw_banner_set_title (self->banner, problem ? problem : "");
    adw_banner_set_revealed (self->banner, problem != NULL);
}

/* There is something to apply only where the rows differ from what is. */
static void
changed_cb (PosadaRemoteAccessDialog *self)
{
    const PosadaRemote *remote;
    PosadaRemote wish = {0};
    gboolean same;

    /* Rows tell of changes while the template makes them. */
    if (!self->machine)
        return;
    remote = posada_machine_get_remote (self->machine);
    wish = get_wish (self);
    same = wish.kind == remote->kind &&
           (!remote->problem || posada_machine_get_outside (self->machine));
    if (same && wish.kind == POSADA_REMOTE_NETWORK)
        same = wish.port == remote->port && g_strcmp0 (wish.password, remote->password) == 0;
    gtk_widget_set_sensitive (GTK_WIDGET (self->apply_button), !same && !self->applying);
}

static void
show_remote (PosadaRemoteAccessDialog *self)
{
    const PosadaRemote *remote = posada_machine_get_remote (self->machine);
    g_autofree char *address = posada_remote_get_address (remote);
    g_autofree char *file = posada_remote_get_file (remote, "");

    adw_action_row_set_subtitle (self->address_row, address ? address : "");
    gtk_widget_set_visible (self->address_group, address && !remote->problem);
    gtk_widget_set_visible (self->save_row, file != NULL);
    if (remote->kind == POSADA_REMOTE_NETWORK)
        adw_spin_row_set_value (self->port_row, remote->port);
    if (!remote->problem && posada_machine_get_outside (self->machine))
        show_problem (self, _ ("The machine runs outside this window. What you apply here counts "
                               "when it is started next."));
    else
        show_problem (self, remote->problem);
    changed_cb (self);
}

static DexFuture *
applied_cb (DexFuture *future, gpointer data)
{
    PosadaRemoteAccessDialog *self = data;
    g_autoptr (GError) error = NULL;

    self->applying = FALSE;
    show_remote (self);
    if (!dex_future_get_value (future, &error))
        show_problem (self, error->message);
    return dex_future_new_true ();
}

static void
apply_cb (PosadaRemoteAccessDialog *self)
{
    PosadaRemote wish = get_wish (self);

    self->applying = TRUE;
    show_problem (self, NULL);
    changed_cb (self);
    dex_future_disown (dex_future_finally (posada_machine_set_remote (self->machine, &wish),
                                           applied_cb, g_object_ref (self), g_object_unref));
}

static void
copy_cb (PosadaRemoteAccessDialog *self)
{
    g_autofree char *address =
        posada_remote_get_address (posada_machine_get_remote (self->machine));

    if (!address)
        return;
    gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), address);
    adw_toast_overlay_add_toast (self->toasts, adw_toast_new (_ ("Address copied")));
}

static void
written_cb (GObject *file, GAsyncResult *result, gpointer data)
{
    g_autoptr (PosadaRemoteAccessDialog) self = data;
    g_autoptr (GError) error = NULL;

    if (!g_file_replace_contents_finish (G_FILE (file), result, NULL, &error))
        show_problem (self, error->message);
}

static void
chosen_cb (GObject *dialog, GAsyncResult *result, gpointer data)
{
    g_autoptr (PosadaRemoteAccessDialog) self = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (GFile) file = gtk_file_dialog_save_finish (GTK_FILE_DIALOG (dialog), result, &error);
    g_autofree char *text = NULL;
    g_autoptr (GBytes) bytes = NULL;

    if (!file) {
        if (!g_error_matches (error, GTK_DIALOG_ERROR, GTK_DIALOG_ERROR_DISMISSED))
            show_problem (self, error->message);
        return;
    }
    text = posada_remote_get_file (posada_machine_get_remote (self->machine),
                                   posada_machine_get_name (self->machine));
    if (!text)
        return;
    bytes = g_bytes_new (text, strlen (text));
    g_file_replace_contents_bytes_async (file, bytes, NULL, FALSE, G_FILE_CREATE_PRIVATE, NULL,
                                         written_cb, g_object_ref (self));
}

static void
save_cb (PosadaRemoteAccessDialog *self)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
    g_autofree char *name = g_strconcat (posada_machine_get_name (self->machine), ".vv", NULL);

    gtk_file_dialog_set_title (dialog, _ ("Save Connection File"));
    gtk_file_dialog_set_initial_name (dialog, name);
    gtk_file_dialog_save (dialog, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), NULL,
                          chosen_cb, g_object_ref (self));
}

static void
posada_remote_access_dialog_dispose (GObject *object)
{
    PosadaRemoteAccessDialog *self = POSADA_REMOTE_ACCESS_DIALOG (object);

    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    gtk_widget_dispose_template (GTK_WIDGET (self), POSADA_TYPE_REMOTE_ACCESS_DIALOG);

    G_OBJECT_CLASS (posada_remote_access_dialog_parent_class)->dispose (object);
}

static void
posada_remote_access_dialog_finalize (GObject *object)
{
    g_clear_object (&POSADA_REMOTE_ACCESS_DIALOG (object)->machine);

    G_OBJECT_CLASS (posada_remote_access_dialog_parent_class)->finalize (object);
}

static void
posada_remote_access_dialog_class_init (PosadaRemoteAccessDialogClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    object_class->dispose = posada_remote_access_dialog_dispose;
    object_class->finalize = posada_remote_access_dialog_finalize;

    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/app/posada-remote-access-dialog.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, toasts);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, apply_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, off_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, socket_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, network_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, password_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, port_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, address_group);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, address_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaRemoteAccessDialog, save_row);
    gtk_widget_class_bind_template_callback (widget_class, apply_cb);
    gtk_widget_class_bind_template_callback (widget_class, changed_cb);
    gtk_widget_class_bind_template_callback (widget_class, copy_cb);
    gtk_widget_class_bind_template_callback (widget_class, save_cb);
}

static void
posada_remote_access_dialog_init (PosadaRemoteAccessDialog *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

static void
follow (PosadaRemoteAccessDialog *self, PosadaMachine *machine)
{
    const PosadaRemote *remote = posada_machine_get_remote (machine);
    g_autofree char *password =
        remote->password ? g_strdup (remote->password) : posada_remote_make_password ();

    self->machine = g_object_ref (machine);
    gtk_editable_set_text (self->password_row, password);
    gtk_check_button_set_active (remote->kind == POSADA_REMOTE_SOCKET    ? self->socket_button
                                 : remote->kind == POSADA_REMOTE_NETWORK ? self->network_button
                                                                         : self->off_button,
                                 TRUE);
    g_signal_connect_swapped (machine, "notify::remote", G_CALLBACK (show_remote), self);
    g_signal_connect_swapped (machine, "notify::outside", G_CALLBACK (show_remote), self);
    show_remote (self);
}

AdwDialog *
posada_remote_access_dialog_new (PosadaMachine *machine)
{
    PosadaRemoteAccessDialog *self;

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);
    self = g_object_new (POSADA_TYPE_REMOTE_ACCESS_DIALOG, NULL);
    follow (self, machine);
    return ADW_DIALOG (self);
}

void
posada_remote_access_warn (AdwBanner *banner, PosadaMachine *machine)
{
    const PosadaRemote *remote = posada_machine_get_remote (machine);
    gboolean broken = remote->kind != POSADA_REMOTE_OFF && remote->problem;
    g_autofree char *text = NULL;

    if (broken) {
        /* Translators: then a sentence that says why and what to do */
        text = g_strdup_printf (_ ("Other viewers cannot connect. %s"), remote->problem);
        adw_banner_set_title (banner, text);
    }
    adw_banner_set_revealed (banner, broken);
}
