/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page of the wizard: shows a draft, sets its values, and knows no other page. It gets on by
 * actions of the wizard: "wizard.choose" (a URI and a PosadaMediumKind; an empty URI for a machine
 * without a source), "wizard.create", "wizard.cancel", and "navigation.push" with the tag of
 * another page. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "wizard/posada-draft.h"

G_BEGIN_DECLS

#define POSADA_TYPE_WIZARD_PAGE (posada_wizard_page_get_type ())
G_DECLARE_DERIVABLE_TYPE (PosadaWizardPage, posada_wizard_page, POSADA, WIZARD_PAGE,
                          AdwNavigationPage)

struct _PosadaWizardPageClass {
    AdwNavigationPageClass parent_class;

    /* Each may be NULL. Something in the draft is another than before; also called once when the
     * page gets it. */
    void (*update) (PosadaWizardPage *self, PosadaDraft *draft);
    /* The page comes into view. */
    void (*appear) (PosadaWizardPage *self);
};

PosadaDraft *posada_wizard_page_get_draft (PosadaWizardPage *self);
void posada_wizard_page_set_draft (PosadaWizardPage *self, PosadaDraft *draft);
/* Pressed by Enter in an entry, and where the focus is when the page appears; each may be NULL. */
void posada_wizard_page_set_widgets (PosadaWizardPage *self, GtkWidget *default_widget,
                                     GtkWidget *first_focus);

/* Asks for a file with one of @suffixes, or any if that is NULL. @chosen is not called if nothing
 * is chosen. */
typedef void (*PosadaFileChosen) (PosadaWizardPage *self, GFile *file);
void
posada_wizard_page_ask_file (PosadaWizardPage *self, const char *title, const char *filter_name,
                             const char *const *suffixes, PosadaFileChosen chosen);
void posada_wizard_page_choose (PosadaWizardPage *self, GFile *file, PosadaMediumKind kind);

/* Says @problem, or @otherwise if there is none, below the title of @row; a new problem is read out
 * where somebody listens. */
void posada_wizard_page_say (AdwActionRow *row, const char *problem, const char *otherwise);

G_END_DECLS
