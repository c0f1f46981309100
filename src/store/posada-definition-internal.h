/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files that make up PosadaDefinition share. The thread of the definition.
 */
#pragma once

#include "store/posada-definition.h"
#include "store/posada-xml.h"

G_BEGIN_DECLS

extern const char *const posada_domain_order[];
extern const char *const posada_os_order[];
extern const char *const posada_device_order[];

xmlNode *posada_definition_root (PosadaDefinition *self);
/* NULL if there is none. */
xmlNode *posada_definition_section (PosadaDefinition *self, const char *name);
/* Made if there is none. */
xmlNode *posada_definition_ensure_section (PosadaDefinition *self, const char *name);
/* Called after an edit. */
void posada_definition_changed (PosadaDefinition *self);

/* Whether @text, which may be NULL, can be the text of <@element>: clean, at most @max bytes. */
gboolean posada_check_text (const char *text, gsize max, const char *element, GError **error);
/* The same for a file name: absolute, on one line. */
gboolean posada_check_path (const char *path, const char *element, GError **error);

/* Checks of one file's sections after parsing. */
gboolean posada_definition_check_cpu (PosadaDefinition *self, GError **error);
gboolean posada_definition_check_boot (PosadaDefinition *self, GError **error);
gboolean posada_definition_check_metadata (PosadaDefinition *self, GError **error);
gboolean posada_definition_check_devices (PosadaDefinition *self, GError **error);

/* Removes all <boot order> of devices. */
void posada_definition_drop_boot_orders (PosadaDefinition *self);

G_END_DECLS
