/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/posada-console.h"

#include <glib/gi18n.h>
#include <math.h>

#include "console/console-cursor.h"
#include "console/console-frames.h"
#include "console/console-grab.h"
#include "console/console-input.h"
#include "console/console-keyboard.h"
#include "console/console-keymap.h"
#include "console/console-notice.h"
#include "console/console-painter.h"
#include "console/console-resize.h"
#include "console/console-view.h"

#define MIN_SIZE       100
#define DEFAULT_WIDTH  640
#define DEFAULT_HEIGHT 480

struct _PosadaConsole {
    GtkWidget parent_instance;

    PosadaDisplay *display;
    gboolean closed; /* the display was, and nothing comes from it any more */
    char *message;
    char *release_label;
    char *release_keys;
    gboolean grabbed, inhibited; /* as last notified */
    double typing;               /* the same */

    ConsoleView view;
    ConsolePainter *painter;
    ConsoleFrames *frames;
    ConsoleKeyboard *keyboard;
    ConsoleGrab *grab;
    ConsoleInput *input;
    ConsoleCursor *cursor;
    ConsoleNotice *notice;
    ConsoleResize resize;

    GdkFrameClock *clock; /* while mapped */
    gulong layout_handler;
};

G_DEFINE_FINAL_TYPE (PosadaConsole, posada_console, GTK_TYPE_WIDGET)

enum {
    PROP_0,
    PROP_DISPLAY,
    PROP_SCALING,
    PROP_GRABBED,
    PROP_SHORTCUTS_INHIBITED,
    PROP_LOST,
    PROP_RELEASE_KEYS,
    PROP_RELEASE_LABEL,
    PROP_MESSAGE,
    PROP_TYPING_PROGRESS,
    N_PROPS,
};

enum {
    SIGNAL_RECONNECT,
    N_SIGNALS,
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

/* There is a guest that takes input and gives pictures. */
static gboolean
is_live (PosadaConsole *self)
{
    return self->display && !self->closed;
}

static gboolean
has_screen (PosadaConsole *self)
{
    return is_live (self) && posada_display_get_width (self->display) > 0 &&
           posada_display_get_height (self->display) > 0;
}

/* --- the notice --- */

static void
update_notice (PosadaConsole *self)
{
    gboolean lost = self->display && self->closed;
    const char *text = self->message;

    if (!text)
        text = lost             ? _ ("The Connection Was Lost")
               : is_live (self) ? _ ("The Screen Is Off")
                                : _ ("Not Connected");
    console_notice_set_visible (self->notice, !has_screen (self));
    console_notice_set (self->notice, text, lost);
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
reconnect (GtkWidget *widget)
{
    g_signal_emit (widget, signals[SIGNAL_RECONNECT], 0);
}

/* --- what is shown, and where --- */

static void
update_cursor (PosadaConsole *self)
{
    console_cursor_update (self->cursor, console_input_get_cursor_mode (self->input),
                           self->view.picture ? &self->view.geometry : NULL);
}

/* TRUE if the picture lies elsewhere than before. */
static gboolean
update_view (PosadaConsole *self)
{
    gboolean changed = console_view_update (&self->view, console_painter_get_width (self->painter),
                                            console_painter_get_height (self->painter));

    if (self->view.known)
        console_resize_set_room (&self->resize, (guint) self->view.geometry.area.width,
                                 (guint) self->view.geometry.area.height);
    if (changed)
        update_cursor (self);
    return changed;
}

static void
look (GtkWidget *widget)
{
    if (update_view (POSADA_CONSOLE (widget)))
        gtk_widget_queue_draw (widget);
}

/*
 * A widget that moves is not drawn again but its node is moved, to between two device pixels as
 * likely as not; so that has to be seen after each layout. This costs no frame: it is called in
 * those that others asked for.
 */
static void
layout_cb (GdkFrameClock *clock, gpointer data)
{
    look (data);
}

static void
painted_cb (GtkWidget *widget, gboolean resized)
{
    if (resized) {
        update_view (POSADA_CONSOLE (widget));
        gtk_widget_queue_resize (widget);
    }
    gtk_widget_queue_draw (widget);
}

static void
active (GtkWidget *widget)
{
    console_frames_wake (POSADA_CONSOLE (widget)->frames);
}

static void
hovered (GtkWidget *widget)
{
    update_cursor (POSADA_CONSOLE (widget));
}

static const ConsoleInputHooks input_hooks = {look, active, hovered};

/* --- the display --- */

/* Gives all parts the display there is, or none once it has closed. */
static void
hand_out_display (PosadaConsole *self)
{
    PosadaDisplay *display = is_live (self) ? self->display : NULL;

    /* Keys, buttons and fingers go up at the old one. */
    console_keyboard_set_display (self->keyboard, display);
    console_input_set_display (self->input, display);
    console_cursor_set_display (self->cursor, display);
    console_resize_set_display (&self->resize, display);
    console_frames_set_display (self->frames, display);
    console_grab_set_enabled (self->grab, display != NULL);
    update_notice (self);
}

static void
size_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    PosadaConsole *self = data;

    console_resize_size_changed (&self->resize);
    update_notice (self);
    console_frames_wake (self->frames);
}

static void
absolute_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    PosadaConsole *self = data;

