/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application: one instance, one window, and the machines that live as long as it does.
 * Actions: “app.new-machine”, “app.new-from” (a URI), “app.open-console” (a UUID), “app.present”,
 * “app.preferences”, “app.shortcuts”, “app.about”, “app.quit”. Main
 * thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define POSADA_TYPE_APPLICATION (posada_application_get_type ())
G_DECLARE_FINAL_TYPE (PosadaApplication, posada_application, POSADA, APPLICATION, AdwApplication)

PosadaApplication *posada_application_new (void);

G_END_DECLS
