/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/posada-console.h"

#include <glib/gi18n.h>
#include <math.h>

#include "console/console-grab.h"
#include "console/console-keyboard.h"
#include "console/console-keymap.h"
#include "console/console-lock.h"
#include "console/console-painter.h"
#include "console/console-pointer.h"
#include "console/console-resize.h"

/* So long after the last damage or input frames are asked for with every tick. */
#define BUSY_US (G_USEC_PER_SEC / 2)
/* And so often afterwards. */
#define IDLE_MS        100

#define MIN_SIZE       100
#define DEFAULT_WIDTH  640
#define DEFAULT_HEIGHT 480
/* What touchpads send for one click of a wheel, logical pixels. */
#define SURFACE_CLICK 15.0

struct _PosadaConsole {
    GtkWidget parent_instance;

    PosadaDisplay *display;
    gboolean closed; /* the display was, and nothing comes from it any more */
    PosadaConsoleScaling scaling;
    char *message;
    char *release_label;
    char *release_keys;
    GtkWidget *label;

    ConsolePainter *painter;
    ConsoleKeyboard *keyboard;
    ConsoleGrab *grab;
    ConsoleLock *lock; /* of the pointer, in relative mode; NULL until first mapped */
    ConsolePointer pointer;
    ConsoleResize resize;

    ConsoleGeometry geometry;
    gboolean has_geometry;
    double pan_x, pan_y;

    GdkFrameClock *clock; /* while mapped */
    gulong layout_handler;
    guint tick_id, idle_source;
    gint64 last_activity;
};

G_DEFINE_FINAL_TYPE (PosadaConsole, posada_console, GTK_TYPE_WIDGET)

enum {
    PROP_0,
    PROP_DISPLAY,
    PROP_SCALING,
    PROP_GRABBED,
    PROP_RELEASE_KEYS,
    PROP_RELEASE_LABEL,
    PROP_MESSAGE,
    N_PROPS,
};

static GParamSpec *properties[N_PROPS];

GType
posada_console_scaling_get_type (void)
{
    static gsize type;
    static const GEnumValue values[] = {
        {POSADA_CONSOLE_FIT, "POSADA_CONSOLE_FIT", "fit"},
        {POSADA_CONSOLE_ONE_TO_ONE, "POSADA_CONSOLE_ONE_TO_ONE", "one-to-one"},
        {POSADA_CONSOLE_RESIZE_GUEST, "POSADA_CONSOLE_RESIZE_GUEST", "resize-guest"},
        {0, NULL, NULL},
    };

    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("PosadaConsoleScaling", values));
    return type;
}

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

