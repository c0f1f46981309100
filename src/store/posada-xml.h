/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XML as this room needs it: files of strangers are read without network, DTD or entities and
 * within bounds; elements are found by name and added at the place that libvirt gives them.
 * Everything not touched stays as it is, but for the white space between elements. Any thread, one
 * at a time for each document.
 */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

#define POSADA_XML_MAX_BYTES      (4u << 20)
#define POSADA_XML_MAX_DEPTH      64
#define POSADA_XML_MAX_ELEMENTS   50000
#define POSADA_XML_MAX_ATTRIBUTES 256 /* of one element */

/* The order of some elements' children: names in the order of libvirt's own output, then NULL. */
typedef const char *const *PosadaXmlOrder;

/* @length bytes of UTF-8. Never prints. */
xmlDoc *posada_xml_parse (const char *text, gsize length, GError **error);
/* Indented by two spaces, without an XML declaration, as libvirt writes its files. */
char *posada_xml_write (xmlDoc *doc);

/* The first, and the next, child element called @name outside of any namespace. @node may be
 * NULL. */
xmlNode *posada_xml_child (xmlNode *node, const char *name);
xmlNode *posada_xml_next (xmlNode *node, const char *name);
/* The same for any name, and for names of a namespace. */
xmlNode *posada_xml_first_element (xmlNode *node);
xmlNode *posada_xml_next_element (xmlNode *node);
xmlNode *posada_xml_child_ns (xmlNode *node, const char *name, const char *ns);

/* Adds a child behind all that @order puts before it or does not know. */
xmlNode *posada_xml_add (xmlNode *node, const char *name, PosadaXmlOrder order);
/* The first child called @name, added if there is none. */
xmlNode *posada_xml_ensure (xmlNode *node, const char *name, PosadaXmlOrder order);
/* Removes each child called @name. */
void posada_xml_remove (xmlNode *node, const char *name);
/* Unlinks and frees @node. */
void posada_xml_drop (xmlNode *node);

/* Text of an element, without white space around it; NULL if there is no element or no text. */
char *posada_xml_text (xmlNode *node);
char *posada_xml_child_text (xmlNode *node, const char *name);
void posada_xml_set_text (xmlNode *node, const char *text);
/* Sets the child's text; NULL removes it. */
void
posada_xml_set_child_text (xmlNode *node, const char *name, PosadaXmlOrder order, const char *text);

/* An attribute outside of any namespace; NULL if @node is NULL or has none. */
char *posada_xml_attribute (xmlNode *node, const char *name);
gboolean posada_xml_attribute_is (xmlNode *node, const char *name, const char *value);
/* NULL removes it. */
void posada_xml_set_attribute (xmlNode *node, const char *name, const char *value);

/* Whether @text can stand in XML 1.0 (2.2): UTF-8 without control characters but tab and newline.
 */
gboolean posada_xml_is_text (const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

G_END_DECLS
