/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/text.h"

struct option_spec {
    const char *name;     /* without the dashes */
    const char *argument; /* what --help calls it; NULL: takes none */
    bool repeats;
    bool may_lack; /* its value, which then follows an equals sign only */
    int (*set) (struct run_options *options, const char *value, struct vmm_error *error);
    const char *help;
};

static int
set_name (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (!*value || strlen (value) > 64 || !text_is_clean (value))
        return vmm_error_set (error, -EINVAL,
                              "--name takes 1 to 64 bytes of text without control characters");
    options->name = value;
    return 0;
}

static int
set_memory (struct run_options *options, const char *value, struct vmm_error *error)
{
    int r = text_parse_size (value, &options->memory);

    if (r < 0)
        return vmm_error_set (error, r, "--memory %s is not a size, such as 512M or 2G", value);
    if (options->memory < VMM_MIN_MEMORY)
        return vmm_error_set (error, -ERANGE, "--memory %s is too little, at least %llu MiB needed",
                              value, (unsigned long long) (VMM_MIN_MEMORY / MIB));
    if (options->memory % MIB)
        return vmm_error_set (error, -EINVAL, "--memory %s is not a whole number of MiB", value);
    return 0;
}

/* "4", or "4,sockets=1,cores=2,threads=2"; what is missing of the three counts is made up for by
 * cores. */
static int
set_cpus (struct run_options *options, const char *value, struct vmm_error *error)
{
    static const char *const names[] = {"sockets=", "cores=", "threads="};
    uint64_t total = 0, parts[3] = {0, 0, 0};
    const char *cursor = value;
    AUTO_FREE char *count = text_next_part (&cursor);

    if (!count)
        return vmm_error_set_errno (error, -ENOMEM, "--cpus %s", value);
    if (text_parse_number (count, VMM_MAX_CPUS, &total) < 0 || total == 0)
        return vmm_error_set (error, -ERANGE, "--cpus %s is not a number from 1 to %d", count,
                              VMM_MAX_CPUS);
    while (cursor) {
        AUTO_FREE char *part = text_next_part (&cursor);
        size_t i = 0;

        while (part && i < 3 && strncmp (part, names[i], strlen (names[i])) != 0)
            i++;
        if (!part || i == 3 || parts[i] ||
            text_parse_number (part + strlen (names[i]), VMM_MAX_CPUS, &parts[i]) < 0 || !parts[i])
            return vmm_error_set (
                error, -EINVAL, "--cpus %s is none of N[,sockets=S][,cores=C][,threads=T]", value);
    }
    if (parts[0] || parts[1] || parts[2]) {
        parts[0] = parts[0] ? parts[0] : 1;
        parts[2] = parts[2] ? parts[2] : 1;
        parts[1] = parts[1] ? parts[1] : total / (parts[0] * parts[2]);
        if (parts[0] * parts[1] * parts[2] != total)
            return vmm_error_set (error, -EINVAL,
                                  "--cpus %s does not add up: sockets × cores × threads must be %u",
                                  value, (unsigned) total);
    }
    options->cpus = (unsigned) total;
    options->sockets = (unsigned) parts[0];
    options->cores = (unsigned) parts[1];
    options->threads = (unsigned) parts[2];
    return 0;
}

static int
set_iso (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (!*value)
        return vmm_error_set (error, -EINVAL, "--iso needs a file name, or none");
    if (options->n_cds == OPTIONS_MAX_CDS)
        return vmm_error_set (error, -E2BIG, "--iso %s is one too many, %d drives at most", value,
                              OPTIONS_MAX_CDS);
    options->cds[options->n_cds++] = strcmp (value, "none") == 0 ? NULL : value;
    return 0;
}

