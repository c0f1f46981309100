/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-xml.h"

#include <libxml/parser.h>
#include <libxml/xmlsave.h>
#include <string.h>

#include "store/posada-store-error.h"
#include "store/posada-xml-scan.h"

typedef xmlParserCtxt XmlParser;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (XmlParser, xmlFreeParserCtxt)

static gboolean
check_bytes (const char *text, gsize length, GError **error)
{
    const char *end;

    if (length > POSADA_XML_MAX_BYTES) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The XML is larger than 4 MiB");
        return FALSE;
    }
    if (!g_utf8_validate_len (text, length, &end)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The XML is not UTF-8 at byte %zu", (size_t) (end - text));
        return FALSE;
    }
    return posada_xml_scan (text, length, error);
}

static void
set_parse_error (GError **error, xmlParserCtxt *parser)
{
    const xmlError *reason = xmlCtxtGetLastError (parser);
    g_autofree char *message = NULL;

    if (!reason || !reason->message) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The XML is not well-formed");
        return;
    }
    message = g_utf8_make_valid (reason->message, -1);
    g_strdelimit (g_strstrip (message), "\n\r", ' ');
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                 "The XML is not well-formed in line %d: %s", reason->line, message);
}

xmlDoc *
posada_xml_parse (const char *text, gsize length, GError **error)
{
    g_autoptr (XmlParser) parser = NULL;
    g_autoptr (xmlDoc) doc = NULL;

    if (!check_bytes (text, length, error))
        return NULL;
    parser = xmlNewParserCtxt ();
    if (!parser)
        g_error ("Out of memory");
    /* Blank text between elements goes, so that additions come out indented like the rest. */
    doc = xmlCtxtReadMemory (parser, text, (int) length, NULL, "UTF-8",
                             XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR |
                                 XML_PARSE_NOWARNING);
    if (!doc || !parser->wellFormed || !parser->nsWellFormed || !xmlDocGetRootElement (doc)) {
        set_parse_error (error, parser);
        return NULL;
    }
    /* The scan has seen to that; this is in case it and the parser disagree. */
    if (doc->intSubset || doc->extSubset) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The XML has a document type, which is not allowed");
        return NULL;
    }
    return g_steal_pointer (&doc);
}

