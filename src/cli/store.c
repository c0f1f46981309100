/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/companion.h"

enum cli_status
cli_store (int argc, char **argv)
{
    companion_execute ("posada-store", POSADA_LIBEXECDIR, argv);
    return CLI_BAD_HOST;
}