static int
add_backing (struct disk_option *disk, const char *path, const char *value, struct vmm_error *error)
{
    if (!*path)
        return vmm_error_set (error, -EINVAL, "--disk %s: backing= needs a file name", value);
    if (disk->n_backing == OPTIONS_MAX_BACKING)
        return vmm_error_set (error, -E2BIG, "--disk %s: %s is one too many, %d at most", value,
                              path, OPTIONS_MAX_BACKING);
    disk->backing[disk->n_backing] = strdup (path);
    if (!disk->backing[disk->n_backing])
        return vmm_error_set_errno (error, -ENOMEM, "--disk %s", value);
    disk->n_backing++;
    return 0;
}

static int
set_disk_part (struct disk_option *disk, const char *part, const char *value,
               struct vmm_error *error)
{
    int r;

    if (strcmp (part, "readonly") == 0) {
        disk->read_only = true;
        return 0;
    }
    if (strncmp (part, "format=", 7) == 0) {
        if (blk_format_from_name (part + 7, &disk->format) == 0)
            return 0;
        return vmm_error_set (error, -EINVAL,
                              "--disk %s: the format '%s' is neither raw nor qcow2; posada disk "
                              "convert makes one of many others",
                              value, part + 7);
    }
    if (strncmp (part, "backing=", 8) == 0)
        return add_backing (disk, part + 8, value, error);
    if (strncmp (part, "size=", 5) != 0)
        return vmm_error_set (error, -EINVAL,
                              "--disk %s: '%s' is none of size=SIZE, format=FORMAT, backing=FILE "
                              "and readonly (a comma in a file name is written twice)",
                              value, part);
    r = text_parse_size (part + 5, &disk->create_size);
    if (r < 0 || disk->create_size == 0)
        return vmm_error_set (error, -EINVAL, "--disk %s: '%s' is not a size, such as 8G", value,
                              part + 5);
    return 0;
}

static int
set_disk (struct run_options *options, const char *value, struct vmm_error *error)
{
    struct disk_option *disk = &options->disks[options->n_disks];
    const char *cursor = value;
    int r = 0;

    if (options->n_disks == OPTIONS_MAX_DISKS)
        return vmm_error_set (error, -E2BIG, "--disk %s is one too many, %d disks at most", value,
                              OPTIONS_MAX_DISKS);
    disk->path = text_next_part (&cursor);
    if (!disk->path)
        return vmm_error_set_errno (error, -ENOMEM, "--disk %s", value);
    options->n_disks++;
    if (!*disk->path)
        return vmm_error_set (error, -EINVAL, "--disk %s: the file name is missing", value);
    while (cursor && r == 0) {
        AUTO_FREE char *part = text_next_part (&cursor);

        if (!part)
            return vmm_error_set_errno (error, -ENOMEM, "--disk %s", value);
        r = set_disk_part (disk, part, value, error);
    }
    if (r == 0 && disk->create_size && disk->read_only)
        r = vmm_error_set (error, -EINVAL, "--disk %s: a new disk cannot be read-only", value);
    if (r == 0 && disk->n_backing && (disk->format == BLK_FORMAT_RAW || disk->create_size))
        r = vmm_error_set (error, -EINVAL,
                           "--disk %s: only a qcow2 image that exists has backing files", value);
    return r;
}

static int
set_network (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (options->n_cards == OPTIONS_MAX_CARDS)
        return vmm_error_set (error, -E2BIG, "--network is given too often, %d cards at most",
                              OPTIONS_MAX_CARDS);
    return network_parse (value, &options->cards[options->n_cards++], error);
}

static int
set_file (const char **field, const char *option, const char *value, struct vmm_error *error)
{
    if (!*value)
        return vmm_error_set (error, -EINVAL, "--%s needs a file name", option);
    *field = value;
    return 0;
}

static int
set_kernel (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->kernel, "kernel", value, error);
}

static int
set_initrd (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->initrd, "initrd", value, error);
}

static int
set_cmdline (struct run_options *options, const char *value, struct vmm_error *error)
{
    options->cmdline = value;
    return 0;
}