    console_input_mode_changed (self->input);
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
set_closed (PosadaConsole *self, gboolean closed)
{
    if (self->closed == closed)
        return;
    self->closed = closed;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOST]);
}

static void
closed_cb (PosadaDisplay *display, gpointer data)
{
    PosadaConsole *self = data;

    set_closed (self, TRUE);
    hand_out_display (self);
}

/* Unless who listens to the signal has another display for us already. */
static void
real_reconnect (PosadaConsole *self)
{
    if (!self->display || !self->closed)
        return;
    set_closed (self, FALSE);
    hand_out_display (self);
    posada_display_reconnect (self->display);
}

void
posada_console_set_display (PosadaConsole *self, PosadaDisplay *display)
{
    g_autoptr (PosadaDisplay) old = NULL;

    g_return_if_fail (POSADA_IS_CONSOLE (self));
    g_return_if_fail (!display || POSADA_IS_DISPLAY (display));

    if (self->display == display)
        return;
    old = g_steal_pointer (&self->display);
    if (old)
        g_signal_handlers_disconnect_by_data (old, self);
    if (display) {
        self->display = g_object_ref (display);
        /* Not the picture of another machine. */
        console_painter_resize (self->painter, 0, 0);
        g_signal_connect (display, "closed", G_CALLBACK (closed_cb), self);
        g_signal_connect (display, "notify::width", G_CALLBACK (size_cb), self);
        g_signal_connect (display, "notify::height", G_CALLBACK (size_cb), self);
        g_signal_connect (display, "notify::absolute", G_CALLBACK (absolute_cb), self);
    }
    set_closed (self, FALSE);
    hand_out_display (self);
    update_view (self);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DISPLAY]);
}

/* --- grabs and typing --- */

static void
announce_grab (PosadaConsole *self)
{
    /* Translators: %s is a combination of keys, "Ctrl+Alt" */
    g_autofree char *text =
        g_strdup_printf (_ ("Keyboard captured, press %s to release it"), self->release_label);

    gtk_accessible_announce (GTK_ACCESSIBLE (self), text,
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
}

static void
grab_changed_cb (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);
    gboolean grabbed = console_grab_is_active (self->grab);
    gboolean inhibited = console_grab_is_inhibiting (self->grab);

    if (grabbed != self->grabbed) {
        self->grabbed = grabbed;
        if (grabbed)
            announce_grab (self);
        else
            console_input_release (self->input);
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRABBED]);
    }
    if (inhibited != self->inhibited) {
        self->inhibited = inhibited;
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SHORTCUTS_INHIBITED]);
    }
}

static void
typing_cb (gpointer data)
{
    PosadaConsole *self = data;
    double progress = posada_console_get_typing_progress (self);

    console_frames_wake (self->frames);
    /* Hundredths are enough for whoever shows it. */
    if (fabs (progress - self->typing) < 0.01 && progress < 1)
        return;
    self->typing = progress;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TYPING_PROGRESS]);
}

