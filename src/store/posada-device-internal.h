/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the devices share. The thread of the definition.
 */
#pragma once

#include "store/posada-definition-internal.h"
#include "store/posada-device.h"

G_BEGIN_DECLS

/* <@element> number @index in <devices>; NULL, with @error set, if there is none. */
xmlNode *
posada_device_at (PosadaDefinition *self, const char *element, unsigned index, GError **error);
xmlNode *posada_device_add (PosadaDefinition *self, const char *element);

/* Place of the attribute's value in @names; @fallback if it is there but none of them,
 * @missing if it is not there. */
int posada_device_read_name (xmlNode *node, const char *attribute, const char *const *names,
                             int n_names, int fallback, int missing);

/* <boot order>. Reading and writing one that is out of bounds or somebody else's fails. */
unsigned posada_device_read_boot (xmlNode *device);
gboolean posada_device_check_boot (PosadaDefinition *self, xmlNode *device, unsigned boot_order,
                                   GError **error);
void posada_device_write_boot (PosadaDefinition *self, xmlNode *device, unsigned boot_order,
                               PosadaXmlOrder order);

/* Adds the <portForward> of @node. */
gboolean posada_forwards_read (xmlNode *node, PosadaInterface *interface, GError **error);

gboolean posada_check_disks (PosadaDefinition *self, GError **error);
gboolean posada_check_interfaces (PosadaDefinition *self, GError **error);
gboolean posada_check_graphics (PosadaDefinition *self, GError **error);

G_END_DECLS
