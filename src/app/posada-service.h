/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines of this process on the session bus, as store/posada-bus.h tells. Main thread.
 */
#pragma once

#include <gio/gio.h>

#include "app/posada-library.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SERVICE (posada_service_get_type ())
G_DECLARE_FINAL_TYPE (PosadaService, posada_service, POSADA, SERVICE, GObject)

/*
 * Signal "console-requested" (service, PosadaMachine): somebody wants to see its screen.
 */
PosadaService *posada_service_new (PosadaLibrary *library);
gboolean posada_service_export (PosadaService *self, GDBusConnection *connection, const char *path,
                                GError **error);
void posada_service_unexport (PosadaService *self);

G_END_DECLS
