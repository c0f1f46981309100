/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket: a UNIX stream socket, mode 0600, on which each line is a command and is
 * answered by one line of JSON, in order. What the commands are is its owner's business. Lines,
 * clients and unread answers are bounded, whatever a client does. The loop's thread only.
 */
#pragma once

#include "base/error.h"
#include "base/loop.h"

#define CONTROL_MAX_LINE    4096 /* bytes, with the newline */
#define CONTROL_MAX_CLIENTS 16

struct control;
struct control_client;

/*
 * Called with each command, a line of clean UTF-8 without its newline (it may be written to). The
 * client's next command comes only after control_reply (), which may be called at once or later,
 * and must be called exactly once, though the client may be gone by then.
 */
typedef void (*control_command_fn) (void *data, struct control_client *client, char *line);

/*
 * Listens on @path. -EADDRINUSE when a living process does so already, -EEXIST when something else
 * than a socket is there; the socket that a dead process left behind is replaced.
 */
int control_create (const char *path, struct vmm_loop *loop, control_command_fn command, void *data,
                    struct control **ret_control, struct vmm_error *error);
/* Closes everything and removes the socket. Commands without an answer never get one. NULL is
 * fine. */
void control_destroy (struct control *control);

/* Answers with @json (one line without its newline; NULL: out of memory), which is freed. */
void control_reply (struct control_client *client, char *json);
/* {"ok":true} */
void control_reply_ok (struct control_client *client);
/* {"ok":false,"error":…} */
void control_reply_error (struct control_client *client, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
