/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One disk of a list, or one drive: what it is, and a menu of "disk." actions with its target as
 * their parameter.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-disk-info.h"

G_BEGIN_DECLS

#define POSADA_TYPE_DISK_ROW (posada_disk_row_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDiskRow, posada_disk_row, POSADA, DISK_ROW, AdwExpanderRow)

GtkWidget *posada_disk_row_new (const char *target);
/* Another look at the same disk. */
void posada_disk_row_set_info (PosadaDiskRow *self, PosadaDiskInfo *info);

/* A drive has nothing to unfold: it is a plain row. */
GtkWidget *posada_drive_row_new (const char *target);
void posada_drive_row_set_info (GtkWidget *row, PosadaDiskInfo *info);

G_END_DECLS
