/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console measured: a machine's screen that changes, and the widget that shows it.
 *
 *   serve SOCKET KIND RATE SECONDS   the screen alone, for viewers on that UNIX socket
 *   view SOCKET SECONDS              our widget over SPICE
 *   direct KIND RATE SECONDS         our widget and the screen in one process, without SPICE
 *
 * KIND is full, tenth (of the screen changes) or storm (of sizes); RATE is frames a second, 0 as
 * many as possible. Every frame has its number in the first pixel. Afterwards they say when they
 * wrote ("w NUMBER NS") or painted ("s NUMBER NS") which frame for the first time, how much CPU
 * time they took ("cpu NS") and how long the main loop stood still at most ("stall NS").
 */
#include <gtk/gtk.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include "console/posada-console.h"
#include "display/spice-sink.h"
#include "machine/posada-kvm-display.h"
#include "machine/posada-kvm-screen.h"
#include "machine/posada-spice-display.h"

#define WIDTH      1920
#define HEIGHT     1080
#define MAX_FRAMES 100000

static gint64
now_ns (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

static gint64
cpu_ns (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return ((gint64) usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
           ((gint64) usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* --- the screen --- */

typedef struct {
    struct display *display;
    struct input *input;
    pthread_mutex_t lock;
    uint32_t *pixels;
    const char *kind;
    int rate;
    GThread *thread;
    atomic_bool stop;
    gint64 *written; /* by number */
    guint n_frames;
} Screen;

static void
refresh_cb (void *data)
{
}

static const struct display_source_ops source_ops = {.refresh = refresh_cb};

static void
draw (Screen *self, guint number)
{
    gboolean tenth = g_str_equal (self->kind, "tenth");
    guint rows = tenth ? HEIGHT / 10 : HEIGHT;

    pthread_mutex_lock (&self->lock);
    if (g_str_equal (self->kind, "storm") && number % 2) {
        struct display_scanout scanout = {.pixels = self->pixels,
                                          .width = WIDTH / 2 + number % 64 * 8,
                                          .height = HEIGHT / 2 + number % 32 * 8,
                                          .stride = WIDTH * 4};

        display_set_scanout (self->display, &scanout);
    }
    for (gsize i = 0; i < (gsize) rows * WIDTH; i++)
        self->pixels[i] = (number * 2654435761u ^ (uint32_t) i) & 0xffffff;
    self->pixels[0] = number;
    self->written[number] = now_ns ();
    display_damage (self->display, 0, 0, WIDTH, rows);
    pthread_mutex_unlock (&self->lock);
}

static gpointer
screen_thread (gpointer data)
{
    Screen *self = data;
    gint64 due = now_ns ();

    for (guint number = 1; number < MAX_FRAMES && !atomic_load (&self->stop); number++) {
        draw (self, number);
        self->n_frames = number;
        if (!self->rate) {
            g_usleep (200);
            continue;
        }
        due += 1000000000 / self->rate;
        if (due > now_ns ())
            g_usleep ((gulong) ((due - now_ns ()) / 1000));
    }
    return NULL;
}

static void
screen_start (Screen *self, const char *kind, const char *rate)
{
    struct display_scanout scanout = {.width = WIDTH, .height = HEIGHT, .stride = WIDTH * 4};

    *self = (Screen) {.kind = kind, .rate = atoi (rate)};
    pthread_mutex_init (&self->lock, NULL);
    self->pixels = g_new0 (uint32_t, WIDTH *HEIGHT);
    self->written = g_new0 (gint64, MAX_FRAMES);
    scanout.pixels = self->pixels;
    if (display_create (&self->display) < 0 || input_create (&self->input) < 0)
        g_error ("no memory");
    display_set_source (self->display, &source_ops, self, &self->lock);
    pthread_mutex_lock (&self->lock);
    display_set_scanout (self->display, &scanout);
    pthread_mutex_unlock (&self->lock);
}

static void
screen_run (Screen *self)
{
    self->thread = g_thread_new ("guest", screen_thread, self);
}

static void
screen_stop (Screen *self)
{
    atomic_store (&self->stop, true);
    g_thread_join (self->thread);
    for (guint number = 1; number <= self->n_frames; number++)
        printf ("w %u %" G_GINT64_FORMAT "\n", number, self->written[number]);
}

/* --- a display that knows which frame was read of another --- */

#define STAMP_TYPE_DISPLAY (stamp_display_get_type ())
G_DECLARE_FINAL_TYPE (StampDisplay, stamp_display, STAMP, DISPLAY, PosadaDisplay)

struct _StampDisplay {
    PosadaDisplay parent_instance;

    PosadaDisplay *inner;
    guint32 stamp;
};

G_DEFINE_FINAL_TYPE (StampDisplay, stamp_display, POSADA_TYPE_DISPLAY)

static void
stamp_request_frame (PosadaDisplay *display)
{
    posada_display_request_frame (STAMP_DISPLAY (display)->inner);
}

static gboolean
stamp_read_damage (PosadaDisplay *display, guint32 *pixels, guint stride, PosadaRectangle *damage)
{
    StampDisplay *self = STAMP_DISPLAY (display);

    if (!posada_display_read_damage (self->inner, pixels, stride, damage))
        return FALSE;
    if (damage->x == 0 && damage->y == 0)
        self->stamp = pixels[0] & 0xffffff;
    return TRUE;
}

static void
stamp_damage_all (PosadaDisplay *display)
{
    posada_display_damage_all (STAMP_DISPLAY (display)->inner);
}

static void
stamp_dispose (GObject *object)
{
    StampDisplay *self = STAMP_DISPLAY (object);

    if (self->inner)
        g_signal_handlers_disconnect_by_data (self->inner, self);
    g_clear_object (&self->inner);

    G_OBJECT_CLASS (stamp_display_parent_class)->dispose (object);
}

static void
stamp_display_class_init (StampDisplayClass *klass)
{
    PosadaDisplayClass *display_class = POSADA_DISPLAY_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = stamp_dispose;
    display_class->request_frame = stamp_request_frame;
    display_class->read_damage = stamp_read_damage;
    display_class->damage_all = stamp_damage_all;
}

static void
stamp_display_init (StampDisplay *self)
{
}

static void
size_cb (StampDisplay *self)
{
    posada_display_set_size (POSADA_DISPLAY (self), posada_display_get_width (self->inner),
                             posada_display_get_height (self->inner));
}

/* Takes @inner. */
static StampDisplay *
stamp_display_new (PosadaDisplay *inner)
{
    StampDisplay *self = g_object_new (STAMP_TYPE_DISPLAY, NULL);

    self->inner = inner;
    g_signal_connect_swapped (inner, "damaged", G_CALLBACK (posada_display_emit_damaged), self);
    g_signal_connect_swapped (inner, "notify::width", G_CALLBACK (size_cb), self);
    g_signal_connect_swapped (inner, "notify::height", G_CALLBACK (size_cb), self);
    size_cb (self);
    return self;
}

/* --- the widget --- */

typedef struct {
    StampDisplay *display;
    GArray *painted; /* of gint64: number, time, … */
    guint32 last;
    gint64 turn, stall, begin;
    GMainLoop *loop;
} View;

static void
painted_cb (GdkFrameClock *clock, View *view)
{
    gint64 entry[2] = {view->display->stamp, now_ns ()};

    if (view->display->stamp == view->last)
        return;
    view->last = view->display->stamp;
    g_array_append_vals (view->painted, entry, 2);
}

static gboolean
turn_cb (gpointer data)
{
    View *view = data;
    gint64 now = now_ns ();

    if (view->turn && now - view->begin > 1000000000)
        view->stall = MAX (view->stall, now - view->turn);
    view->turn = now;
    return G_SOURCE_CONTINUE;
}

static gboolean
end_cb (gpointer data)
{
    g_main_loop_quit (data);
    return G_SOURCE_REMOVE;
}

static void
show (StampDisplay *display, int seconds)
{
    View view = {.display = display, .begin = now_ns ()};
    GtkWidget *window = gtk_window_new (), *console = posada_console_new ();
    gint64 before;

    view.painted = g_array_new (FALSE, FALSE, sizeof (gint64));
    view.loop = g_main_loop_new (NULL, FALSE);
    gtk_window_set_decorated (GTK_WINDOW (window), FALSE);
    gtk_window_set_default_size (GTK_WINDOW (window), WIDTH, HEIGHT);
    gtk_window_set_child (GTK_WINDOW (window), console);
    posada_console_set_display (POSADA_CONSOLE (console), POSADA_DISPLAY (display));
    gtk_window_present (GTK_WINDOW (window));
    g_signal_connect (gtk_widget_get_frame_clock (window), "after-paint", G_CALLBACK (painted_cb),
                      &view);
    g_timeout_add_full (G_PRIORITY_HIGH, 4, turn_cb, &view, NULL);
    g_timeout_add_seconds ((guint) seconds, end_cb, view.loop);
    before = cpu_ns ();
    g_main_loop_run (view.loop);
    printf ("cpu %" G_GINT64_FORMAT "\nstall %" G_GINT64_FORMAT "\n", cpu_ns () - before,
            view.stall);
    for (guint i = 0; i < view.painted->len; i += 2)
        printf ("s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
                g_array_index (view.painted, gint64, i),
                g_array_index (view.painted, gint64, i + 1));
    fflush (stdout);
}

static void
direct (const char *kind, const char *rate, int seconds)
{
    PosadaKvmScreen *shown;
    Screen screen;

    screen_start (&screen, kind, rate);
    shown = posada_kvm_screen_new (screen.display, screen.input);
    screen_run (&screen);
    show (stamp_display_new (posada_kvm_display_new (shown)), seconds);
    screen_stop (&screen);
}

static void
serve (const char *socket, const char *kind, const char *rate, int seconds)
{
    struct vmm_error error = {0};
    struct spice_sink *sink;
    Screen screen;
    gint64 before;

    screen_start (&screen, kind, rate);
    if (spice_sink_create (&(struct spice_sink_config) {.display = screen.display,
                                                        .input = screen.input,
                                                        .socket = socket},
                           &sink, &error) < 0)
        g_error ("%s", error.message);
    puts ("ready");
    fflush (stdout);
    while (!spice_sink_has_viewer (sink))
        g_usleep (10000);
    before = cpu_ns ();
    screen_run (&screen);
    g_usleep ((gulong) seconds * G_USEC_PER_SEC);
    printf ("cpu %" G_GINT64_FORMAT "\n", cpu_ns () - before);
    screen_stop (&screen);
    spice_sink_destroy (sink);
}

int
main (int argc, char **argv)
{
    if (argc == 6 && g_str_equal (argv[1], "serve")) {
        serve (argv[2], argv[3], argv[4], atoi (argv[5]));
        return 0;
    }
    gtk_init ();
    if (argc == 5 && g_str_equal (argv[1], "direct"))
        direct (argv[2], argv[3], atoi (argv[4]));
    else if (argc == 4 && g_str_equal (argv[1], "view")) {
        g_autofree char *uri = g_strconcat ("spice+unix://", argv[2], NULL);

        show (stamp_display_new (posada_spice_display_new_for_uri (uri, NULL, NULL, NULL)),
              atoi (argv[3]));
    } else
        return 1;
    return 0;
}
