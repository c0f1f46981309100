/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/store-verbs.h"
#include "store/posada-store-error.h"

static const struct store_verb verbs[] = {
    {"create", "--iso FILE | --disk FILE | --kernel FILE [OPTIONS]",
     "  --name NAME        [from the file's name]\n"
     "  --memory SIZE      RAM, such as 512M or 2G [1G]\n"
     "  --cpus N           virtual CPUs [1]\n"
     "  --disk-size SIZE   of a new disk, or none [20G with --iso, else none]\n"
     "  --format FORMAT    of the disk: raw or qcow2 [from its name; qcow2 if it is new]\n"
     "  --initrd FILE, --cmdline TEXT   for --kernel\n"
     "  --network KIND     user: through this computer; none: no network card [user]\n",
     store_create},
    {"list", "[--json]", NULL, store_list},
    {"show", "NAME [--xml]", NULL, store_show},
    {"start",
     "NAME [--here] [--disposable] [--restore ID] [--serial TO] [--console TO] [--log FILE]",
     "In the application, if that runs. Otherwise, or with any of the options, here, until\n"
     "its guest powers off, as posada run does. A disposable one keeps nothing of what it\n"
     "writes to its disks.\n",
     store_start},
    {"console", "NAME", "Opens the window at its screen.\n", store_console},
    {"pause", "NAME", NULL, store_command},
    {"resume", "NAME", NULL, store_command},
    {"shutdown", "NAME", "Presses the power button.\n", store_command},
    {"kill", "NAME", "Pulls the plug.\n", store_command},
    {"screenshot", "NAME FILE", "Writes a picture of the screen as PNG.\n", store_command},
    {"snapshot",
     "NAME take TITLE [--convert] | list | restore ID | delete ID | rename ID TITLE | copy ID "
     "[--name NEW-NAME]",
     "  --convert   makes raw disks qcow2 first, which snapshots may need\n\n"
     "A machine that is off is remembered by its disks; to go on from a snapshot in which it\n"
     "ran, start it with --restore ID. A copy is a machine of its own that goes on from there,\n"
     "whatever the first one does; it prints the name. A TITLE that only one has\n"
     "does for an ID.\n",
     store_snapshot},
    {"remote", "NAME off|socket|tls [--port N] [--password-file FILE] [--viewer-file FILE]",
     "Lets SPICE viewers see a machine's screen, type and point, and says how: those of this\n"
     "user by a socket, or those of other computers by a port with TLS and a password.\n\n"
     "  --port N               tls: the port [the present one, or a free one from 5900 on]\n"
     "  --password-file FILE   tls: its first line is the password; - for standard input, or\n"
     "                         a question [the present one, or a new one, which is printed]\n"
     "  --viewer-file FILE     tls: writes FILE for remote-viewer on other computers; it has\n"
     "                         the machine's certificate, not the password\n",
     store_remote},
    {"clone", "NAME [--linked] [--name NEW-NAME]",
     "Prints the name of the new machine. A linked one takes little room, but needs the first\n"
     "one to stay.\n",
     store_clone},
    {"template", "NAME [--off]", "A template does not start; machines are made of it by clone.\n",
     store_template},
    {"save", "NAME", "Writes a running machine to disk; start goes on with it.\n", store_command},
    {"disk",
     "create|info|resize|convert|compact|check|flatten FILE | NAME [SIZE | NEW-FILE] [OPTIONS]",
     "For images that no machine is using.\n"
     "  create FILE --size SIZE, info FILE, resize FILE SIZE, convert FILE NEW-FILE,\n"
     "  compact FILE, check FILE; flatten NAME for the disks of a machine that is off:\n"
     "  they need nothing any more of what they are based on, such as a linked clone's\n\n"
     "  --format FORMAT        of FILE: raw or qcow2, for convert also vmdk, vdi, vhdx, vpc\n"
     "                         and qcow [from its name]\n"
     "  --to FORMAT            convert: of NEW-FILE, raw or qcow2 [from its name]\n"
     "  --compress             convert, compact: qcow2 only\n"
     "  --zstd                 the same by zstd: faster, and smaller\n"
     "  --cluster-size SIZE    create: of a qcow2 image [64K]\n"
     "  --backing FILE         what FILE is, or shall be, based on and may read; again for\n"
     "                         each file further down\n"
     "  --backing-format FORMAT   create: its format\n"
     "  --repair               check: repair what can be without losing data\n"
     "  --json                 info: as JSON\n",
     store_disk},
    {"rename", "NAME NEW-NAME", NULL, store_rename},
    {"delete", "NAME", "It stays in the trash for 30 days.\n", store_delete},
    {"restore", "NAME", "Brings a deleted machine back.\n", store_restore},
    {"purge", "[--days N]", "Empties the trash of what was deleted N [0] days ago.\n", store_purge},
};

