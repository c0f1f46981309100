/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/viewing.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/text.h"

static int
parse_port (const char *text, const char *value, struct viewing_option *option,
            struct vmm_error *error)
{
    uint64_t port;

    if (text_parse_number (text, UINT16_MAX, &port) < 0 || port == 0)
        return vmm_error_set (error, -EINVAL, "--spice %s: '%s' is not a port from 1 to 65535",
                              value, text);
    option->port = (unsigned) port;
    return 0;
}

static int
parse_part (const char *part, const char *value, struct viewing_option *option,
            struct vmm_error *error)
{
    const struct {
        const char *name;
        char **field;
    } fields[] = {
        {"certificate=", &option->certificate},
        {"key=", &option->key},
        {"password-file=", &option->password_file},
    };

    for (size_t i = 0; i < ARRAY_LENGTH (fields); i++) {
        size_t length = strlen (fields[i].name);

        if (strncmp (part, fields[i].name, length) != 0)
            continue;
        if (!part[length] || *fields[i].field)
            return vmm_error_set (error, -EINVAL, "--spice %s needs one file name after %s", value,
                                  fields[i].name);
        *fields[i].field = strdup (part + length);
        return *fields[i].field ? 0 : vmm_error_set_errno (error, -ENOMEM, "--spice %s", value);
    }
    return vmm_error_set (error, -EINVAL,
                          "--spice %s: '%s' is none of certificate=FILE, key=FILE and "
                          "password-file=FILE (a comma in a file name is written twice)",
                          value, part);
}

static int
parse_network (const char *cursor, const char *value, struct viewing_option *option,
               struct vmm_error *error)
{
    AUTO_FREE char *port = text_next_part (&cursor);
    int r =
        port ? parse_port (port, value, option, error) : vmm_error_set (error, -ENOMEM, "--spice");

    while (cursor && r == 0) {
        AUTO_FREE char *part = text_next_part (&cursor);

        r = part ? parse_part (part, value, option, error)
                 : vmm_error_set_errno (error, -ENOMEM, "--spice %s", value);
    }
    if (r == 0 && (!option->certificate || !option->key || !option->password_file))
        r = vmm_error_set (error, -EINVAL,
                           "--spice %s lacks one of certificate=FILE, key=FILE and "
                           "password-file=FILE: a port is only opened with all of them",
                           value);
    return r;
}

int
viewing_parse (const char *value, struct viewing_option *option, struct vmm_error *error)
{
    if (strncmp (value, "tls:", 4) == 0)
        return parse_network (value + 4, value, option, error);
    if (strncmp (value, "unix:", 5) != 0 || !value[5])
        return vmm_error_set (error, -EINVAL, "--spice %s is neither unix:PATH nor tls:PORT,...",
                              value);
    option->socket = strdup (value + 5);
    return option->socket ? 0 : vmm_error_set_errno (error, -ENOMEM, "--spice %s", value);
}

void
viewing_clear (struct viewing_option *option)
{
    free (option->socket);
    free (option->certificate);
    free (option->key);
    free (option->password_file);
    *option = (struct viewing_option) {0};
}

char *
viewing_get_address (const struct viewing_option *option)
{
    char host[HOST_NAME_MAX + 1] = "localhost", *address = NULL;
    int n = 0;

    gethostname (host, sizeof host - 1);
    if (option->socket)
        n = asprintf (&address, "spice+unix://%s", option->socket);
    else if (option->port)
        n = asprintf (&address, "spice://%s?tls-port=%u", host, option->port);
    return n < 0 ? NULL : address;
}
