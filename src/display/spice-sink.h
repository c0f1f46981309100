/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SPICE sink: a display and an input, offered to a SPICE viewer by libspice-server on a thread
 * of its own. Nobody else's thread ever waits for a viewer. One viewer at a time: the next one
 * takes over. Who wants several makes several sinks of one display.
 *
 * A limit of libspice-server 0.15.2: a viewer, admitted and with the right password, that dies in
 * the moment between opening its display and the first message on it takes this process along.
 *
 * Viewers come over descriptors that are handed over (nothing listens), through a UNIX socket, or
 * over the network with TLS and a password.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "display/display.h"
#include "display/input.h"

#define SPICE_MAX_PASSWORD 60

struct spice_sink;

struct spice_sink_config {
    struct display *display; /* both outlive the sink */
    struct input *input;
    const char *name; /* of the machine; may be NULL */
    uint8_t uuid[16];
    struct vmm_log log;

    const char *socket; /* path of a UNIX socket to make, for this user alone; NULL: none */

    unsigned port;       /* 0: none */
    const char *address; /* to listen on; NULL: all of this host's */
    const char *password;
    const char *certificate, *key, *authority; /* PEM files */
};

/*
 * Takes some milliseconds, so not on a thread that must not wait; the same goes for destroying.
 * Fails with a sentence where somebody else has the port, or the socket cannot be made.
 */
int spice_sink_create (const struct spice_sink_config *config, struct spice_sink **ret_sink,
                       struct vmm_error *error);
/* Viewers are cut off, the socket is removed. NULL is fine. */
void spice_sink_destroy (struct spice_sink *sink);

/* Hands over the end of a connection (owned by the sink from now on, whatever happens), without
 * asking for a password. Any thread; waits for nobody. */
int spice_sink_add_viewer (struct spice_sink *sink, int fd);
/* A new connection: *@ret_fd is the viewer's end. Any thread; waits for nobody. */
int spice_sink_connect (struct spice_sink *sink, int *ret_fd);
/* Whether a viewer looks at the picture. Any thread. */
bool spice_sink_has_viewer (struct spice_sink *sink);
