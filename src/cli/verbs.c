/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"

#include <stddef.h>

const struct cli_verb cli_verbs[] = {
    {"run", "run a virtual machine in this process", cli_run},
    {"ctl", "send a command to a running machine", cli_ctl},
    {"host", "tell whether this host can run machines", cli_host},
    {"create", "make a machine that is kept", cli_store},
    {"list", "list the machines that are kept", cli_store},
    {"show", "show what a machine is made of", cli_store},
    {"start", "run a kept machine", cli_store},
    {"console", "open the window at a machine's screen", cli_store},
    {"pause", "pause a running machine", cli_store},
    {"resume", "let a paused machine go on", cli_store},
    {"shutdown", "press a running machine's power button", cli_store},
    {"kill", "pull a running machine's plug", cli_store},
    {"screenshot", "take a picture of a running machine's screen", cli_store},
    {"snapshot", "remember machines as they are, and go back", cli_store},
    {"remote", "let viewers elsewhere see a machine's screen", cli_store},
    {"clone", "make another machine of a machine", cli_store},
    {"template", "keep a machine to make others of", cli_store},
    {"disk", "make, look at and care for disk images", cli_store},
    {"save", "write a running machine to disk, to go on later", cli_store},
    {"rename", "give a machine another name", cli_store},
    {"delete", "put a machine into the trash", cli_store},
    {"restore", "take a machine out of the trash", cli_store},
    {"purge", "empty the trash", cli_store},
    {NULL, NULL, NULL},
};