/* --- vfuncs --- */

static void
posada_console_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                        int *natural, int *minimum_baseline, int *natural_baseline)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);
    gboolean across = orientation == GTK_ORIENTATION_HORIZONTAL;
    guint size = across ? console_painter_get_width (self->painter)
                        : console_painter_get_height (self->painter);
    GtkNative *native = gtk_widget_get_native (widget);
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    double scale = surface ? gdk_surface_get_scale (surface) : 1.0;

    *minimum = MIN_SIZE;
    *natural = across ? DEFAULT_WIDTH : DEFAULT_HEIGHT;
    if (size > 0)
        *natural = MAX ((int) ceil (size / scale), *minimum);
}

static void
posada_console_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
    console_notice_allocate (POSADA_CONSOLE (widget)->notice, width, height);
}

static void
posada_console_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);
    const ConsoleGeometry *geometry = &self->view.geometry;
    graphene_rect_t bounds;

    graphene_rect_init (&bounds, 0, 0, (float) gtk_widget_get_width (widget),
                        (float) gtk_widget_get_height (widget));
    update_view (self);
    if (!self->view.picture || !gdk_rectangle_equal (&geometry->area, &geometry->picture))
        gtk_snapshot_append_color (snapshot, &(GdkRGBA) {0, 0, 0, 1}, &bounds);
    if (self->view.picture) {
        GdkRectangle visible;
        graphene_rect_t clip;

        gdk_rectangle_intersect (&geometry->area, &geometry->picture, &visible);
        console_geometry_to_widget (geometry, &visible, &clip);
        gtk_snapshot_push_clip (snapshot, &clip);
        console_painter_snapshot (self->painter, snapshot, geometry);
        if (has_screen (self))
            console_cursor_snapshot (self->cursor, snapshot, geometry);
        gtk_snapshot_pop (snapshot);
        if (!has_screen (self))
            gtk_snapshot_append_color (snapshot, &(GdkRGBA) {0, 0, 0, 0.7f}, &bounds);
    }
    console_notice_snapshot (self->notice, snapshot);
}

static void
posada_console_map (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    GTK_WIDGET_CLASS (posada_console_parent_class)->map (widget);
    self->clock = g_object_ref (gtk_widget_get_frame_clock (widget));
    self->layout_handler =
        g_signal_connect_after (self->clock, "layout", G_CALLBACK (layout_cb), self);
    console_input_map (self->input);
    console_frames_wake (self->frames);
}

static void
posada_console_unmap (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    console_frames_stop (self->frames);
    g_clear_signal_handler (&self->layout_handler, self->clock);
    g_clear_object (&self->clock);
    console_input_release (self->input);
    GTK_WIDGET_CLASS (posada_console_parent_class)->unmap (widget);
}

static void
posada_console_root (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    GTK_WIDGET_CLASS (posada_console_parent_class)->root (widget);
    console_grab_attach (self->grab, gtk_widget_get_root (widget));
}

static void
posada_console_unroot (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    console_grab_detach (self->grab);
    GTK_WIDGET_CLASS (posada_console_parent_class)->unroot (widget);
}

static void
posada_console_dispose (GObject *object)
{
    PosadaConsole *self = POSADA_CONSOLE (object);

    posada_console_set_display (self, NULL);
    g_clear_pointer (&self->notice, console_notice_free);
    G_OBJECT_CLASS (posada_console_parent_class)->dispose (object);
}

static void
posada_console_finalize (GObject *object)
{
    PosadaConsole *self = POSADA_CONSOLE (object);

    console_input_free (self->input);
    console_grab_free (self->grab);
    console_keyboard_free (self->keyboard);
    console_cursor_free (self->cursor);
    console_resize_fini (&self->resize);
    console_frames_free (self->frames);
    console_painter_free (self->painter);
    g_free (self->message);
    g_free (self->release_label);
    g_free (self->release_keys);
    G_OBJECT_CLASS (posada_console_parent_class)->finalize (object);
}

