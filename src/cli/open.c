/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything between the command line and the first instruction, in an order that keeps a promise:
 * whatever is wrong with the input is found before anything is made. First all is looked at, then
 * what exists is opened and locked, then sockets, files and new disks are made, and if the engine
 * refuses after that, they are removed again.
 */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/chardev.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "cli/control.h"
#include "cli/inputs.h"
#include "cli/keyboard.h"
#include "cli/snapshots.h"
#include "cli/terminal.h"
#include "display/display.h"
#include "display/input.h"
#include "engine/firmware/locate.h"
#include "hw/device-table.h"
#include "net/net.h"
#include "snapshot/snapshot.h"

/* Refuses to write where something else is read or written: a disk named as a log by mistake would
 * be lost. */
static int
check_output (const struct run_options *options, const char *path, const char *what,
              struct vmm_error *error)
{
    const char *inputs[OPTIONS_MAX_DISKS + OPTIONS_MAX_CDS + 3] = {options->kernel, options->initrd,
                                                                   options->firmware_file};
    size_t n = 3;

    for (size_t i = 0; i < options->n_disks; i++)
        inputs[n++] = options->disks[i].path;
    for (size_t i = 0; i < options->n_cds; i++)
        inputs[n++] = options->cds[i];
    for (size_t i = 0; i < n; i++)
        if (inputs[i] && inputs_are_same_file (path, inputs[i]))
            return vmm_error_set (error, -EINVAL, "%s is one of the machine's images, not for %s",
                                  path, what);
    return inputs_check_output (path, what, error);
}

