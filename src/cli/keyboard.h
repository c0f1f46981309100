/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys on their way to a guest at the pace of a quick typist: firmware and boot loaders lose what
 * comes faster. Everything is queued in order, and whoever asked is told when their keys are
 * through. The loop's thread only.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"

struct input;
struct keyboard;

/* @input and @loop are borrowed. */
int keyboard_create (struct vmm_loop *loop, struct input *input, struct keyboard **ret_keyboard);
/* Forgets what is queued. NULL is fine. */
void keyboard_destroy (struct keyboard *keyboard);

/*
 * Queues what types @text, in which \n, \t and \\ stand for Enter, Tab and a backslash, on a US
 * keyboard, then a call of @done. -EINVAL for a character that no key types, -ENOSPC when too much
 * is queued; nothing is queued then.
 */
int
keyboard_type (struct keyboard *keyboard, const char *text, void (*done) (void *data), void *data);
/* Queues a chord such as "ctrl-alt-del", as keyboard_type () does. */
int keyboard_chord (struct keyboard *keyboard, const char *chord, void (*done) (void *data),
                    void *data);
