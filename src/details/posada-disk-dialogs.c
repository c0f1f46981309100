/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-disk-dialogs.h"

#include <glib/gi18n.h>
#include <math.h>

#define MIB          (G_GUINT64_CONSTANT (1) << 20)
#define GIB          (G_GUINT64_CONSTANT (1) << 30)
#define DEFAULT_SIZE 32    /* GiB */
#define LARGEST      65536 /* GiB */
#define NAME_LENGTH  32    /* characters */

/* One question: gone with its dialog. */
typedef struct {
    PosadaDisksPage *page;
    AdwAlertDialog *dialog; /* borrowed */
    GtkWidget *list;
    PosadaDiskInfo *info;
    char *path;
    GtkWidget *size_row, *switch_row, *format_row, *use_row;
} Question;

static void
question_free (gpointer data)
{
    Question *question = data;

    g_object_unref (question->page);
    g_clear_object (&question->info);
    g_free (question->path);
    g_free (question);
}

static Question *
question_new (PosadaDisksPage *page, PosadaDiskInfo *info, const char *heading, const char *body)
{
    Question *question = g_new0 (Question, 1);

    question->page = g_object_ref (page);
    g_set_object (&question->info, info);
    question->dialog = ADW_ALERT_DIALOG (adw_alert_dialog_new (heading, body));
    g_object_set_data_full (G_OBJECT (question->dialog), "question", question, question_free);
    return question;
}

static const char *
get_target (const Question *question)
{
    return posada_disk_info_get (question->info)->target;
}

static PosadaDiskCare *
get_care (const Question *question)
{
    return posada_disks_page_get_care (question->page);
}

static void
add_row (Question *question, GtkWidget *row, const char *title)
{
    if (!question->list) {
        question->list = gtk_list_box_new ();
        gtk_list_box_set_selection_mode (GTK_LIST_BOX (question->list), GTK_SELECTION_NONE);
        gtk_widget_add_css_class (question->list, "boxed-list");
        adw_alert_dialog_set_extra_child (question->dialog, question->list);
    }
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
    gtk_list_box_append (GTK_LIST_BOX (question->list), row);
}

/* @verb, which does it, is the response "do". */
static void
ask (Question *question, const char *verb, AdwResponseAppearance appearance, GCallback answered_cb)
{
    AdwAlertDialog *dialog = question->dialog;

    adw_alert_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "do", verb, NULL);
    adw_alert_dialog_set_response_appearance (dialog, "do", appearance);
    if (appearance == ADW_RESPONSE_SUGGESTED)
        adw_alert_dialog_set_default_response (dialog, "do");
    adw_alert_dialog_set_close_response (dialog, "cancel");
    g_signal_connect (dialog, "response::do", answered_cb, question);
    adw_dialog_present (ADW_DIALOG (dialog), GTK_WIDGET (question->page));
}

/* Names of files may be too long for a heading: their middle goes. */
static char *
shorten (char *title)
{
    glong length = g_utf8_strlen (title, -1);
    g_autofree char *first = NULL, *last = NULL, *whole = title;

    if (length <= NAME_LENGTH)
        return g_steal_pointer (&whole);
    first = g_utf8_substring (title, 0, NAME_LENGTH / 2);
    last = g_utf8_substring (title, length - NAME_LENGTH / 2 + 1, length);
    return g_strconcat (first, "…", last, NULL);
}

static char *
get_heading (const char *format, PosadaDiskInfo *info)
{
    g_autofree char *title = shorten (posada_disk_info_get_title (info));

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return g_strdup_printf (format, title);
#pragma GCC diagnostic pop
}

/* --- sizes --- */

static guint64
get_size (const Question *question)
{
    double gib;

    /* What was typed and not confirmed counts. */
    adw_spin_row_update (ADW_SPIN_ROW (question->size_row));
    gib = adw_spin_row_get_value (ADW_SPIN_ROW (question->size_row));
    return (guint64) llround (gib * 1024) * MIB;
}

static void
add_size_row (Question *question, double gib, guint digits)
{
    question->size_row = adw_spin_row_new_with_range (digits ? 0.01 : 1, LARGEST, 1);
    adw_spin_row_set_digits (ADW_SPIN_ROW (question->size_row), digits);
    adw_spin_row_set_value (ADW_SPIN_ROW (question->size_row), gib);
    add_row (question, question->size_row, _ ("Size in GiB"));
}

