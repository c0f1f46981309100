/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-serial.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 16384

struct _PosadaSerial {
    GObject parent_instance;

    int fd; /* -1 once closed */
    guint in_source, out_source;
    GByteArray *backlog; /* up to twice as much as is kept, so that cutting it is rare */
    GByteArray *pending;
};

G_DEFINE_FINAL_TYPE (PosadaSerial, posada_serial, G_TYPE_OBJECT)

enum {
    SIGNAL_RECEIVED,
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
keep (PosadaSerial *self, const guint8 *bytes, gsize length)
{
    g_byte_array_append (self->backlog, bytes, (guint) length);
    if (self->backlog->len > 2 * POSADA_SERIAL_BACKLOG)
        g_byte_array_remove_range (self->backlog, 0, self->backlog->len - POSADA_SERIAL_BACKLOG);
}

static gboolean
in_cb (int fd, GIOCondition condition, gpointer data)
{
    g_autoptr (PosadaSerial) self = g_object_ref (data);
    g_autoptr (GBytes) bytes = NULL;
    guint8 piece[PIECE];
    ssize_t length = recv (fd, piece, sizeof (piece), MSG_DONTWAIT);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (length <= 0) {
        self->in_source = 0;
        posada_serial_close (self);
        return G_SOURCE_REMOVE;
    }
    keep (self, piece, (gsize) length);
    bytes = g_bytes_new (piece, (gsize) length);
    g_signal_emit (self, signals[SIGNAL_RECEIVED], 0, bytes);
    return G_SOURCE_CONTINUE;
}

/* FALSE if the other end is gone. */
static gboolean
flush (PosadaSerial *self)
{
    while (self->pending->len > 0) {
        ssize_t length =
            send (self->fd, self->pending->data, self->pending->len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (length < 0)
            return errno == EAGAIN || errno == EINTR;
        g_byte_array_remove_range (self->pending, 0, (guint) length);
    }
    return TRUE;
}

static gboolean
out_cb (int fd, GIOCondition condition, gpointer data)
{
    PosadaSerial *self = data;

    /* A lost end is in_cb ()'s to tell. */
    if (flush (self) && self->pending->len > 0)
        return G_SOURCE_CONTINUE;
    self->out_source = 0;
    return G_SOURCE_REMOVE;
}

static void
shut (PosadaSerial *self)
{
    g_clear_handle_id (&self->in_source, g_source_remove);
    g_clear_handle_id (&self->out_source, g_source_remove);
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    g_byte_array_set_size (self->pending, 0);
}

static void
posada_serial_dispose (GObject *object)
{
    shut (POSADA_SERIAL (object));

    G_OBJECT_CLASS (posada_serial_parent_class)->dispose (object);
}

static void
posada_serial_finalize (GObject *object)
{
    PosadaSerial *self = POSADA_SERIAL (object);

    g_byte_array_unref (self->backlog);
    g_byte_array_unref (self->pending);

    G_OBJECT_CLASS (posada_serial_parent_class)->finalize (object);
}

static void
posada_serial_class_init (PosadaSerialClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_serial_dispose;
    G_OBJECT_CLASS (klass)->finalize = posada_serial_finalize;

    signals[SIGNAL_RECEIVED] = g_signal_new ("received", POSADA_TYPE_SERIAL, G_SIGNAL_RUN_LAST, 0,
                                             NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BYTES);
    signals[SIGNAL_CLOSED] = g_signal_new ("closed", POSADA_TYPE_SERIAL, G_SIGNAL_RUN_LAST, 0, NULL,
                                           NULL, NULL, G_TYPE_NONE, 0);
}

static void
posada_serial_init (PosadaSerial *self)
{
    self->fd = -1;
    self->backlog = g_byte_array_new ();
    self->pending = g_byte_array_new ();
}

PosadaSerial *
posada_serial_new (int fd)
{
    PosadaSerial *self = g_object_new (POSADA_TYPE_SERIAL, NULL);

    self->fd = fd;
    /* After painting: a guest that says much must not hold up what is seen. */
    self->in_source =
        g_unix_fd_add_full (G_PRIORITY_DEFAULT_IDLE, fd, G_IO_IN | G_IO_HUP, in_cb, self, NULL);
    return self;
}

void
posada_serial_close (PosadaSerial *self)
{
    g_return_if_fail (POSADA_IS_SERIAL (self));
    if (self->fd < 0)
        return;
    shut (self);
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0);
}

gboolean
posada_serial_is_closed (PosadaSerial *self)
{
    g_return_val_if_fail (POSADA_IS_SERIAL (self), TRUE);
    return self->fd < 0;
}

gboolean
posada_serial_send (PosadaSerial *self, const char *text, gsize length)
{
    g_return_val_if_fail (POSADA_IS_SERIAL (self), FALSE);

    if (self->fd < 0 || length > POSADA_SERIAL_MAX_PENDING - self->pending->len)
        return FALSE;
    g_byte_array_append (self->pending, (const guint8 *) text, (guint) length);
    if (flush (self) && self->pending->len > 0 && self->out_source == 0)
        self->out_source = g_unix_fd_add (self->fd, G_IO_OUT, out_cb, self);
    return TRUE;
}

GBytes *
posada_serial_get_backlog (PosadaSerial *self)
{
    gsize kept;

    g_return_val_if_fail (POSADA_IS_SERIAL (self), NULL);
    kept = MIN (self->backlog->len, POSADA_SERIAL_BACKLOG);
    if (kept == 0)
        return g_bytes_new (NULL, 0);
    return g_bytes_new (self->backlog->data + (self->backlog->len - kept), kept);
}