static int
check_outputs (const struct run_options *options, struct vmm_error *error)
{
    const struct {
        const char *path, *what;
    } outputs[] = {
        {options->serial.kind == LINE_FILE ? options->serial.path : NULL, "the serial port"},
        {options->console.kind == LINE_FILE ? options->console.path : NULL, "the console"},
        {options->log_path, "the log"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH (outputs); i++) {
        int r;

        if (!outputs[i].path)
            continue;
        r = check_output (options, outputs[i].path, outputs[i].what, error);
        if (r < 0)
            return r;
        for (size_t j = 0; j < i; j++)
            if (outputs[j].path && inputs_are_same_file (outputs[i].path, outputs[j].path))
                return vmm_error_set (error, -EINVAL, "%s cannot be for %s and %s", outputs[i].path,
                                      outputs[j].what, outputs[i].what);
    }
    return 0;
}

static int
check_inputs (const struct run_options *options, struct vmm_error *error)
{
    int r = inputs_check_memory (options->memory, error);

    if (r == 0)
        r = inputs_check_boot_files (options, error);
    for (size_t i = 0; r == 0 && i < options->n_cds; i++)
        if (options->cds[i])
            r = inputs_check_cd (options->cds[i], error);
    for (size_t i = 0; r == 0 && i < options->n_disks; i++) {
        r = inputs_check_disk (&options->disks[i], error);
        for (size_t j = 0; r == 0 && j < i; j++)
            if (inputs_are_same_file (options->disks[i].path, options->disks[j].path))
                r = vmm_error_set (error, -EINVAL, "--disk %s is given twice",
                                   options->disks[i].path);
    }
    return r < 0 ? r : check_outputs (options, error);
}

/* Where there is room for what a guest writes in passing. */
static int
open_disposable (struct run *self, const struct blk_source *source, struct blk **ret_blk,
                 struct vmm_error *error)
{
    const char *cache = getenv ("XDG_CACHE_HOME"), *home = getenv ("HOME");
    char folder[PATH_MAX];

    if (cache && *cache == '/')
        snprintf (folder, sizeof folder, "%s", cache);
    else
        snprintf (folder, sizeof folder, "%s/.cache", home ? home : "");
    mkdir (folder, 0700);
    return blk_open_disposable (source, folder, &self->log, ret_blk, error);
}

static int
open_disk (struct run *self, const struct disk_option *disk, struct blk **ret_blk,
           struct vmm_error *error)
{
    struct blk_source source = {
        .path = disk->path,
        .format = disk->format,
        .flags = disk->read_only ? BLK_READ_ONLY : 0,
        .allow_backing = blk_allow_listed,
        .data = (void *) disk->backing,
    };

    if (self->options.disposable && !disk->read_only)
        return open_disposable (self, &source, ret_blk, error);
    return blk_open (&source, &self->log, ret_blk, error);
}

static int
open_images (struct run *self, struct vmm_error *error)
{
    const struct run_options *options = &self->options;
    int r = 0;

    for (size_t i = 0; r == 0 && i < options->n_cds; i++)
        if (options->cds[i])
            r = blk_open_raw (options->cds[i], BLK_READ_ONLY, 0, &self->log, &self->plan.cds[i],
                              error);
    for (size_t i = 0; r == 0 && i < options->n_disks; i++)
        if (!options->disks[i].create_size)
            r = open_disk (self, &options->disks[i], &self->plan.disks[i], error);
    return r;
}

static int
create_disks (struct run *self, struct vmm_error *error)
{
    const struct run_options *options = &self->options;

    for (size_t i = 0; i < options->n_disks; i++) {
        const struct disk_option *disk = &options->disks[i];
        struct blk_qcow2_options qcow2 = {.size = disk->create_size};
        int r;

        if (!disk->create_size)
            continue;
        if (disk->format == BLK_FORMAT_RAW)
            r = blk_open_raw (disk->path, BLK_CREATE, disk->create_size, &self->log,
                              &self->plan.disks[i], error);
        else
            r = blk_create_qcow2 (disk->path, &qcow2, error);
        if (r < 0)
            return r;
        self->created[self->n_created++] = disk->path;
        if (disk->format != BLK_FORMAT_RAW)
            r = open_disk (self, disk, &self->plan.disks[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Opens @path for writing without changing what is in it. */
static int
open_output (struct run *self, const char *path, int flags, int *ret_fd, struct vmm_error *error)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | flags, 0666);

    if (fd >= 0)
        self->created[self->n_created++] = path;
    else if (errno == EEXIST)
        /* Not waiting for a reader, where @path is a named pipe. */
        fd = open (path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be written", path);
    *ret_fd = fd;
    return 0;
}

static void
quit_cb (void *data)
{
    run_quit (data);
}

static int
open_line (struct run *self, const struct line_option *line, int *ret_fd,
           struct chardev **ret_chardev, struct vmm_error *error)
{
    int r;

    switch (line->kind) {
    case LINE_NONE: return 0;
    case LINE_UNIX: return chardev_open_unix (line->path, ret_chardev, error);
    case LINE_FILE:
        r = open_output (self, line->path, 0, ret_fd, error);
        return r < 0 ? r : chardev_open_fds (-1, *ret_fd, ret_chardev, error);
    case LINE_STDIO:
        r = terminal_create (self->loop, quit_cb, self, &self->terminal, error);
        return r < 0 ? r
                     : chardev_open_fds (terminal_input_fd (self->terminal), STDOUT_FILENO,
                                         ret_chardev, error);
    }
    return 0;
}

/* Any thread: one write for each line. */
static void
log_cb (void *data, enum vmm_log_level level, const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const struct run *self = data;
    char line[1100];
    uint64_t now;
    int length;

    if (level <= VMM_LOG_WARNING)
        cli_complain ("%s", message);
    if (self->log_fd < 0)
        return;
    now = vmm_monotonic_now () / 1000;
    length =
        snprintf (line, sizeof line, "%llu.%06llu %s: %s\n", (unsigned long long) now / 1000000,
                  (unsigned long long) now % 1000000, names[level], message);
    if (write (self->log_fd, line, MIN_OF ((size_t) length, sizeof line - 1)) < 0)
        return;
}

static int
open_networks (struct run *self, struct vmm_error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < self->options.n_cards; i++)
        r = network_open (&self->options.cards[i], &self->plan.cards[i].net, error);
    return r;
}

static int
open_sockets_and_files (struct run *self, struct vmm_error *error)
{
    const struct run_options *options = &self->options;
    int r = 0;

    if (options->control_path)
        r = control_create (options->control_path, self->loop, commands_execute, self,
                            &self->control, error);
    if (r == 0)
        r = open_line (self, &options->serial, &self->serial_fd, &self->plan.serial, error);
    if (r == 0)
        r = open_line (self, &options->console, &self->console_fd, &self->plan.console, error);
    if (r == 0 && options->log_path)
        r = open_output (self, options->log_path, O_APPEND, &self->log_fd, error);
    return r == 0 ? open_networks (self, error) : r;
}

/* Whether this host lets us use KVM at all; what it is good for shows when it runs. */
static int
check_host (struct run *self, struct vmm_error *error)
{
    struct vmm_host host;

    if (access ("/dev/kvm", R_OK | W_OK) == 0)
        return 0;
    self->status = CLI_BAD_HOST;
    vmm_probe_host (&host);
    return vmm_error_set (error, -ENODEV, "%s %s", host.summary, host.advice);
}

/* A host without the distribution's firmware is not ready, whatever else is asked for. */
static int
find_firmware (struct run *self, struct vmm_error *error)
{
    const char *search_path = getenv ("POSADA_FIRMWARE_PATH");
    int r = 0;

    if (self->options.kernel)
        return 0;
    if (!self->options.firmware_file)
        r = firmware_locate (FIRMWARE_BIOS, search_path, &self->bios_path, error);
    if (r == 0)
        r = firmware_locate (self->options.screen == SCREEN_VIRTIO ? FIRMWARE_VGABIOS_VIRTIO
                                                                   : FIRMWARE_VGABIOS,
                             search_path, &self->vgabios_path, error);
    if (r < 0)
        self->status = CLI_BAD_HOST;
    return r;
}

static void
plan_cards (struct run *self)
{
    const struct run_options *options = &self->options;

    self->plan.n_cards = options->n_cards;
    for (size_t i = 0; i < options->n_cards; i++) {
        const struct network_option *option = &options->cards[i];

        if (*option->mac)
            memcpy (self->macs[i], option->mac, sizeof option->mac);
        else
            network_make_mac (options->name, options->uuid, i, self->macs[i]);
        self->plan.cards[i].mac = self->macs[i];
        self->plan.cards[i].unplugged = option->unplugged;
    }
}

/* Everything of the plan but its back ends. */
static void
plan_machine (struct run *self)
{
    const struct run_options *options = &self->options;
    struct machine_plan *plan = &self->plan;
    unsigned place = 0;

    plan->name = options->name;
    memcpy (plan->uuid, options->uuid, sizeof plan->uuid);
    snapshot_get_generation (options->snapshots_path, options->uuid, plan->generation);
    plan->memory = options->memory;
    plan->cpus = options->cpus;
    plan->sockets = options->sockets;
    plan->cores = options->cores;
    plan->threads = options->threads;
    plan->firmware = options->firmware;
    plan->firmware_path = self->bios_path ? self->bios_path : options->firmware_file;
    plan->vgabios = self->vgabios_path;
    plan->kernel = options->kernel;
    plan->initrd = options->initrd;
    plan->cmdline = options->cmdline;
    plan->boot_menu = options->boot_menu;
    plan->screen = options->screen;
    plan->n_cds = options->n_cds;
    plan->n_disks = options->n_disks;
    plan_cards (self);
    for (size_t i = 0; i < options->n_boot; i++)
        if (options->boot[i] == BOOT_CDROM)
            for (size_t j = 0; j < options->n_cds; j++)
                plan->cd_boot[j] = ++place;
        else
            for (size_t j = 0; j < options->n_disks; j++)
                plan->disk_boot[j] = ++place;
}

static int
create_machine (struct run *self, struct vmm_error *error)
{
    struct machine_config machine;
    struct vmm_host host;
    int r;

    plan_machine (self);
    machine_config_fill (&machine, &self->plan);
    machine.config.classes = posada_device_classes;
    machine.config.log = self->log;
    r = vmm_create (&machine.config, &self->machine, error);
    if (r == 0)
        return 0;
    /* The probe is the judge of whose fault that is. */
    vmm_probe_host (&host);
    if (host.verdict != VMM_HOST_USABLE && host.verdict != VMM_HOST_EMULATES) {
        self->status = CLI_BAD_HOST;
        vmm_error_set (error, r, "%s %s", host.summary, host.advice);
    }
    return r;
}

static int
create_plain_parts (struct run *self, struct vmm_error *error)
{
    int r = display_create (&self->plan.display);

    if (r == 0)
        r = input_create (&self->plan.input);
    if (r == 0)
        r = keyboard_create (self->loop, self->plan.input, &self->keyboard);
    return r < 0 ? vmm_error_set_errno (error, r, "the machine cannot be built") : 0;
}

int
run_open (struct run *self, struct vmm_error *error)
{
    int outputs[2], r;

    self->log = (struct vmm_log) {
        .write = log_cb,
        .data = self,
        .level = self->options.log_path ? VMM_LOG_INFO : VMM_LOG_WARNING,
    };
    self->status = CLI_BAD_USE;
    r = check_inputs (&self->options, error);
    if (r == 0)
        r = open_images (self, error);
    if (r == 0)
        r = check_host (self, error);
    if (r == 0)
        r = find_firmware (self, error);
    if (r == 0)
        r = create_plain_parts (self, error);
    if (r == 0)
        r = open_sockets_and_files (self, error);
    if (r == 0 && self->viewing)
        r = self->viewing->open (self, error);
    if (r == 0)
        r = create_disks (self, error);
    if (r == 0)
        r = create_machine (self, error);
    if (r < 0)
        return r;
    outputs[0] = self->serial_fd;
    outputs[1] = self->console_fd;
    /* Now that nothing can go wrong any more, what was in the lines' files may go. Pipes and
     * devices have nothing to empty. */
    for (size_t i = 0; i < ARRAY_LENGTH (outputs); i++)
        if (outputs[i] >= 0 && ftruncate (outputs[i], 0) < 0 && errno != EINVAL)
            return vmm_error_set_errno (error, -errno, "what was in a serial line's file stays");
    self->n_created = 0;
    return 0;
}

void
run_close (struct run *self)
{
    if (self->viewing)
        self->viewing->close (self);
    /* Back ends may go once the machine is gone. */
    vmm_destroy (self->machine);
    chardev_close (self->plan.serial);
    chardev_close (self->plan.console);
    for (size_t i = 0; i < OPTIONS_MAX_CARDS; i++)
        net_close (self->plan.cards[i].net);
    for (size_t i = 0; i < OPTIONS_MAX_CDS; i++)
        blk_close (self->plan.cds[i]);
    for (size_t i = 0; i < OPTIONS_MAX_DISKS; i++)
        blk_close (self->plan.disks[i]);
    snapshots_destroy (self);
    control_destroy (self->control);
    keyboard_destroy (self->keyboard);
    terminal_destroy (self->terminal);
    if (self->plan.input)
        input_destroy (self->plan.input);
    if (self->plan.display)
        display_destroy (self->plan.display);
    while (self->n_created)
        unlink (self->created[--self->n_created]);
    close_fd (self->serial_fd);
    close_fd (self->console_fd);
    close_fd (self->log_fd);
    vmm_source_remove (&self->signals);
    vmm_source_remove (&self->events);
    close_fd (self->signal_fd);
    vmm_loop_destroy (self->loop);
    free (self->bios_path);
    free (self->vgabios_path);
    options_clear (&self->options);
}
