/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it means that this host runs no machines, or not every one, and what to do about it. Main
 * thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-host.h"

G_BEGIN_DECLS

/* A few words for @host, which is not usable. */
const char *posada_host_dialog_get_title (const PosadaHost *host);
AdwDialog *posada_host_dialog_new (const PosadaHost *host);

G_END_DECLS
