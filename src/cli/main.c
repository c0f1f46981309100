/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/companion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_help (FILE *stream)
{
    fputs ("Usage: posada VERB [ARGUMENTS]\n\n", stream);
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        fprintf (stream, "  %-10s  %s\n", verb->name, verb->summary);
    fputs ("\nposada VERB --help tells more, posada(1) all; posada --version prints the version.\n",
           stream);
}

int
main (int argc, char **argv)
{
    if (argc < 2) {
        /* Where there is no screen the verbs are of more use. */
        if (getenv ("DISPLAY") || getenv ("WAYLAND_DISPLAY"))
            companion_execute ("posada-app", POSADA_BINDIR,
                               (char *[]) {(char *) "posada-app", NULL});
        print_help (stderr);
        return CLI_BAD_USE;
    }
    if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0 ||
        strcmp (argv[1], "help") == 0) {
        print_help (stdout);
        return CLI_OK;
    }
    if (strcmp (argv[1], "--version") == 0) {
        puts ("posada " POSADA_VERSION);
        return CLI_OK;
    }
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        if (strcmp (argv[1], verb->name) == 0)
            return (int) verb->run (argc - 1, argv + 1);
    cli_complain ("there is no verb '%s'; posada --help lists them", argv[1]);
    return CLI_BAD_USE;
}
