/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The display of a machine that our own engine runs. Main thread.
 */
#pragma once

#include "machine/posada-kvm-screen.h"

G_BEGIN_DECLS

#define POSADA_TYPE_KVM_DISPLAY (posada_kvm_display_get_type ())
G_DECLARE_FINAL_TYPE (PosadaKvmDisplay, posada_kvm_display, POSADA, KVM_DISPLAY, PosadaDisplay)

/* @screen is borrowed until posada_kvm_display_close (). */
PosadaDisplay *posada_kvm_display_new (PosadaKvmScreen *screen);
/* Emits "closed"; after that the display is off for good. */
void posada_kvm_display_close (PosadaKvmDisplay *self);

G_END_DECLS