static const struct store_verb *
find_verb (const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (verbs); i++)
        if (g_str_equal (verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

enum cli_status
store_complain (const GError *error)
{
    gboolean busy = g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY);
    g_autofree char *line = g_strdelimit (g_strdup (error->message), "\n", ' ');

    cli_complain ("%s", line);
    return busy ? CLI_FAILED : CLI_BAD_USE;
}

static const char **
find_end (const char **list)
{
    while (*list)
        list++;
    return list;
}

/* One option at argv[*index]. */
static gboolean
parse_option (int argc, char **argv, int *index, const struct store_option *options,
              unsigned n_options)
{
    const char *name = argv[*index] + 2, *equals = strchr (name, '=');
    gsize length = equals ? (gsize) (equals - name) : strlen (name);

    for (unsigned i = 0; i < n_options; i++) {
        const struct store_option *option = &options[i];
        const char **value;

        if (strlen (option->name) != length || strncmp (option->name, name, length) != 0)
            continue;
        value = option->list ? find_end (option->list) : option->value;
        if (option->list && value == option->list + STORE_MAX_LIST)
            cli_complain ("--%s is given more than %d times", option->name, STORE_MAX_LIST);
        else if (option->flag ? *option->flag : *value != NULL)
            cli_complain ("--%s is given twice", option->name);
        else if (option->flag && equals)
            cli_complain ("--%s takes no value", option->name);
        else if (option->flag)
            return *option->flag = TRUE;
        else if (!equals && *index + 1 >= argc)
            cli_complain ("--%s needs a value", option->name);
        else
            return (*value = equals ? equals + 1 : argv[++*index]) != NULL;
        return FALSE;
    }
    cli_complain ("there is no option --%.*s; posada %s --help lists them", (int) length, name,
                  argv[0]);
    return FALSE;
}

gboolean
store_parse (int argc, char **argv, const struct store_option *options, unsigned n_options,
             const char **ret_words, unsigned n_words)
{
    gboolean only_words = FALSE;
    unsigned n = 0;

    for (int i = 1; i < argc; i++) {
        if (!only_words && strcmp (argv[i], "--") == 0) {
            only_words = TRUE;
        } else if (!only_words && strncmp (argv[i], "--", 2) == 0) {
            if (!parse_option (argc, argv, &i, options, n_options))
                return FALSE;
        } else if (n == n_words) {
            cli_complain ("'%s' is one too many; posada %s --help tells the use", argv[i], argv[0]);
            return FALSE;
        } else {
            ret_words[n++] = argv[i];
        }
    }
    if (n < n_words) {
        cli_complain ("%s needs more; use: posada %s %s", argv[0], argv[0],
                      find_verb (argv[0])->usage);
        return FALSE;
    }
    return TRUE;
}

int
main (int argc, char **argv)
{
    const struct store_verb *verb = argc > 0 ? find_verb (argv[0]) : NULL;
    g_autoptr (PosadaStore) store = NULL;

    setlocale (LC_ALL, "");
    if (!verb) {
        cli_complain ("posada-store is run by posada");
        return CLI_BAD_USE;
    }
    for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
        if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0) {
            printf ("Usage: posada %s %s\n%s%s", verb->name, verb->usage, verb->help ? "\n" : "",
                    verb->help ? verb->help : "");
            return CLI_OK;
        }
    store = posada_store_new (NULL);
    return (int) verb->run (store, argc, argv);
}