char *
posada_xml_write (xmlDoc *doc)
{
    xmlBuffer *buffer = xmlBufferCreate ();
    xmlSaveCtxt *saver =
        xmlSaveToBuffer (buffer, "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL | XML_SAVE_AS_XML);
    char *text;

    if (!buffer || !saver)
        g_error ("Out of memory");
    xmlSaveDoc (saver, doc);
    xmlSaveClose (saver);
    text = g_strndup ((const char *) xmlBufferContent (buffer), (gsize) xmlBufferLength (buffer));
    xmlBufferFree (buffer);
    return text;
}

static gboolean
is_element (const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !node->ns &&
           xmlStrEqual (node->name, (const xmlChar *) name);
}

static xmlNode *
find_from (xmlNode *node, const char *name)
{
    while (node && !is_element (node, name))
        node = node->next;
    return node;
}

xmlNode *
posada_xml_child (xmlNode *node, const char *name)
{
    return node ? find_from (node->children, name) : NULL;
}

xmlNode *
posada_xml_next (xmlNode *node, const char *name)
{
    return find_from (node->next, name);
}

xmlNode *
posada_xml_first_element (xmlNode *node)
{
    return node ? xmlFirstElementChild (node) : NULL;
}

xmlNode *
posada_xml_next_element (xmlNode *node)
{
    return xmlNextElementSibling (node);
}

xmlNode *
posada_xml_child_ns (xmlNode *node, const char *name, const char *ns)
{
    xmlNode *child = node ? node->children : NULL;

    for (; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE && child->ns &&
            xmlStrEqual (child->ns->href, (const xmlChar *) ns) &&
            xmlStrEqual (child->name, (const xmlChar *) name))
            return child;
    return NULL;
}

/* Place of @node in @order; -1 if it has none. */
static int
rank (const xmlNode *node, PosadaXmlOrder order)
{
    for (int i = 0; order && order[i]; i++)
        if (is_element (node, order[i]))
            return i;
    return -1;
}

xmlNode *
posada_xml_add (xmlNode *node, const char *name, PosadaXmlOrder order)
{
    xmlNode *added = xmlNewDocNode (node->doc, NULL, (const xmlChar *) name, NULL);
    xmlNode *before = NULL;
    int own;

    if (!added)
        g_error ("Out of memory");
    own = rank (added, order);
    for (xmlNode *child = xmlLastElementChild (node); child && own >= 0;
         child = xmlPreviousElementSibling (child)) {
        int other = rank (child, order);

        if (other > own)
            before = child;
        else if (other >= 0)
            break;
    }
    /* A comment before the element that we go before belongs to that. */
    while (before && before->prev && before->prev->type == XML_COMMENT_NODE)
        before = before->prev;
    if (before)
        xmlAddPrevSibling (before, added);
    else
        xmlAddChild (node, added);
    return added;
}

xmlNode *
posada_xml_ensure (xmlNode *node, const char *name, PosadaXmlOrder order)
{
    xmlNode *child = posada_xml_child (node, name);

    return child ? child : posada_xml_add (node, name, order);
}

void
posada_xml_drop (xmlNode *node)
{
    xmlUnlinkNode (node);
    xmlFreeNode (node);
}

void
posada_xml_remove (xmlNode *node, const char *name)
{
    xmlNode *child = posada_xml_child (node, name);

    while (child) {
        xmlNode *next = posada_xml_next (child, name);

        posada_xml_drop (child);
        child = next;
    }
}

char *
posada_xml_text (xmlNode *node)
{
    xmlChar *content = node ? xmlNodeGetContent (node) : NULL;
    char *text = content ? g_strstrip (g_strdup ((const char *) content)) : NULL;

    xmlFree (content);
    if (text && !*text)
        g_clear_pointer (&text, g_free);
    return text;
}

char *
posada_xml_child_text (xmlNode *node, const char *name)
{
    return posada_xml_text (posada_xml_child (node, name));
}

void
posada_xml_set_text (xmlNode *node, const char *text)
{
    xmlNodeSetContent (node, NULL);
    /* Unlike the above, this takes < and & for what they are. */
    xmlNodeAddContent (node, (const xmlChar *) text);
}

void
posada_xml_set_child_text (xmlNode *node, const char *name, PosadaXmlOrder order, const char *text)
{
    if (text)
        posada_xml_set_text (posada_xml_ensure (node, name, order), text);
    else
        posada_xml_remove (node, name);
}

char *
posada_xml_attribute (xmlNode *node, const char *name)
{
    xmlChar *value = node ? xmlGetNoNsProp (node, (const xmlChar *) name) : NULL;
    char *copy = g_strdup ((const char *) value);

    xmlFree (value);
    return copy;
}

gboolean
posada_xml_attribute_is (xmlNode *node, const char *name, const char *value)
{
    g_autofree char *found = posada_xml_attribute (node, name);

    return g_strcmp0 (found, value) == 0;
}

void
posada_xml_set_attribute (xmlNode *node, const char *name, const char *value)
{
    if (value)
        xmlSetProp (node, (const xmlChar *) name, (const xmlChar *) value);
    else
        xmlUnsetProp (node, (const xmlChar *) name);
}

gboolean
posada_xml_is_text (const char *text)
{
    if (!g_utf8_validate (text, -1, NULL))
        return FALSE;
    for (const char *at = text; *at; at = g_utf8_next_char (at)) {
        gunichar c = g_utf8_get_char (at);

        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7F || c == 0xFFFE || c == 0xFFFF)
            return FALSE;
    }
    return TRUE;
}
