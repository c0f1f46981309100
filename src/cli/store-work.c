/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/store-work.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRESS_MS 200

struct watch {
    const struct store_work *work;
    gpointer data;
    GMainLoop *loop;
    gboolean shown;
};

static gboolean
done_cb (gpointer data)
{
    g_main_loop_quit (data);
    return G_SOURCE_REMOVE;
}

static gpointer
work_thread (gpointer data)
{
    struct watch *watch = data;

    watch->work->run (watch->data);
    g_idle_add (done_cb, watch->loop);
    return NULL;
}

static gboolean
progress_cb (gpointer data)
{
    struct watch *watch = data;
    double progress = watch->work->get_progress (watch->data);

    if (progress >= 0) {
        fprintf (stderr, "\r%3.0f %%", 100 * progress);
        watch->shown = TRUE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
signal_cb (gpointer data)
{
    struct watch *watch = data;

    watch->work->cancel (watch->data);
    return G_SOURCE_CONTINUE;
}

void
store_work_run (const struct store_work *work, gpointer data)
{
    struct watch watch = {work, data, g_main_loop_new (NULL, FALSE), FALSE};
    GThread *thread;

    g_unix_signal_add (SIGINT, signal_cb, &watch);
    g_unix_signal_add (SIGTERM, signal_cb, &watch);
    if (isatty (STDERR_FILENO))
        g_timeout_add (PROGRESS_MS, progress_cb, &watch);
    thread = g_thread_new ("posada-work", work_thread, &watch);
    g_main_loop_run (watch.loop);
    g_thread_join (thread);
    while (g_source_remove_by_user_data (&watch))
        ;
    if (watch.shown)
        fputs ("\r     \r", stderr);
    g_main_loop_unref (watch.loop);
}
