/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Work of a verb that takes long: it is done on a thread, while the one that calls shows on a
 * terminal how far it is, and cancels it on Ctrl+C. Main thread.
 */
#pragma once

#include <glib.h>

struct store_work {
    void (*run) (gpointer data);            /* on the thread */
    double (*get_progress) (gpointer data); /* 0 to 1; negative: nobody knows yet */
    void (*cancel) (gpointer data);         /* soon run () returns; may come more than once */
};

/* Returns when the work has ended. */
void store_work_run (const struct store_work *work, gpointer data);