static void
update_label (PosadaConsole *self)
{
    gboolean visible = !has_screen (self);
    const char *text = self->message;

    if (!text)
        text = is_live (self) ? _ ("The Screen Is Off") : _ ("Not Connected");
    gtk_label_set_label (GTK_LABEL (self->label), text);
    gtk_widget_set_visible (self->label, visible);
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* --- geometry --- */

static gboolean
get_place (PosadaConsole *self, ConsolePlace *ret_place)
{
    GtkNative *native = gtk_widget_get_native (GTK_WIDGET (self));
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    graphene_point_t origin;
    double x, y;

    if (!surface || !gtk_widget_compute_point (GTK_WIDGET (self), GTK_WIDGET (native),
                                               &GRAPHENE_POINT_INIT (0, 0), &origin))
        return FALSE;
    gtk_native_get_surface_transform (native, &x, &y);
    ret_place->scale = gdk_surface_get_scale (surface);
    ret_place->x = x + (double) origin.x;
    ret_place->y = y + (double) origin.y;
    ret_place->width = gtk_widget_get_width (GTK_WIDGET (self));
    ret_place->height = gtk_widget_get_height (GTK_WIDGET (self));
    return ret_place->width > 0 && ret_place->height > 0;
}

/* TRUE if the picture lies elsewhere than before. */
static gboolean
update_geometry (PosadaConsole *self)
{
    ConsoleGeometry old = self->geometry;
    gboolean had = self->has_geometry;
    ConsolePlace place;
    GdkRectangle area;

    self->has_geometry = get_place (self, &place);
    if (!self->has_geometry)
        return had;
    console_place_to_area (&place, &area);
    console_resize_set_room (&self->resize, (guint) area.width, (guint) area.height);
    console_geometry_init (&self->geometry, &place, self->scaling,
                           console_painter_get_width (self->painter),
                           console_painter_get_height (self->painter), self->pan_x, self->pan_y);
    return !had || !gdk_rectangle_equal (&old.picture, &self->geometry.picture) ||
           !gdk_rectangle_equal (&old.area, &self->geometry.area) ||
           old.place.scale != place.scale || old.place.x != place.x || old.place.y != place.y;
}

/*
 * A widget that moves is not drawn again but its node is moved, to between two device pixels as
 * likely as not; so that has to be seen after each layout. This costs no frame: it is called in
 * those that others asked for.
 */
static void
layout_cb (GdkFrameClock *clock, gpointer data)
{
    PosadaConsole *self = data;

    if (update_geometry (self))
        gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* --- frames --- */

static void stop_frames (PosadaConsole *self);
static void start_ticks (PosadaConsole *self);

static gboolean
idle_cb (gpointer data)
{
    PosadaConsole *self = data;

    posada_display_request_frame (self->display);
    return G_SOURCE_CONTINUE;
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    posada_display_request_frame (self->display);
    /* "damaged" may have come in the call, and even "closed". */
    if (self->tick_id == 0 || g_get_monotonic_time () - self->last_activity < BUSY_US)
        return G_SOURCE_CONTINUE;
    self->tick_id = 0;
    self->idle_source = g_timeout_add (IDLE_MS, idle_cb, self);
    return G_SOURCE_REMOVE;
}

static void
start_ticks (PosadaConsole *self)
{
    if (!is_live (self) || !gtk_widget_get_mapped (GTK_WIDGET (self)))
        return;
    self->last_activity = g_get_monotonic_time ();
    g_clear_handle_id (&self->idle_source, g_source_remove);
    if (self->tick_id == 0)
        self->tick_id = gtk_widget_add_tick_callback (GTK_WIDGET (self), tick_cb, NULL, NULL);
}

static void
stop_frames (PosadaConsole *self)
{
    g_clear_handle_id (&self->idle_source, g_source_remove);
    if (self->tick_id != 0)
        gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->tick_id);
    self->tick_id = 0;
}

static void
damaged_cb (PosadaDisplay *display, gpointer data)
{
    PosadaConsole *self = data;
    guint width = posada_display_get_width (display), height = posada_display_get_height (display);
    guint old_width = console_painter_get_width (self->painter);
    guint old_height = console_painter_get_height (self->painter);
    PosadaRectangle damage;
    guint32 *pixels;
    guint stride;

    /* A screen that is off keeps its last picture, dimmed. */
    if (width == 0 || height == 0 || !console_painter_resize (self->painter, width, height))
        return;
    pixels = console_painter_get_pixels (self->painter, &stride);
    if (posada_display_read_damage (display, pixels, stride, &damage))
        console_painter_add_damage (self->painter, damage.x, damage.y, damage.width, damage.height);
    if (old_width != width || old_height != height) {
        update_geometry (self);
        gtk_widget_queue_resize (GTK_WIDGET (self));
    }
    gtk_widget_queue_draw (GTK_WIDGET (self));
    start_ticks (self);
}

/* --- the display --- */

static void
end_lock (PosadaConsole *self)
{
    if (self->lock)
        console_lock_end (self->lock);
}

static void
update_live (PosadaConsole *self)
{
    gboolean live = is_live (self);

    console_grab_set_enabled (self->grab, live);
    update_label (self);
    if (live)
        start_ticks (self);
    else
        stop_frames (self);
}

static void
size_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    PosadaConsole *self = data;

    console_resize_size_changed (&self->resize);
    update_label (self);
    start_ticks (self);
}

static void
absolute_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    PosadaConsole *self = data;

    end_lock (self);
    console_pointer_leave (&self->pointer);
}

static void
closed_cb (PosadaDisplay *display, gpointer data)
{
    PosadaConsole *self = data;

    self->closed = TRUE;
    console_keyboard_set_display (self->keyboard, NULL);
    console_pointer_set_display (&self->pointer, NULL);
    console_resize_set_display (&self->resize, NULL);
    update_live (self);
}

