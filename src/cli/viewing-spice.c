/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada-run-spice: posada run, with a SPICE sink on the machine's display.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/run.h"
#include "cli/viewing.h"
#include "display/spice-sink.h"

/* One line, as an editor leaves it. */
static int
read_password (const char *path, char password[SPICE_MAX_PASSWORD + 1], struct vmm_error *error)
{
    AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char text[SPICE_MAX_PASSWORD + 3];
    ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    size_t length;

    if (n < 0)
        return vmm_error_set_errno (error, -errno, "the password file %s cannot be read", path);
    text[n] = 0;
    length = strcspn (text, "\r\n");
    if (length == 0 || length > SPICE_MAX_PASSWORD || strlen (text) != (size_t) n)
        return vmm_error_set (error, -EINVAL,
                              "the first line of %s is to be a password of 1 to %d bytes", path,
                              SPICE_MAX_PASSWORD);
    text[length] = 0;
    memcpy (password, text, length + 1);
    return 0;
}

static int
check_files (const struct viewing_option *option, struct vmm_error *error)
{
    const char *files[] = {option->certificate, option->key};

    for (size_t i = 0; i < 2; i++)
        if (access (files[i], R_OK) < 0)
            return vmm_error_set_errno (error, -errno, "%s cannot be read", files[i]);
    return 0;
}

/* What the library has to say is for the log: people get one sentence from us. Any thread. */
static void
library_log_cb (const char *domain, GLogLevelFlags level, const char *message, void *data)
{
    const struct run *run = data;
    bool counts = level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);

    if (level & G_LOG_FLAG_FATAL)
        g_log_default_handler (domain, level, message, NULL);
    else
        vmm_log (&run->log, counts ? VMM_LOG_INFO : VMM_LOG_DEBUG, "%s: %s",
                 domain ? domain : "viewers", message);
}

static int
open_viewers (struct run *run, struct vmm_error *error)
{
    const struct viewing_option *option = &run->options.viewing;
    char password[SPICE_MAX_PASSWORD + 1] = "";
    struct spice_sink_config config = {
        .display = run->plan.display,
        .input = run->plan.input,
        .name = run->options.name,
        .log = run->log,
        .socket = option->socket,
        .port = option->port,
        .password = password,
        .certificate = option->certificate,
        .key = option->key,
        .authority = option->certificate,
    };
    int r = 0;

    if (!option->socket && !option->port)
        return 0;
    g_log_set_default_handler (library_log_cb, run);
    memcpy (config.uuid, run->options.uuid, sizeof config.uuid);
    if (option->port)
        r = check_files (option, error);
    if (r == 0 && option->port)
        r = read_password (option->password_file, password, error);
    if (r == 0)
        r = spice_sink_create (&config, &run->viewers, error);
    explicit_bzero (password, sizeof password);
    return r;
}

static void
close_viewers (struct run *run)
{
    spice_sink_destroy (run->viewers);
    run->viewers = NULL;
}

int
main (int argc, char **argv)
{
    static const struct viewing_class viewing = {open_viewers, close_viewers};

    if (argc < 1 || strcmp (argv[0], "run") != 0) {
        cli_complain ("posada-run-spice is run by posada");
        return CLI_BAD_USE;
    }
    return (int) viewing_run (argc, argv, &viewing);
}
