/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"

#include <stddef.h>

const struct cli_verb cli_verbs[] = {
    {"run", "run a virtual machine in this process", cli_run},
    {"ctl", "send a command to a running machine", cli_ctl},
    {"host", "tell whether this host can run machines", cli_host},
    {NULL, NULL, NULL},
};
