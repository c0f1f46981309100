/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What passt.c adds to a net: the process at the other end. */
#pragma once

#include <sys/types.h>

#include "net/net.h"

#define NET_LINE 256

/* The process @pid, to be ended and reaped by net_close (), and the pipe of what it says, which is
 * taken over. */
void net_set_process (struct net *net, pid_t pid, int messages_fd);
/* The last thing worth knowing of what a process said, as one clean line; "" if there is none. */
void net_last_line (const char *text, size_t length, char line[NET_LINE]);
/* Ends a child of ours, if it has not already, and waits for that. */
void net_end_process (pid_t pid);
