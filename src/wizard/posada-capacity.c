/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-capacity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static PosadaCapacity *
posada_capacity_copy (const PosadaCapacity *self)
{
    return g_memdup2 (self, sizeof *self);
}

G_DEFINE_BOXED_TYPE (PosadaCapacity, posada_capacity, posada_capacity_copy, g_free)

/* In bytes: a line of /proc/meminfo (proc_meminfo(5)). */
static guint64
find_memory (const char *text, const char *key)
{
    const char *line = strstr (text, key);
    guint64 kib = line ? g_ascii_strtoull (line + strlen (key), NULL, 10) : 0;

    return kib ? kib * 1024 : G_MAXUINT64;
}

/* Of the file system that @folder is on, or will be. */
static guint64
find_space (const char *folder)
{
    g_autofree char *place = g_strdup (folder);
    struct statvfs system;

    while (statvfs (place, &system) < 0) {
        g_autofree char *parent = g_path_get_dirname (place);

        if (errno != ENOENT || strcmp (parent, place) == 0)
            return G_MAXUINT64;
        g_free (place);
        place = g_steal_pointer (&parent);
    }
    return (guint64) system.f_bavail * system.f_frsize;
}

static DexFuture *
measure_cb (gpointer data)
{
    PosadaCapacity *self = g_new (PosadaCapacity, 1);
    g_autofree char *text = NULL;

    if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
        text = g_strdup ("");
    *self = (PosadaCapacity) {
        .memory = find_memory (text, "MemTotal:"),
        .free_memory = find_memory (text, "MemAvailable:"),
        .free_space = find_space (data),
        .cpus = g_get_num_processors (),
    };
    return dex_future_new_take_boxed (POSADA_TYPE_CAPACITY, self);
}

DexFuture *
posada_capacity_measure (const char *folder)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, measure_cb,
                                g_strdup (folder), g_free);
}