typedef struct {
    GWeakRef row;
} Waiting;

static void
waiting_free (gpointer data)
{
    g_weak_ref_clear (&((Waiting *) data)->row);
    g_free (data);
}

static DexFuture *
space_found_cb (DexFuture *future, gpointer data)
{
    g_autoptr (GObject) row = g_weak_ref_get (&((Waiting *) data)->row);
    guint64 space = g_value_get_uint64 (dex_future_get_value (future, NULL));
    g_autofree char *size = g_format_size_full (space, G_FORMAT_SIZE_IEC_UNITS);
    /* Translators: a size */
    g_autofree char *text = g_strdup_printf (_ ("%s are free"), size);

    if (row && space != G_MAXUINT64)
        adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
    return dex_future_new_true ();
}

/* Says below @row how much room there is. */
static void
show_space (Question *question, GtkWidget *row)
{
    Waiting *waiting = g_new0 (Waiting, 1);

    g_weak_ref_init (&waiting->row, row);
    dex_future_disown (dex_future_then (posada_disk_care_find_space (get_care (question)),
                                        space_found_cb, waiting, waiting_free));
}

static void
create_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    if (get_care (question))
        posada_disks_page_follow (
            question->page, posada_disk_care_create (get_care (question), get_size (question)),
            NULL);
}

void
posada_disk_dialogs_create (PosadaDisksPage *page)
{
    Question *question =
        question_new (page, NULL, _ ("New Disk"),
                      _ ("Its file is small at first, and grows with what the machine writes."));

    add_size_row (question, DEFAULT_SIZE, 0);
    show_space (question, question->size_row);
    ask (question, _ ("_Create"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (create_cb));
}

static void
resize_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    if (get_care (question))
        posada_disks_page_follow (question->page,
                                  posada_disk_care_resize (get_care (question),
                                                           get_target (question),
                                                           get_size (question)),
                                  _ ("The disk has its new size"));
}

/* Also while it is typed. */
static void
size_changed_cb (GtkEditable *row, Question *question)
{
    guint64 before = (posada_disk_info_get (question->info)->size + MIB / 2) / MIB * MIB;
    double gib = g_strtod (gtk_editable_get_text (row), NULL);
    guint64 size = (guint64) llround (CLAMP (gib, 0, LARGEST) * 1024) * MIB;

    adw_alert_dialog_set_response_enabled (question->dialog, "do", size > 0 && size != before);
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row),
                                 size < before ? _ ("Only if nothing is behind the new end") : "");
}

void
posada_disk_dialogs_resize (PosadaDisksPage *page, PosadaDiskInfo *info)
{
    g_autofree char *heading = get_heading (_ ("Resize “%s”?"), info);
    Question *question = question_new (
        page, info, heading,
        _ ("The system in the machine does not use the new room before its partitions are made "
           "larger, too."));

    add_size_row (question, (double) posada_disk_info_get (info)->size / GIB, 2);
    g_signal_connect (question->size_row, "changed", G_CALLBACK (size_changed_cb), question);
    ask (question, _ ("_Resize"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (resize_cb));
    adw_alert_dialog_set_response_enabled (question->dialog, "do", FALSE);
}

/* --- compact, convert --- */

static void
compact_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    gboolean compress =
        question->switch_row && adw_switch_row_get_active (ADW_SWITCH_ROW (question->switch_row));

    if (get_care (question))
        posada_disks_page_follow (
            question->page,
            posada_disk_care_compact (get_care (question), get_target (question), compress),
            _ ("The disk is compact"));
}

