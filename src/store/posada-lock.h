/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks on files, one holder among all processes, gone with the last one that has the descriptor
 * (also where a process was killed). The holder's number is in the file. Any thread; blocking is
 * said where it happens.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PosadaLock PosadaLock;

/* POSADA_STORE_ERROR_BUSY, naming @what and the holder's process, if there is one. */
PosadaLock *posada_lock_try (const char *path, const char *what, GError **error);
/* Waits for the holder, a few milliseconds for those that follow the rules. */
PosadaLock *posada_lock_wait (const char *path, GError **error);
/* NULL is fine. */
void posada_lock_free (PosadaLock *self);

/* The process that holds the lock at @path; 0: nobody, -1: somebody who did not say. */
pid_t posada_lock_get_holder (const char *path);

/* Lets the next program in this process keep the lock, which stands behind the descriptor
 * returned. */
int posada_lock_pass_on (PosadaLock *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaLock, posada_lock_free)

G_END_DECLS