static void
posada_console_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    PosadaConsole *self = POSADA_CONSOLE (object);

    switch (id) {
    case PROP_DISPLAY: g_value_set_object (value, self->display); break;
    case PROP_SCALING: g_value_set_enum (value, self->view.scaling); break;
    case PROP_GRABBED: g_value_set_boolean (value, self->grabbed); break;
    case PROP_SHORTCUTS_INHIBITED: g_value_set_boolean (value, self->inhibited); break;
    case PROP_LOST: g_value_set_boolean (value, self->closed); break;
    case PROP_RELEASE_KEYS: g_value_set_string (value, self->release_keys); break;
    case PROP_RELEASE_LABEL: g_value_set_string (value, self->release_label); break;
    case PROP_MESSAGE: g_value_set_string (value, self->message); break;
    case PROP_TYPING_PROGRESS: g_value_set_double (value, self->typing); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_console_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    PosadaConsole *self = POSADA_CONSOLE (object);

    switch (id) {
    case PROP_DISPLAY: posada_console_set_display (self, g_value_get_object (value)); break;
    case PROP_SCALING: posada_console_set_scaling (self, g_value_get_enum (value)); break;
    case PROP_RELEASE_KEYS:
        posada_console_set_release_keys (self, g_value_get_string (value));
        break;
    case PROP_MESSAGE: posada_console_set_message (self, g_value_get_string (value)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_console_class_init (PosadaConsoleClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
    GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    GParamFlags flags = readable | G_PARAM_WRITABLE;

    object_class->dispose = posada_console_dispose;
    object_class->finalize = posada_console_finalize;
    object_class->get_property = posada_console_get_property;
    object_class->set_property = posada_console_set_property;
    widget_class->measure = posada_console_measure;
    widget_class->size_allocate = posada_console_size_allocate;
    widget_class->snapshot = posada_console_snapshot;
    widget_class->map = posada_console_map;
    widget_class->unmap = posada_console_unmap;
    widget_class->root = posada_console_root;
    widget_class->unroot = posada_console_unroot;

    properties[PROP_DISPLAY] =
        g_param_spec_object ("display", NULL, NULL, POSADA_TYPE_DISPLAY, flags);
    properties[PROP_SCALING] = g_param_spec_enum (
        "scaling", NULL, NULL, POSADA_TYPE_CONSOLE_SCALING, POSADA_CONSOLE_FIT, flags);
    properties[PROP_GRABBED] = g_param_spec_boolean ("grabbed", NULL, NULL, FALSE, readable);
    properties[PROP_SHORTCUTS_INHIBITED] =
        g_param_spec_boolean ("shortcuts-inhibited", NULL, NULL, FALSE, readable);
    properties[PROP_LOST] = g_param_spec_boolean ("lost", NULL, NULL, FALSE, readable);
    properties[PROP_RELEASE_KEYS] =
        g_param_spec_string ("release-keys", NULL, NULL, "ctrl+alt", flags);
    properties[PROP_RELEASE_LABEL] =
        g_param_spec_string ("release-label", NULL, NULL, NULL, readable);
    properties[PROP_MESSAGE] = g_param_spec_string ("message", NULL, NULL, NULL, flags);
    properties[PROP_TYPING_PROGRESS] =
        g_param_spec_double ("typing-progress", NULL, NULL, 0, 1, 1, readable);
    g_object_class_install_properties (object_class, N_PROPS, properties);

    signals[SIGNAL_RECONNECT] =
        g_signal_new_class_handler ("reconnect", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                    G_CALLBACK (real_reconnect), NULL, NULL, NULL, G_TYPE_NONE, 0);

    gtk_widget_class_set_css_name (widget_class, "console");
    /* What has its own keys and takes all of ours. */
    gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_APPLICATION);
}

static void
posada_console_init (PosadaConsole *self)
{
    GtkWidget *widget = GTK_WIDGET (self);

    self->typing = 1;
    console_view_init (&self->view, widget);
    self->painter = console_painter_new ();
    self->frames = console_frames_new (widget, self->painter, painted_cb);
    self->keyboard = console_keyboard_new ();
    console_keyboard_set_typing_cb (self->keyboard, typing_cb, self);
    self->grab = console_grab_new (widget, self->keyboard, grab_changed_cb, active);
    self->cursor = console_cursor_new (widget);
    self->input = console_input_new (widget, &self->view, self->grab, &input_hooks);
    console_resize_init (&self->resize);
    self->notice = console_notice_new (widget, reconnect);
    update_notice (self);

    gtk_widget_set_focusable (widget, TRUE);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    _ ("Console"), -1);
    posada_console_set_release_keys (self, "ctrl+alt");
}

/* --- public functions --- */

GtkWidget *
posada_console_new (void)
{
    return g_object_new (POSADA_TYPE_CONSOLE, NULL);
}

PosadaDisplay *
posada_console_get_display (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), NULL);
    return self->display;
}

