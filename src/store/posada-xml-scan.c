/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parsers have limits of their own, but they differ between versions, and some work grows with the
 * square of what they let through (a parser that compares each attribute of an element with all
 * others takes hours over one element of four megabytes). This scanner knows just enough of XML to
 * count: where tags, comments, CDATA sections, processing instructions and quoted values begin and
 * end. In a well-formed document it agrees with any parser; in others both agree up to the first
 * error, and there the parser stops.
 */
#include "store/posada-xml-scan.h"

#include <string.h>

#include "store/posada-store-error.h"
#include "store/posada-xml.h"

typedef struct {
    const char *at, *end;
    unsigned depth, elements;
} Scan;

static gboolean
refuse (GError **error, const char *what)
{
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID, "The XML %s", what);
    return FALSE;
}

static gboolean
starts_with (const Scan *self, const char *prefix)
{
    size_t length = strlen (prefix);

    return (size_t) (self->end - self->at) >= length && memcmp (self->at, prefix, length) == 0;
}

/* Goes behind the next @mark, or to the end. */
static void
skip_to (Scan *self, const char *mark)
{
    const char *found = memmem (self->at, (size_t) (self->end - self->at), mark, strlen (mark));

    self->at = found ? found + strlen (mark) : self->end;
}

/* From the < of a start tag behind its >. */
static gboolean
scan_start_tag (Scan *self, GError **error)
{
    unsigned attributes = 0;

    if (++self->elements > POSADA_XML_MAX_ELEMENTS)
        return refuse (error, "has more than 50000 elements");
    for (self->at++; self->at < self->end && *self->at != '>'; self->at++) {
        const char *close;

        if (*self->at != '"' && *self->at != '\'')
            continue;
        if (++attributes > POSADA_XML_MAX_ATTRIBUTES)
            return refuse (error, "has an element with more than 256 attributes");
        close = memchr (self->at + 1, *self->at, (size_t) (self->end - self->at - 1));
        if (!close) {
            self->at = self->end;
            return TRUE;
        }
        self->at = close;
    }
    if (self->at < self->end && self->at[-1] != '/' && ++self->depth > POSADA_XML_MAX_DEPTH)
        return refuse (error, "is nested deeper than 64 elements");
    return TRUE;
}

gboolean
posada_xml_scan (const char *text, gsize length, GError **error)
{
    Scan self = {.at = text, .end = text + length};

    while ((self.at = memchr (self.at, '<', (size_t) (self.end - self.at)))) {
        if (starts_with (&self, "<!--")) {
            self.at += 4;
            skip_to (&self, "-->");
        } else if (starts_with (&self, "<![CDATA[")) {
            skip_to (&self, "]]>");
        } else if (starts_with (&self, "<!")) {
            return refuse (error, "has a document type, which is not allowed");
        } else if (starts_with (&self, "<?")) {
            skip_to (&self, "?>");
        } else if (starts_with (&self, "</")) {
            self.depth -= self.depth > 0;
            self.at++;
        } else if (!scan_start_tag (&self, error)) {
            return FALSE;
        }
    }
    return TRUE;
}