void
posada_disk_dialogs_compact (PosadaDisksPage *page, PosadaDiskInfo *info)
{
    g_autofree char *heading = get_heading (_ ("Compact “%s”?"), info);
    gboolean qcow2 = posada_disk_info_get (info)->format == POSADA_FORMAT_QCOW2;
    Question *question = question_new (
        page, info, heading,
        qcow2 ? _ ("What the machine has deleted is left out of a new image, which needs room "
                   "beside the old one until it is complete.")
              : _ ("Room that holds nothing but zeroes is given back."));

    if (qcow2) {
        question->switch_row = adw_switch_row_new ();
        add_row (question, question->switch_row, _ ("Compress"));
        adw_action_row_set_subtitle (ADW_ACTION_ROW (question->switch_row),
                                     _ ("Smaller, and slower to read"));
    }
    ask (question, _ ("Co_mpact"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (compact_cb));
}

static void
convert_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    PosadaFormat format = posada_disk_info_get (question->info)->format == POSADA_FORMAT_RAW
                              ? POSADA_FORMAT_QCOW2
                              : POSADA_FORMAT_RAW;

    if (get_care (question))
        posada_disks_page_follow (
            question->page,
            posada_disk_care_convert (get_care (question), get_target (question), format),
            _ ("The disk was converted"));
}

void
posada_disk_dialogs_convert (PosadaDisksPage *page, PosadaDiskInfo *info)
{
    const PosadaDiskData *data = posada_disk_info_get (info);
    g_autofree char *heading =
        get_heading (data->format == POSADA_FORMAT_RAW ? _ ("Convert “%s” to qcow2?")
                                                       : _ ("Convert “%s” to Raw?"),
                     info);
    Question *question =
        question_new (page, info, heading,
                      data->own ? _ ("The old image is deleted once the new one is complete.")
                                : _ ("The old image stays beside the new one."));

    ask (question, _ ("C_onvert"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (convert_cb));
}

static void
make_independent_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    if (get_care (question))
        posada_disks_page_follow (
            question->page,
            posada_disk_care_make_independent (get_care (question), get_target (question)),
            _ ("The disk is independent"));
}

void
posada_disk_dialogs_make_independent (PosadaDisksPage *page, PosadaDiskInfo *info)
{
    g_autofree char *heading = get_heading (_ ("Make “%s” Independent?"), info);
    Question *question = question_new (
        page, info, heading,
        _ ("All that it shares with the image it is based on is copied. It takes more "
           "room then, and does not need that image any more."));

    ask (question, _ ("Make _Independent"), ADW_RESPONSE_SUGGESTED,
         G_CALLBACK (make_independent_cb));
}

/* --- remove --- */

static void
remove_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    gboolean trash =
        question->switch_row && adw_switch_row_get_active (ADW_SWITCH_ROW (question->switch_row));

    if (get_care (question))
        posada_disks_page_follow (
            question->page,
            posada_disk_care_remove (get_care (question), get_target (question), trash),
            trash ? _ ("The disk’s file is in the trash") : _ ("The disk was removed"));
}

void
posada_disk_dialogs_remove (PosadaDisksPage *page, PosadaDiskInfo *info)
{
    const PosadaDiskData *data = posada_disk_info_get (info);
    g_autofree char *heading = get_heading (_ ("Remove “%s”?"), info);
    Question *question =
        question_new (page, info, heading,
                      data->fixed ? _ ("The machine is without this disk from now on, and its "
                                       "snapshots cannot be restored without it.")
                                  : _ ("The machine is without this disk from now on."));

    if (data->path && data->is_file) {
        question->switch_row = adw_switch_row_new ();
        add_row (question, question->switch_row, _ ("Move the File to the Trash"));
        adw_action_row_set_subtitle (ADW_ACTION_ROW (question->switch_row),
                                     _ ("Otherwise it stays where it is"));
    }
    ask (question, _ ("_Remove"), ADW_RESPONSE_DESTRUCTIVE, G_CALLBACK (remove_cb));
}

/* --- an image that exists --- */

/* Places in the list of uses. */
enum {
    USE_IN_PLACE,
    USE_A_COPY,
};

/* The name of the format that is chosen, or NULL. */
static const char *
get_format (const Question *question)
{
    guint position = adw_combo_row_get_selected (ADW_COMBO_ROW (question->format_row));

    return position > 0 && position != GTK_INVALID_LIST_POSITION
               ? posada_disk_care_get_formats ()[position - 1]
               : NULL;
}

static gboolean
is_ours (const char *format)
{
    return g_strcmp0 (format, "raw") == 0 || g_strcmp0 (format, "qcow2") == 0;
}