void
posada_console_set_display (PosadaConsole *self, PosadaDisplay *display)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));
    g_return_if_fail (!display || POSADA_IS_DISPLAY (display));

    if (self->display == display)
        return;
    stop_frames (self);
    end_lock (self);
    if (self->display)
        g_signal_handlers_disconnect_by_data (self->display, self);
    /* Keys go up at the old one. */
    console_keyboard_set_display (self->keyboard, display);
    console_pointer_set_display (&self->pointer, display);
    console_resize_set_display (&self->resize, display);
    g_set_object (&self->display, display);
    self->closed = FALSE;
    if (display) {
        /* Not the picture of another machine. */
        console_painter_resize (self->painter, 0, 0);
        g_signal_connect (display, "damaged", G_CALLBACK (damaged_cb), self);
        g_signal_connect (display, "closed", G_CALLBACK (closed_cb), self);
        g_signal_connect (display, "notify::width", G_CALLBACK (size_cb), self);
        g_signal_connect (display, "notify::height", G_CALLBACK (size_cb), self);
        g_signal_connect (display, "notify::absolute", G_CALLBACK (absolute_cb), self);
        posada_display_damage_all (display);
    }
    update_geometry (self);
    update_live (self);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DISPLAY]);
}

/* --- input --- */

static void
activity_cb (GtkWidget *widget)
{
    start_ticks (POSADA_CONSOLE (widget));
}

static void
grab_changed_cb (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    if (console_grab_is_active (self->grab)) {
        /* Translators: %s is a combination of keys, "Ctrl+Alt" */
        g_autofree char *text =
            g_strdup_printf (_ ("Keyboard captured, press %s to release it"), self->release_label);

        gtk_accessible_announce (GTK_ACCESSIBLE (self), text,
                                 GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
    } else {
        end_lock (self);
        console_pointer_release_all (&self->pointer);
    }
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRABBED]);
}

static void
locked_motion_cb (GtkWidget *widget, double dx, double dy)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    console_pointer_move_by (&self->pointer, dx, dy);
    start_ticks (self);
}

/* Relative motion belongs to the guest only while it has the grab. */
static gboolean
takes_motion (PosadaConsole *self)
{
    return is_live (self) && self->has_geometry && console_painter_get_width (self->painter) > 0 &&
           (posada_display_get_absolute (self->display) || console_grab_is_active (self->grab));
}

static void
move_to (PosadaConsole *self, double x, double y)
{
    double pan_x, pan_y;

    if (update_geometry (self))
        gtk_widget_queue_draw (GTK_WIDGET (self));
    if (!takes_motion (self) || (self->lock && console_lock_is_active (self->lock)))
        return;
    console_geometry_to_pan (&self->geometry, x, y, &pan_x, &pan_y);
    if (self->scaling == POSADA_CONSOLE_ONE_TO_ONE &&
        (pan_x != self->pan_x || pan_y != self->pan_y)) {
        self->pan_x = pan_x;
        self->pan_y = pan_y;
        if (update_geometry (self))
            gtk_widget_queue_draw (GTK_WIDGET (self));
    }
    console_pointer_move (&self->pointer, &self->geometry, x, y);
    start_ticks (self);
}

static gboolean
press (PosadaConsole *self, PosadaButtons button, double x, double y)
{
    gboolean had_grab = console_grab_is_active (self->grab);
    int guest_x, guest_y;

    if (!is_live (self))
        return FALSE;
    gtk_widget_grab_focus (GTK_WIDGET (self));
    console_grab_begin (self->grab);
    move_to (self, x, y);
    if (!takes_motion (self))
        return TRUE;
    if (posada_display_get_absolute (self->display)) {
        if (!console_geometry_to_guest (&self->geometry, x, y, &guest_x, &guest_y))
            return TRUE;
    } else {
        gboolean had_lock = console_lock_is_active (self->lock);

        /* A click that takes the pointer is not the guest's: it points at nothing there. */
        if ((console_lock_begin (self->lock) && !had_lock) || !had_grab)
            return TRUE;
    }
    console_pointer_press (&self->pointer, button, TRUE);
    return TRUE;
}

static gboolean
release (PosadaConsole *self, PosadaButtons button, double x, double y)
{
    if (!(self->pointer.buttons & button))
        return FALSE;
    move_to (self, x, y);
    console_pointer_press (&self->pointer, button, FALSE);
    return TRUE;
}

