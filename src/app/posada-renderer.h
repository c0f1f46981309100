/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What windows are painted by. Before GTK starts, and before there is a second thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keeps GTK from OpenGL and Vulkan, by its environment, if there is no device for them below
 * @devices, which is "/dev". Who has chosen a renderer keeps it. */
void posada_renderer_choose (const char *devices);

G_END_DECLS