static void
format_chosen_cb (AdwComboRow *row, GParamSpec *pspec, Question *question)
{
    const char *format = get_format (question);

    adw_alert_dialog_set_response_enabled (question->dialog, "do", format != NULL);
    gtk_widget_set_sensitive (question->use_row, !format || is_ours (format));
    if (format && !is_ours (format))
        adw_combo_row_set_selected (ADW_COMBO_ROW (question->use_row), USE_A_COPY);
}

static void
add_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    const char *format = get_format (question);
    PosadaDiskCare *care = get_care (question);
    DexFuture *future;

    if (!care || !format)
        return;
    if (adw_combo_row_get_selected (ADW_COMBO_ROW (question->use_row)) == USE_A_COPY)
        future = posada_disk_care_import (care, question->path, format);
    else
        future = posada_disk_care_attach (care, question->path,
                                          g_str_equal (format, "qcow2") ? POSADA_FORMAT_QCOW2
                                                                        : POSADA_FORMAT_RAW);
    posada_disks_page_follow (question->page, future, _ ("The disk was added"));
}

static GtkWidget *
make_combo (const char *const *texts)
{
    GtkWidget *row = adw_combo_row_new ();
    g_autoptr (GtkStringList) list = gtk_string_list_new (texts);

    adw_combo_row_set_model (ADW_COMBO_ROW (row), G_LIST_MODEL (list));
    return row;
}

void
posada_disk_dialogs_add (PosadaDisksPage *page, const char *path, const char *format)
{
    g_autofree char *name = shorten (g_filename_display_basename (path));
    g_autofree char *heading = g_strdup_printf (_ ("Add “%s”?"), name);
    const char *const formats[] = {_ ("Not Chosen"), _ ("Raw"), "qcow2", "VMDK", "VDI",
                                   "VHDX",           "VHD",     "qcow",  NULL};
    const char *const uses[] = {_ ("In Place"), _ ("A Copy, as qcow2"), NULL};
    Question *question = question_new (
        page, NULL, heading,
        format ? NULL : _ ("Its name and what is in it do not tell its format: choose it."));

    question->path = g_strdup (path);
    question->format_row = make_combo (formats);
    question->use_row = make_combo (uses);
    add_row (question, question->format_row, _ ("Format"));
    add_row (question, question->use_row, _ ("Use"));
    g_signal_connect (question->format_row, "notify::selected", G_CALLBACK (format_chosen_cb),
                      question);
    show_space (question, question->use_row);
    ask (question, _ ("_Add"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (add_cb));
    for (guint i = 0; posada_disk_care_get_formats ()[i]; i++)
        if (g_strcmp0 (format, posada_disk_care_get_formats ()[i]) == 0)
            adw_combo_row_set_selected (ADW_COMBO_ROW (question->format_row), i + 1);
    format_chosen_cb (NULL, NULL, question);
}

/* --- what a check found --- */

static void
repair_cb (AdwAlertDialog *dialog, const char *response, Question *question)
{
    if (get_care (question))
        posada_disks_page_follow (
            question->page, posada_disk_care_repair (get_care (question), get_target (question)),
            _ ("The disk was repaired"));
}

void
posada_disk_dialogs_found (PosadaDisksPage *page, PosadaDiskInfo *info, guint found)
{
    g_autofree char *title = shorten (posada_disk_info_get_title (info));
    g_autofree char *text = NULL;
    Question *question;

    if (found == 0) {
        /* Translators: the name of a file */
        text = g_strdup_printf (_ ("“%s” is sound"), title);
        posada_disks_page_toast (page, text);
    } else if (found & POSADA_DISK_IS_DAMAGED) {
        text =
            g_strdup_printf (_ ("“%s” is damaged and cannot be repaired: convert it to save what "
                                "can be read."),
                             title);
        posada_disks_page_complain (page, text);
    } else if (gtk_widget_get_mapped (GTK_WIDGET (page))) {
        text = g_strdup_printf (_ ("Repair “%s”?"), title);
        question = question_new (
            page, info, text,
            found & POSADA_DISK_HAS_ERRORS
                ? _ ("There are errors in the image that could cost data when the machine writes.")
                : _ ("No data are in danger, but the image takes up room that nothing uses."));
        ask (question, _ ("_Repair"), ADW_RESPONSE_SUGGESTED, G_CALLBACK (repair_cb));
    }
}