static gboolean
scroll (PosadaConsole *self, GdkEvent *event)
{
    double dx = 0, dy = 0;

    if (!takes_motion (self))
        return FALSE;
    switch (gdk_scroll_event_get_direction (event)) {
    case GDK_SCROLL_UP: dy = -1; break;
    case GDK_SCROLL_DOWN: dy = 1; break;
    case GDK_SCROLL_LEFT: dx = -1; break;
    case GDK_SCROLL_RIGHT: dx = 1; break;
    case GDK_SCROLL_SMOOTH:
        gdk_scroll_event_get_deltas (event, &dx, &dy);
        if (gdk_scroll_event_get_unit (event) == GDK_SCROLL_UNIT_SURFACE) {
            dx /= SURFACE_CLICK;
            dy /= SURFACE_CLICK;
        }
        break;
    default: return TRUE;
    }
    console_pointer_scroll (&self->pointer, dx, dy);
    start_ticks (self);
    return TRUE;
}

static gboolean
event_cb (GtkEventControllerLegacy *controller, GdkEvent *event, gpointer data)
{
    PosadaConsole *self = data;
    double x = 0, y = 0;

    gdk_event_get_position (event, &x, &y);
    switch (gdk_event_get_event_type (event)) {
    case GDK_MOTION_NOTIFY: move_to (self, x, y); return FALSE;
    case GDK_BUTTON_PRESS:
        return press (self, console_pointer_button (gdk_button_event_get_button (event)), x, y);
    case GDK_BUTTON_RELEASE:
        return release (self, console_pointer_button (gdk_button_event_get_button (event)), x, y);
    case GDK_SCROLL: return scroll (self, event);
    case GDK_TOUCH_BEGIN:
        return gdk_touch_event_get_emulating_pointer (event) &&
               press (self, POSADA_BUTTON_LEFT, x, y);
    case GDK_TOUCH_UPDATE:
        if (gdk_touch_event_get_emulating_pointer (event))
            move_to (self, x, y);
        return FALSE;
    case GDK_TOUCH_END:
    case GDK_TOUCH_CANCEL:
        return gdk_touch_event_get_emulating_pointer (event) &&
               release (self, POSADA_BUTTON_LEFT, x, y);
    default: return FALSE;
    }
}

static void
enter_cb (GtkEventControllerMotion *controller, double x, double y, gpointer data)
{
    PosadaConsole *self = data;

    console_grab_set_pointer_inside (self->grab, TRUE);
}

static void
leave_cb (GtkEventControllerMotion *controller, gpointer data)
{
    PosadaConsole *self = data;

    console_grab_set_pointer_inside (self->grab, FALSE);
    console_pointer_leave (&self->pointer);
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
    PosadaConsole *self = POSADA_CONSOLE (widget);
    int label_width, label_height;

    if (!gtk_widget_should_layout (self->label))
        return;
    gtk_widget_measure (self->label, GTK_ORIENTATION_HORIZONTAL, -1, NULL, &label_width, NULL,
                        NULL);
    label_width = MIN (label_width, width);
    gtk_widget_measure (self->label, GTK_ORIENTATION_VERTICAL, label_width, NULL, &label_height,
                        NULL, NULL);
    label_height = MIN (label_height, height);
    gtk_widget_size_allocate (self->label,
                              &(GtkAllocation) {(width - label_width) / 2,
                                                (height - label_height) / 2, label_width,
                                                label_height},
                              -1);
}

static void
posada_console_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);
    graphene_rect_t bounds;
    gboolean picture;

    graphene_rect_init (&bounds, 0, 0, (float) gtk_widget_get_width (widget),
                        (float) gtk_widget_get_height (widget));
    update_geometry (self);
    picture = self->has_geometry && console_painter_get_width (self->painter) > 0;
    if (!picture || !gdk_rectangle_equal (&self->geometry.area, &self->geometry.picture))
        gtk_snapshot_append_color (snapshot, &(GdkRGBA) {0, 0, 0, 1}, &bounds);
    if (picture) {
        graphene_rect_t area;

        console_geometry_to_widget (&self->geometry, &self->geometry.area, &area);
        gtk_snapshot_push_clip (snapshot, &area);
        console_painter_snapshot (self->painter, snapshot, &self->geometry);
        gtk_snapshot_pop (snapshot);
        if (!has_screen (self))
            gtk_snapshot_append_color (snapshot, &(GdkRGBA) {0, 0, 0, 0.7f}, &bounds);
    }
    gtk_widget_snapshot_child (widget, self->label, snapshot);
}

