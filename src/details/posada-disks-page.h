/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks and drives of one machine, and all that is done to them. What goes wrong is said in the
 * page. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-disk-care.h"

G_BEGIN_DECLS

#define POSADA_TYPE_DISKS_PAGE (posada_disks_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDisksPage, posada_disks_page, POSADA, DISKS_PAGE, AdwNavigationPage)

GtkWidget *posada_disks_page_new (void);
/* NULL: none. */
void posada_disks_page_set_machine (PosadaDisksPage *self, PosadaMachine *machine);
/* Asks how to use a file that was chosen as a disk. */
void posada_disks_page_add_file (PosadaDisksPage *self, GFile *file);

/* --- for its dialogs --- */

PosadaDiskCare *posada_disks_page_get_care (PosadaDisksPage *self);
/* Takes @future; says @toast, which may be NULL, when it is done. */
void posada_disks_page_follow (PosadaDisksPage *self, DexFuture *future, const char *toast);
void posada_disks_page_complain (PosadaDisksPage *self, const char *sentence);
void posada_disks_page_toast (PosadaDisksPage *self, const char *text);

G_END_DECLS