static int
set_firmware (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (strcmp (value, "bios") == 0)
        options->firmware = VMM_FIRMWARE_BIOS;
    else if (strcmp (value, "none") == 0)
        options->firmware = VMM_FIRMWARE_NONE;
    else
        return vmm_error_set (error, -EINVAL, "--firmware %s is neither bios nor none", value);
    options->firmware_given = true;
    return 0;
}

static int
set_firmware_file (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->firmware_file, "firmware-file", value, error);
}

static int
set_boot (struct run_options *options, const char *value, struct vmm_error *error)
{
    static const char *const names[BOOT_KINDS] = {
        [BOOT_CDROM] = "cdrom",
        [BOOT_DISK] = "disk",
    };
    const char *cursor = value;

    while (cursor) {
        AUTO_FREE char *part = text_next_part (&cursor);
        unsigned kind = 0;

        while (part && kind < BOOT_KINDS && strcmp (part, names[kind]) != 0)
            kind++;
        if (!part || kind == BOOT_KINDS)
            return vmm_error_set (error, -EINVAL, "--boot %s: '%s' is neither cdrom nor disk",
                                  value, part ? part : "");
        for (size_t i = 0; i < options->n_boot; i++)
            if (options->boot[i] == kind)
                return vmm_error_set (error, -EINVAL, "--boot %s names '%s' twice", value, part);
        options->boot[options->n_boot++] = kind;
    }
    return 0;
}

static int
set_boot_menu (struct run_options *options, const char *value, struct vmm_error *error)
{
    options->boot_menu = true;
    return 0;
}

static int
set_display (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (strcmp (value, "vga") == 0)
        options->screen = SCREEN_VGA;
    else if (strcmp (value, "virtio") == 0)
        options->screen = SCREEN_VIRTIO;
    else
        return vmm_error_set (error, -EINVAL, "--display %s is neither vga nor virtio", value);
    return 0;
}

static int
set_line (struct line_option *line, const char *option, const char *value, struct vmm_error *error)
{
    if (strcmp (value, "none") == 0)
        line->kind = LINE_NONE;
    else if (strcmp (value, "stdio") == 0)
        line->kind = LINE_STDIO;
    else if (strncmp (value, "file:", 5) == 0 && value[5])
        line->kind = LINE_FILE;
    else if (strncmp (value, "unix:", 5) == 0 && value[5])
        line->kind = LINE_UNIX;
    else
        return vmm_error_set (error, -EINVAL,
                              "--%s %s is none of stdio, file:PATH, unix:PATH and none", option,
                              value);
    line->path = line->kind == LINE_FILE || line->kind == LINE_UNIX ? value + 5 : NULL;
    return 0;
}

static int
set_serial (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_line (&options->serial, "serial", value, error);
}

static int
set_console (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_line (&options->console, "console", value, error);
}

static int
set_spice (struct run_options *options, const char *value, struct vmm_error *error)
{
    return viewing_parse (value, &options->viewing, error);
}

static int
set_log (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->log_path, "log", value, error);
}

static int
set_control (struct run_options *options, const char *value, struct vmm_error *error)
{
    if (strncmp (value, "unix:", 5) != 0 || !value[5])
        return vmm_error_set (error, -EINVAL, "--control %s is not unix:PATH", value);
    options->control_path = value + 5;
    return 0;
}

static int
set_snapshots (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->snapshots_path, "snapshots", value, error);
}

static int
set_restore (struct run_options *options, const char *value, struct vmm_error *error)
{
    return set_file (&options->restore_path, "restore", value, error);
}

static int
set_uuid (struct run_options *options, const char *value, struct vmm_error *error)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool good = strlen (value) == sizeof form - 1;
    unsigned n = 0;

    for (size_t i = 0; good && form[i]; i++) {
        good = form[i] == '-' ? value[i] == '-' : isxdigit ((unsigned char) value[i]) != 0;
        if (good && form[i] == 'x' && n++ % 2 == 1)
            sscanf (value + i - 1, "%2hhx", &options->uuid[n / 2 - 1]);
    }
    if (!good)
        return vmm_error_set (error, -EINVAL, "--uuid %.64s is not of the form %s", value, form);
    return 0;
}

