/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The serial line of a running machine, as a terminal uses it: a stream of bytes both ways. What
 * the machine said lately is kept, so that a terminal that is opened late has something to show,
 * and any number of them may listen. Main thread; nothing waits for the guest.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define POSADA_TYPE_SERIAL (posada_serial_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSerial, posada_serial, POSADA, SERIAL, GObject)

#define POSADA_SERIAL_BACKLOG     (256 * 1024)
#define POSADA_SERIAL_MAX_PENDING (1024 * 1024)

/*
 * Signals: "received" (GBytes, as they came), "closed" (the machine stopped, or its end is gone; at
 * most once).
 *
 * Takes @fd, a stream socket.
 */
PosadaSerial *posada_serial_new (int fd);
/* Nothing comes any more, the backlog stays; "closed" if that is news. */
void posada_serial_close (PosadaSerial *self);
gboolean posada_serial_is_closed (PosadaSerial *self);

/* Queues @text for the guest, which takes it at its own pace. FALSE, and nothing of it is sent, if
 * more than POSADA_SERIAL_MAX_PENDING would wait, or the line is closed. */
gboolean posada_serial_send (PosadaSerial *self, const char *text, gsize length);
/* The latest bytes the guest sent, at most POSADA_SERIAL_BACKLOG. */
GBytes *posada_serial_get_backlog (PosadaSerial *self);

G_END_DECLS
