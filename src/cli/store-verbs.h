/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada-store: the verbs that need to know where machines are. argv[0] is the verb. Main thread
 * only; this program may block.
 */
#pragma once

#include <gio/gio.h>

#include "cli/cli.h"
#include "machine/posada-kvm-network.h"
#include "store/posada-store.h"

struct store_verb {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;  /* more lines for --help; NULL: none */
    enum cli_status (*run) (PosadaStore *store, int argc, char **argv);
};

enum cli_status store_create (PosadaStore *store, int argc, char **argv);
enum cli_status store_start (PosadaStore *store, int argc, char **argv);
enum cli_status store_list (PosadaStore *store, int argc, char **argv);
enum cli_status store_show (PosadaStore *store, int argc, char **argv);
enum cli_status store_rename (PosadaStore *store, int argc, char **argv);
enum cli_status store_delete (PosadaStore *store, int argc, char **argv);
enum cli_status store_restore (PosadaStore *store, int argc, char **argv);
enum cli_status store_purge (PosadaStore *store, int argc, char **argv);
enum cli_status store_disk (PosadaStore *store, int argc, char **argv);
enum cli_status store_template (PosadaStore *store, int argc, char **argv);
enum cli_status store_clone (PosadaStore *store, int argc, char **argv);
enum cli_status store_snapshot (PosadaStore *store, int argc, char **argv);
/* pause, resume, shutdown, kill, save and screenshot */
enum cli_status store_command (PosadaStore *store, int argc, char **argv);
enum cli_status store_console (PosadaStore *store, int argc, char **argv);
enum cli_status store_remote (PosadaStore *store, int argc, char **argv);

/* Adds the option by which posada run has the remote access that the definition asks for, if it
 * does. @folder: of the machine. */
gboolean store_add_remote (GPtrArray *words, PosadaDefinition *definition, const char *folder,
                           GError **error);
/* Where viewers connect, or “off”. @elsewhere: a process of its own runs it, and says what is
 * true. */
char *store_describe_remote (PosadaDefinition *definition, gboolean elsewhere);

/* The first line of a file, or, for “-”, of standard input; asked for, unseen, if that is a
 * terminal. Complains and returns NULL if it cannot be a password. */
char *store_read_password (const char *path);

/* Adds the options by which posada run has the network cards of the definition, or of the snapshot
 * that @words have it go on from, and complains about what is not as the definition says. */
void store_add_network (GPtrArray *words, PosadaDefinition *definition);
/* Where its cable leads, with its address. */
char *store_describe_card (const PosadaKvmCard *card);
char *store_describe_forward (const PosadaForward *forward);

/* Makes a copy of the machine @uuid as it is in the snapshot @id; @name may be NULL. */
enum cli_status store_copy (PosadaStore *store, const char *uuid, const char *id, const char *name);

/* Makes the disks of a machine that is off independent of what they are based on. */
enum cli_status store_flatten (PosadaStore *store, const char *name);

/* The id of the snapshot that has that id, or, alone, that title, in a machine's folder of them;
 * @wish itself if there is none. NULL if several have that title. */
char *store_find_snapshot (const char *folder, const char *wish, GError **error);

/* An option and where its value goes. */
struct store_option {
    const char *name;   /* without the dashes */
    const char **value; /* for one that takes a value, NULL if not given */
    gboolean *flag;     /* for one that takes none */
    const char **list;  /* for one that may be given again: STORE_MAX_LIST of them, then NULL */
};
#define STORE_MAX_LIST 31

/* Reads options and exactly @n_words other words; what comes after -- is no option. Complains and
 * returns FALSE if something is wrong. */
gboolean store_parse (int argc, char **argv, const struct store_option *options, unsigned n_options,
                      const char **ret_words, unsigned n_words);

/* Prints @error; what a verb ends with because of it. */
enum cli_status store_complain (const GError *error);