static int
set_disposable (struct run_options *options, const char *value, struct vmm_error *error)
{
    options->disposable = true;
    return 0;
}

static const struct option_spec specs[] = {
    {"name", "NAME", false, false, set_name, "what the machine is called [posada]"},
    {"uuid", "UUID", false, false, set_uuid, "what tells it from all others"},
    {"memory", "SIZE", false, false, set_memory, "RAM, such as 512M or 2G [1G]"},
    {"cpus", "N", false, false, set_cpus, "virtual CPUs [1]; N,sockets=S,cores=C,threads=T"},
    {"iso", "FILE", true, false, set_iso, "a CD-ROM drive with FILE in it, or none: an empty one"},
    {"disk", "FILE", true, false, set_disk,
     "a disk; FILE,size=8G makes it, FILE,format=qcow2 says what it is"},
    {"network", "[=PARTS]", true, true, set_network,
     "a network card; --network=forward=tcp:2222:22 lets others in"},
    {"kernel", "FILE", false, false, set_kernel, "boot this Linux or PVH kernel without firmware"},
    {"initrd", "FILE", false, false, set_initrd, "initial RAM disk for --kernel"},
    {"cmdline", "TEXT", false, false, set_cmdline, "command line for --kernel"},
    {"firmware", "KIND", false, false, set_firmware, "bios, or none with --kernel"},
    {"firmware-file", "FILE", false, false, set_firmware_file,
     "another BIOS than the distribution's"},
    {"boot", "ORDER", false, false, set_boot, "what to try, in this order [cdrom,disk]"},
    {"boot-menu", NULL, false, false, set_boot_menu, "let the firmware offer its boot menu"},
    {"display", "KIND", false, false, set_display,
     "vga, or virtio: for drivers, with a VGA in it [vga]"},
    {"serial", "TO", false, false, set_serial, "stdio, file:PATH, unix:PATH or none [none]"},
    {"console", "TO", false, false, set_console,
     "as --serial, for a virtio console (hvc0 in Linux)"},
    {"spice", "TO", false, false, set_spice, "let viewers connect: unix:PATH, or tls:PORT,..."},
    {"log", "FILE", false, false, set_log, "append what the machine reports to FILE"},
    {"control", "unix:PATH", false, false, set_control, "listen for posada ctl on PATH"},
    {"snapshots", "FOLDER", false, false, set_snapshots, "where snapshots are kept"},
    {"restore", "FOLDER", false, false, set_restore, "go on from this snapshot instead of booting"},
    {"disposable", NULL, false, false, set_disposable, "keep nothing that is written to disks"},
};

void
options_print_help (FILE *stream)
{
    fputs ("Usage: posada run [OPTIONS]\n\n", stream);
    for (size_t i = 0; i < ARRAY_LENGTH (specs); i++) {
        char left[48];

        snprintf (left, sizeof left, "--%s%s%s", specs[i].name, specs[i].may_lack ? "" : " ",
                  specs[i].argument ? specs[i].argument : "");
        fprintf (stream, "  %-21s  %s%s\n", left, specs[i].help,
                 specs[i].repeats ? "; may be repeated" : "");
    }
    fputs ("\nWith --serial stdio, Ctrl-A X quits and Ctrl-A A sends Ctrl-A.\n"
           "Exit status: 0 powered off, 1 crashed, 2 bad use or input, 3 host unusable.\n",
           stream);
}

static const struct option_spec *
find_spec (const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_LENGTH (specs); i++)
        if (strlen (specs[i].name) == length && strncmp (specs[i].name, name, length) == 0)
            return &specs[i];
    return NULL;
}

