/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the disks page asks before it does something. Each is one dialog above the page. */
#pragma once

#include "details/posada-disks-page.h"

G_BEGIN_DECLS

void posada_disk_dialogs_create (PosadaDisksPage *page);
/* @format: what it is as far as anybody knows, or NULL. */
void posada_disk_dialogs_add (PosadaDisksPage *page, const char *path, const char *format);
void posada_disk_dialogs_resize (PosadaDisksPage *page, PosadaDiskInfo *info);
void posada_disk_dialogs_compact (PosadaDisksPage *page, PosadaDiskInfo *info);
void posada_disk_dialogs_convert (PosadaDisksPage *page, PosadaDiskInfo *info);
void posada_disk_dialogs_make_independent (PosadaDisksPage *page, PosadaDiskInfo *info);
void posada_disk_dialogs_remove (PosadaDisksPage *page, PosadaDiskInfo *info);
/* Not before but after: @found are the bits of a check. */
void posada_disk_dialogs_found (PosadaDisksPage *page, PosadaDiskInfo *info, guint found);

G_END_DECLS