static void
posada_console_map (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    GTK_WIDGET_CLASS (posada_console_parent_class)->map (widget);
    self->clock = g_object_ref (gtk_widget_get_frame_clock (widget));
    self->layout_handler =
        g_signal_connect_after (self->clock, "layout", G_CALLBACK (layout_cb), self);
    if (!self->lock)
        self->lock = console_lock_new (widget, locked_motion_cb);
    start_ticks (self);
}

static void
posada_console_unmap (GtkWidget *widget)
{
    PosadaConsole *self = POSADA_CONSOLE (widget);

    stop_frames (self);
    g_clear_signal_handler (&self->layout_handler, self->clock);
    g_clear_object (&self->clock);
    end_lock (self);
    console_pointer_release_all (&self->pointer);
    console_pointer_leave (&self->pointer);
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

    end_lock (self);
    posada_console_set_display (self, NULL);
    g_clear_pointer (&self->label, gtk_widget_unparent);
    G_OBJECT_CLASS (posada_console_parent_class)->dispose (object);
}

static void
posada_console_finalize (GObject *object)
{
    PosadaConsole *self = POSADA_CONSOLE (object);

    console_lock_free (self->lock);
    console_grab_free (self->grab);
    console_keyboard_free (self->keyboard);
    console_pointer_fini (&self->pointer);
    console_resize_fini (&self->resize);
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
    case PROP_SCALING: g_value_set_enum (value, self->scaling); break;
    case PROP_GRABBED: g_value_set_boolean (value, posada_console_get_grabbed (self)); break;
    case PROP_RELEASE_KEYS: g_value_set_string (value, self->release_keys); break;
    case PROP_RELEASE_LABEL: g_value_set_string (value, self->release_label); break;
    case PROP_MESSAGE: g_value_set_string (value, self->message); break;
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
    properties[PROP_RELEASE_KEYS] =
        g_param_spec_string ("release-keys", NULL, NULL, "ctrl+alt", flags);
    properties[PROP_RELEASE_LABEL] =
        g_param_spec_string ("release-label", NULL, NULL, NULL, readable);
    properties[PROP_MESSAGE] = g_param_spec_string ("message", NULL, NULL, NULL, flags);
    g_object_class_install_properties (object_class, N_PROPS, properties);

    gtk_widget_class_set_css_name (widget_class, "console");
    /* What has its own keys and takes all of ours. */
    gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_APPLICATION);
}

static void
posada_console_init (PosadaConsole *self)
{
    GtkWidget *widget = GTK_WIDGET (self);
    GtkEventController *events = gtk_event_controller_legacy_new ();
    GtkEventController *motion = gtk_event_controller_motion_new ();

    self->painter = console_painter_new ();
    self->keyboard = console_keyboard_new ();
    self->grab = console_grab_new (widget, self->keyboard, grab_changed_cb, activity_cb);
    console_pointer_init (&self->pointer);
    console_resize_init (&self->resize);

    self->label = gtk_label_new (NULL);
    gtk_label_set_ellipsize (GTK_LABEL (self->label), PANGO_ELLIPSIZE_END);
    gtk_widget_add_css_class (self->label, "title-2");
    gtk_widget_set_can_target (self->label, FALSE);
    gtk_widget_set_parent (self->label, widget);
    update_label (self);

    gtk_widget_set_focusable (widget, TRUE);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    _ ("Console"), -1);
    g_signal_connect (events, "event", G_CALLBACK (event_cb), self);
    gtk_widget_add_controller (widget, events);
    g_signal_connect (motion, "enter", G_CALLBACK (enter_cb), self);
    g_signal_connect (motion, "leave", G_CALLBACK (leave_cb), self);
    gtk_widget_add_controller (widget, motion);
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
    return self->scaling;
}

void
posada_console_set_scaling (PosadaConsole *self, PosadaConsoleScaling scaling)
{
    g_return_if_fail (POSADA_IS_CONSOLE (self));

    if (self->scaling == scaling)
        return;
    self->scaling = scaling;
    self->pan_x = self->pan_y = 0;
    console_resize_set_enabled (&self->resize, scaling == POSADA_CONSOLE_RESIZE_GUEST);
    update_geometry (self);
    gtk_widget_queue_draw (GTK_WIDGET (self));
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SCALING]);
}

gboolean
posada_console_get_grabbed (PosadaConsole *self)
{
    g_return_val_if_fail (POSADA_IS_CONSOLE (self), FALSE);
    return console_grab_is_active (self->grab);
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
    update_label (self);
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