/* What no single option can know. */
static int
check_together (struct run_options *options, struct vmm_error *error)
{
    const struct line_option *serial = &options->serial, *console = &options->console;

    if (serial->kind != LINE_NONE && serial->kind == console->kind &&
        (serial->kind == LINE_STDIO || strcmp (serial->path, console->path) == 0))
        return vmm_error_set (error, -EINVAL, "--serial and --console cannot both lead to %s",
                              serial->path ? serial->path : "stdio");
    if (options->disposable && (options->snapshots_path || options->restore_path))
        return vmm_error_set (error, -EINVAL,
                              "--disposable keeps nothing, and so excludes --snapshots and "
                              "--restore");
    for (size_t i = 0; options->disposable && i < options->n_disks; i++)
        if (options->disks[i].create_size)
            return vmm_error_set (error, -EINVAL,
                                  "--disposable keeps nothing, and so makes no disk such as %s",
                                  options->disks[i].path);
    if (!options->kernel) {
        if (options->initrd)
            return vmm_error_set (error, -EINVAL, "--initrd %s needs --kernel", options->initrd);
        if (options->cmdline)
            return vmm_error_set (error, -EINVAL, "--cmdline needs --kernel");
        if (options->firmware == VMM_FIRMWARE_NONE)
            return vmm_error_set (error, -EINVAL,
                                  "--firmware none needs --kernel, there is nothing else to boot");
        return 0;
    }
    if (options->firmware_given && options->firmware != VMM_FIRMWARE_NONE)
        return vmm_error_set (error, -EINVAL,
                              "--firmware bios and --kernel exclude each other: a kernel is booted "
                              "without firmware");
    if (options->firmware_file)
        return vmm_error_set (error, -EINVAL, "--firmware-file and --kernel exclude each other");
    options->firmware = VMM_FIRMWARE_NONE;
    return 0;
}

/* One option at argv[*index], which is advanced over a value of its own. */
static int
parse_one (int argc, char **argv, int *index, uint32_t *given, struct run_options *options,
           struct vmm_error *error)
{
    const char *argument = argv[*index], *value = NULL;
    const struct option_spec *spec;
    size_t length;

    if (strncmp (argument, "--", 2) != 0 || !argument[2])
        return vmm_error_set (error, -EINVAL, "'%s' is not an option; posada run --help lists them",
                              argument);
    length = strcspn (argument + 2, "=");
    spec = find_spec (argument + 2, length);
    if (!spec)
        return vmm_error_set (error, -EINVAL,
                              "there is no option --%.*s; posada run --help lists them",
                              (int) length, argument + 2);
    if (argument[2 + length] == '=')
        value = argument + 2 + length + 1;
    if (value && !spec->argument)
        return vmm_error_set (error, -EINVAL, "--%s takes no value", spec->name);
    if (!spec->repeats && (*given & (1u << (spec - specs))))
        return vmm_error_set (error, -EINVAL, "--%s is given twice", spec->name);
    *given |= 1u << (spec - specs);
    if (!value && spec->argument && !spec->may_lack) {
        if (*index + 1 >= argc)
            return vmm_error_set (error, -EINVAL, "--%s needs a value", spec->name);
        value = argv[++*index];
    }
    return spec->set (options, value, error);
}

int
options_parse (int argc, char **argv, struct run_options *options, struct vmm_error *error)
{
    uint32_t given = 0;
    int r;

    *options = (struct run_options) {
        .name = "posada",
        .memory = GIB,
        .cpus = 1,
        .firmware = VMM_FIRMWARE_BIOS,
    };
    for (int i = 1; i < argc; i++) {
        if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
            return OPTIONS_HELP;
        r = parse_one (argc, argv, &i, &given, options, error);
        if (r < 0)
            return r;
    }
    if (options->n_boot == 0) {
        options->boot[0] = BOOT_CDROM;
        options->boot[1] = BOOT_DISK;
        options->n_boot = 2;
    }
    return check_together (options, error);
}

void
options_clear (struct run_options *options)
{
    for (size_t i = 0; i < options->n_disks; i++) {
        free (options->disks[i].path);
        for (size_t j = 0; j < options->disks[i].n_backing; j++)
            free ((char *) options->disks[i].backing[j]);
    }
    options->n_disks = 0;
    viewing_clear (&options->viewing);
}