PosadaConsoleScaling
posada_console_get_scaling (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), POSADA_CONSOLE_FIT);
    return self->view.scaling;
}

void
posada_console_set_scaling (PosadaConsole *self, PosadaConsoleScaling scaling)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));

    if (self->view.scaling == scaling)
        return;
    self->view.scaling = scaling;
    self->view.pan_x = self->view.pan_y = 0;
    console_resize_set_enabled (&self->resize, scaling == POSADA_CONSOLE_RESIZE_GUEST);
    update_view (self);
    gtk_widget_queue_draw (GTK_WIDGET (self));
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SCALING]);
}

gboolean
posada_console_get_grabbed (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), FALSE);
    return console_grab_is_active (self->grab);
}

gboolean
posada_console_get_shortcuts_inhibited (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), FALSE);
    return self->inhibited;
}

const char *
posada_console_get_release_label (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), NULL);
    return self->release_label;
}

gboolean
posada_console_set_release_keys (PosadaConsole *self, const char *keys)
{
    guint codes[CONSOLE_KEYBOARD_MAX_RELEASE_KEYS];
    g_autofree char *description = NULL;
    guint n_codes;

    g_return_val_if_fail (POSADA_IS_CONSOLE (self), FALSE);

    n_codes = console_keymap_parse (keys, codes, G_N_ELEMENTS (codes));
    if (n_codes == 0)
        return FALSE;
    if (!g_set_str (&self->release_keys, keys))
        return TRUE;
    console_keyboard_set_release_keys (self->keyboard, codes, n_codes);
    g_free (self->release_label);
    self->release_label = console_keymap_to_label (codes, n_codes);
    /* Translators: %s is a combination of keys, "Ctrl+Alt" */
    description = g_strdup_printf (_ ("%s releases the keyboard"), self->release_label);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                    description, -1);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RELEASE_KEYS]);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RELEASE_LABEL]);
    return TRUE;
}

const char *
posada_console_get_message (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), NULL);
    return self->message;
}

void
posada_console_set_message (PosadaConsole *self, const char *message)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));

    if (!g_set_str (&self->message, message))
        return;
    update_notice (self);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MESSAGE]);
}

void
posada_console_release (PosadaConsole *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));
    console_grab_end (self->grab);
}

GdkTexture *
posada_console_grab (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), NULL);
    return console_painter_grab (self->painter);
}

void
posada_console_send_keys (PosadaConsole *self, const guint *codes, guint n_codes)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));
    console_keyboard_send_keys (self->keyboard, codes, n_codes);
}

guint
posada_console_type_text (PosadaConsole *self, const char *text)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), 0);
    g_return_val_if_fail (text != NULL, 0);
    return console_keyboard_type_text (self->keyboard, text);
}

double
posada_console_get_typing_progress (PosadaConsole *self)
{
    guint done, total;

    g_return_val_if_fail (POSADA_IS_CONSOLE (self), 1);
    console_keyboard_get_typing (self->keyboard, &done, &total);
    return total ? (double) done / total : 1;
}

void
posada_console_cancel_typing (PosadaConsole *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));
    console_keyboard_cancel_typing (self->keyboard);
}
