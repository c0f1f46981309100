/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands between the main thread and the devices of one running machine: a thread of its own asks
 * the display for pictures and hands input on, because either takes a device's lock, which the main
 * thread must never wait for. What was drawn is copied into a shadow buffer, behind a lock that is
 * held for no longer than one copy.
 *
 * Created and freed on any thread; the others are for the main thread and do not wait.
 */
#pragma once

#include <glib.h>

#include "display/display.h"
#include "display/input.h"
#include "machine/posada-display.h"

typedef struct _PosadaKvmScreen PosadaKvmScreen;

typedef enum {
    POSADA_KVM_INPUT_KEY,      /* .x code, .y down */
    POSADA_KVM_INPUT_ABSOLUTE, /* .x, .y, .buttons */
    POSADA_KVM_INPUT_RELATIVE, /* the same */
    POSADA_KVM_INPUT_SCROLL,   /* .x, .y */
    POSADA_KVM_INPUT_TOUCH,    /* .x, .y, .finger */
    POSADA_KVM_INPUT_LIFT,     /* the same */
    POSADA_KVM_INPUT_RELEASE,
    POSADA_KVM_INPUT_SIZE, /* .x, .y */
} PosadaKvmInputKind;

typedef struct {
    PosadaKvmInputKind kind;
    int x, y;
    guint buttons, finger;
} PosadaKvmInput;

typedef struct {
    guint width, height; /* 0: off */
    gboolean absolute, touch;
    PosadaLeds leds;
    PosadaCursor *cursor; /* a reference for the caller; NULL: the guest has none */
    int cursor_x, cursor_y;
    gboolean cursor_visible;
    gboolean damaged;
} PosadaKvmScreenStatus;

/* Watches @display until it is freed; both outlive it. */
PosadaKvmScreen *posada_kvm_screen_new (struct display *display, struct input *input);
/* Lets go of all keys. Waits for the devices. NULL is fine. */
void posada_kvm_screen_free (PosadaKvmScreen *self);

/* From now on @source (NULL: none any more), which has no other timing, is made ready when the
 * status is news: at once, and after that upon frames or when the guest changes its mode or its
 * cursor. What devices take and lights show is looked up with each frame asked for. */
void posada_kvm_screen_set_source (PosadaKvmScreen *self, GSource *source);
void posada_kvm_screen_get_status (PosadaKvmScreen *self, PosadaKvmScreenStatus *ret_status);
/* As posada_display_read_damage (). FALSE also if the picture is not @width × @height any more. */
gboolean posada_kvm_screen_read (PosadaKvmScreen *self, guint width, guint height, guint32 *pixels,
                                 guint stride, PosadaRectangle *ret_damage);
/* As posada_display_capture (). */
GBytes *posada_kvm_screen_capture (PosadaKvmScreen *self, guint *ret_width, guint *ret_height);
void posada_kvm_screen_damage_all (PosadaKvmScreen *self);
void posada_kvm_screen_request_frame (PosadaKvmScreen *self);
void posada_kvm_screen_send (PosadaKvmScreen *self, const PosadaKvmInput *input);
