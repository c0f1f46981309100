/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The metadata file: a first line with the version, then “key value” lines in any order, then
 * “end”. Keys of later versions are passed over. In a value \n is a newline and \\ a backslash.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "snapshot/snapshot-internal.h"

#define FIRST_LINE "posada-snapshot 1"
#define MAX_TEXT   (64 * 1024)

static const char *const kinds[] = {
    [SNAPSHOT_OFF] = "off",
    [SNAPSHOT_RUNNING] = "running",
    [SNAPSHOT_PAUSED] = "paused",
};

bool
snapshot_id_is_valid (const char *id)
{
    return strlen (id) == SNAPSHOT_ID_LENGTH &&
           strspn (id, "0123456789abcdef") == SNAPSHOT_ID_LENGTH;
}

/* The length of the UTF-8 sequence at @text, 0 if it is none (RFC 3629, 4). */
static size_t
sequence (const unsigned char *text)
{
    static const unsigned char least[] = {0, 0, 0x80, 0xa0, 0x90};
    size_t length;

    if (text[0] < 0x80)
        return text[0] != 0;
    length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 || text[0] == 0xf0) && text[1] < least[length])
        return 0;
    if ((text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static bool
is_text (const char *text, bool lines)
{
    const unsigned char *at = (const unsigned char *) text;
    size_t length;

    for (; *at; at += length) {
        length = sequence (at);
        if (length == 0 || *at == 0x7f || (*at < 0x20 && !(lines && *at == '\n')))
            return false;
        if (length == 2 && at[0] == 0xc2 && at[1] < 0xa0)
            return false;
    }
    return true;
}

int
snapshot_check_text (const char *name, const char *note, struct vmm_error *error)
{
    if (!*name || strlen (name) > SNAPSHOT_NAME_MAX || !is_text (name, false))
        return vmm_error_set (error, -EINVAL,
                              "a snapshot's name is one line of 1 to %d bytes: choose another",
                              SNAPSHOT_NAME_MAX);
    if (note && (strlen (note) > SNAPSHOT_NOTE_MAX || !is_text (note, true)))
        return vmm_error_set (error, -EINVAL, "a snapshot's note has up to %d bytes: shorten it",
                              SNAPSHOT_NOTE_MAX);
    return 0;
}

static bool
unescape (const char *from, char *to, size_t size)
{
    size_t n = 0;

    for (; *from; from++) {
        char c = *from;

        if (c == '\\') {
            c = *++from == 'n' ? '\n' : *from;
            if (c != '\n' && c != '\\')
                return false;
        }
        if (n + 1 >= size)
            return false;
        to[n++] = c;
    }
    to[n] = '\0';
    return true;
}

static bool
parse_number (const char *text, uint64_t maximum, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > (UINT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t) (*text - '0');
    }
    *ret_number = number;
    return number <= maximum;
}

static bool
parse_kind (const char *text, enum snapshot_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH (kinds); i++) {
        if (strcmp (text, kinds[i]) == 0) {
            *ret_kind = (enum snapshot_kind) i;
            return true;
        }
    }
    return false;
}

static bool
parse_line (struct snapshot_info *info, const char *key, const char *value)
{
    uint64_t number;

    if (strcmp (key, "name") == 0)
        return unescape (value, info->name, sizeof info->name) &&
               snapshot_check_text (info->name, NULL, NULL) == 0;
    if (strcmp (key, "note") == 0)
        return unescape (value, info->note, sizeof info->note) && is_text (info->note, true);
    if (strcmp (key, "parent") == 0) {
        if (!snapshot_id_is_valid (value))
            return false;
        memcpy (info->parent, value, sizeof info->parent);
        return true;
    }
    if (strcmp (key, "time") == 0)
        return parse_number (value, UINT64_C (1) << 40, &info->time);
    if (strcmp (key, "machine") == 0)
        return parse_kind (value, &info->kind);
    if (strcmp (key, "memory") == 0)
        return parse_number (value, UINT64_C (1) << 46, &info->memory);
    if (strcmp (key, "disks") == 0) {
        if (!parse_number (value, SNAPSHOT_DISKS_MAX, &number))
            return false;
        info->n_disks = (unsigned) number;
    }
    return true;
}

static bool
parse (char *text, struct snapshot_info *info)
{
    char *rest = text, *line = strsep (&rest, "\n");

    if (strcmp (line, FIRST_LINE) != 0)
        return false;
    while ((line = strsep (&rest, "\n"))) {
        char *value = strchr (line, ' ');

        if (strcmp (line, "end") == 0)
            return info->name[0] != '\0';
        if (!value)
            return false;
        *value++ = '\0';
        if (!parse_line (info, line, value))
            return false;
    }
    return false;
}

int
snapshot_read_metadata (int place, struct snapshot_info *info, struct vmm_error *error)
{
    AUTO_FREE char *text = malloc (MAX_TEXT);
    int r;

    if (!text)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    r = snapshot_read_text (place, "metadata", text, MAX_TEXT);
    if (r == 0 && !parse (text, info))
        r = -EPROTO;
    if (r < 0)
        return vmm_error_set (error, r, "the snapshot “%s” is damaged: delete it", info->id);
    return 0;
}

static void
put_escaped (FILE *file, const char *key, const char *value)
{
    fprintf (file, "%s ", key);
    for (; *value; value++) {
        if (*value == '\n')
            fputs ("\\n", file);
        else if (*value == '\\')
            fputs ("\\\\", file);
        else
            fputc (*value, file);
    }
    fputc ('\n', file);
}

int
snapshot_write_metadata (int place, const struct snapshot_info *info, struct vmm_error *error)
{
    AUTO_FREE char *text = NULL;
    size_t size;
    FILE *file = open_memstream (&text, &size);
    int r;

    if (!file)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    fprintf (file, "%s\n", FIRST_LINE);
    put_escaped (file, "name", info->name);
    put_escaped (file, "note", info->note);
    if (info->parent[0])
        fprintf (file, "parent %s\n", info->parent);
    fprintf (file, "time %" PRIu64 "\nmachine %s\nmemory %" PRIu64 "\ndisks %u\nend\n", info->time,
             kinds[info->kind], info->memory, info->n_disks);
    if (fclose (file) != 0)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    r = snapshot_write_text (place, "metadata", text);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the snapshot “%s” cannot be written", info->name);
    return 0;
}
