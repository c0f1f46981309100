/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-instance.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chardev.h"
#include "block/image.h"
#include "engine/firmware/locate.h"
#include "hw/device-table.h"
#include "hw/virtio/virtio-balloon.h"
#include "machine/posada-machine.h"
#include "net/net.h"
#include "snapshot/snapshot.h"

/* The one place where errors of the engine become ours. */
static void
take_error (GError **error, PosadaMachineError code, const struct vmm_error *from)
{
    g_set_error_literal (error, POSADA_MACHINE_ERROR, code, from->message);
}

static void
log_cb (void *data, enum vmm_log_level level, const char *message)
{
    if (level <= VMM_LOG_WARNING)
        g_message ("%s", message);
    else
        g_debug ("%s", message);
}

static void
parse_uuid (const char *text, uint8_t uuid[16])
{
    guint n = 0;

    if (!text || !g_uuid_string_is_valid (text))
        return;
    for (const char *c = text; *c && n < 32; c++)
        if (*c != '-') {
            uuid[n / 2] = (uint8_t) (uuid[n / 2] << 4 | g_ascii_xdigit_value (*c));
            n++;
        }
}

static int
open_disk (PosadaKvmInstance *self, const PosadaKvmDrive *disk, struct blk **ret_blk,
           struct vmm_error *error)
{
    char *none[] = {NULL};
    struct blk_source source = {
        .path = disk->path,
        .format = disk->qcow2 ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW,
        .flags = disk->read_only ? BLK_READ_ONLY : 0,
        .allow_backing = blk_allow_listed,
        .data = disk->backing ? disk->backing : none,
    };

    if (self->disposable && !disk->read_only) {
        const char *folder = g_get_user_cache_dir ();

        g_mkdir_with_parents (folder, 0700);
        return blk_open_disposable (&source, folder, &self->log, ret_blk, error);
    }
    return blk_open (&source, &self->log, ret_blk, error);
}

static int
open_images (PosadaKvmInstance *self, const PosadaKvmConfig *config, struct vmm_error *error)
{
    struct machine_plan *plan = &self->plan;
    int r = 0;

    if (config->n_cds > MACHINE_MAX_CDS)
        return vmm_error_set (error, -E2BIG, _ ("More than %d CD-ROM drives do not fit."),
                              MACHINE_MAX_CDS);
    if (config->n_disks > MACHINE_MAX_DISKS)
        return vmm_error_set (error, -E2BIG, _ ("More than %d disks do not fit."),
                              MACHINE_MAX_DISKS);
    plan->n_cds = config->n_cds;
    plan->n_disks = config->n_disks;
    for (guint i = 0; i < config->n_cds && r == 0; i++) {
        plan->cd_boot[i] = config->cds[i].boot;
        if (config->cds[i].path)
            r = blk_open_raw (config->cds[i].path, BLK_READ_ONLY, 0, &self->log, &plan->cds[i],
                              error);
    }
    for (guint i = 0; i < config->n_disks && r == 0; i++) {
        plan->disk_boot[i] = config->disks[i].boot;
        r = open_disk (self, &config->disks[i], &plan->disks[i], error);
    }
    return r;
}

static int
open_serial (PosadaKvmInstance *self, const PosadaKvmConfig *config, struct vmm_error *error)
{
    int fds[2], r;

    if (!config->serial)
        return 0;
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return vmm_error_set_errno (error, -errno, _ ("The serial line cannot be opened"));
    self->serial_fd = fds[0];
    r = chardev_open_fds (fds[1], fds[1], &self->plan.serial, error);
    close (fds[1]);
    return r;
}

/* Where a port is taken, as by the original of a copy, everything but the forwards works. */
static int
open_net (const PosadaKvmCard *card, struct net **ret_net, struct vmm_error *error)
{
    g_autofree struct net_forward *forwards = g_new (struct net_forward, card->n_forwards);
    struct net_passt options = {.forwards = forwards, .n_forwards = card->n_forwards};
    int r;

    for (guint i = 0; i < card->n_forwards; i++)
        forwards[i] = (struct net_forward) {
            .udp = card->forwards[i].udp,
            .address = card->forwards[i].address,
            .first = card->forwards[i].first,
            .last = card->forwards[i].last,
            .to = card->forwards[i].to,
        };
    r = net_open_passt (&options, ret_net, error);
    if (r == 0 || card->n_forwards == 0 || r == -ENOENT)
        return r;
    options.n_forwards = 0;
    return net_open_passt (&options, ret_net, NULL) == 0 ? 1 : r;
}

/* What the network says is a sentence but for its ends. */
static void
tell_problem (PosadaKvmInstance *self, int result, const struct vmm_error *error)
{
    g_autofree char *sentence = g_strdup_printf ("%s.", error->message);

    g_message ("%s", error->message);
    sentence[0] = g_ascii_toupper (sentence[0]);
    if (result == -ENOENT && g_access ("/.flatpak-info", F_OK) == 0)
        g_set_str (&self->network_problem,
                   _ ("The network is not connected, because a Flatpak cannot make one: install "
                      "Posada as a package of your distribution to have it."));
    else if (result == -ENOENT)
        g_set_str (&self->network_problem,
                   _ ("The network is not connected: install the package passt, then shut the "
                      "machine down and start it again."));
    else
        g_set_str (&self->network_problem, sentence);
}

/* A machine without its network runs nevertheless. */
static void
open_network (PosadaKvmInstance *self, const PosadaKvmConfig *config)
{
    const PosadaKvmNetwork *network = config->network;

    if (!network)
        return;
    self->network = posada_kvm_network_get_kind (network) == POSADA_NETWORK_NONE
                        ? POSADA_NETWORK_NONE
                        : POSADA_NETWORK_UNPLUGGED;
    self->network_problem = g_strdup (network->problem);
    self->plan.n_cards = network->n_cards;
    for (guint i = 0; i < network->n_cards; i++) {
        struct machine_card *card = &self->plan.cards[i];
        struct vmm_error error = {0};
        int r;

        *card = (struct machine_card) {.mac = network->cards[i].mac,
                                       .unplugged = !network->cards[i].connected};
        if (card->unplugged)
            continue;
        r = open_net (&network->cards[i], &card->net, &error);
        if (r != 0)
            tell_problem (self, r, &error);
        if (!card->net)
            continue;
        self->network = POSADA_NETWORK_HOST;
        self->networks_up++;
    }
}

static int
find_firmware (PosadaKvmInstance *self, const PosadaKvmConfig *config, struct vmm_error *error)
{
    const char *search_path = g_getenv ("POSADA_FIRMWARE_PATH");
    int r = 0;

    if (config->kernel)
        return 0;
    if (!config->firmware)
        r = firmware_locate (FIRMWARE_BIOS, search_path, &self->bios, error);
    if (r < 0)
        return r;
    return firmware_locate (config->virtio_screen ? FIRMWARE_VGABIOS_VIRTIO : FIRMWARE_VGABIOS,
                            search_path, &self->vgabios, error);
}

static void
plan_machine (PosadaKvmInstance *self, const PosadaKvmConfig *config)
{
    struct machine_plan *plan = &self->plan;
    g_autofree char *snapshots = NULL;

    plan->name = config->name;
    parse_uuid (config->uuid, plan->uuid);
    snapshots = config->folder ? g_build_filename (config->folder, "snapshots", NULL) : NULL;
    snapshot_get_generation (snapshots, plan->uuid, plan->generation);
    plan->memory = config->memory;
    plan->cpus = config->cpus;
    plan->sockets = config->sockets;
    plan->cores = config->cores;
    plan->threads = config->threads;
    plan->firmware = config->kernel ? VMM_FIRMWARE_NONE : VMM_FIRMWARE_BIOS;
    plan->firmware_path = config->firmware ? config->firmware : self->bios;
    plan->vgabios = self->vgabios;
    plan->kernel = config->kernel;
    plan->initrd = config->initrd;
    plan->cmdline = config->cmdline;
    plan->boot_menu = config->boot_menu;
    plan->screen = config->virtio_screen ? SCREEN_VIRTIO : SCREEN_VGA;
}

static int
create_engine (PosadaKvmInstance *self, const PosadaKvmConfig *config, struct vmm_error *error)
{
    g_autofree struct machine_config *machine = g_new (struct machine_config, 1);
    int r = display_create (&self->plan.display);

    if (r == 0)
        r = input_create (&self->plan.input);
    if (r < 0)
        return vmm_error_set_errno (error, r, _ ("The machine cannot be built"));
    plan_machine (self, config);
    machine_config_fill (machine, &self->plan);
    machine->config.classes = posada_device_classes;
    machine->config.log = self->log;
    return vmm_create (&machine->config, &self->engine, error);
}

/* What does not work, unless it is the host that cannot do it. */
static void
explain (GError **error, const struct vmm_error *from)
{
    struct vmm_host host;

    vmm_probe_host (&host);
    if (host.verdict == VMM_HOST_USABLE || host.verdict == VMM_HOST_EMULATES)
        take_error (error, POSADA_MACHINE_ERROR_FAILED, from);
    else
        g_set_error (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NO_HOST, "%s %s",
                     host.summary, host.advice);
}

/* A machine whose viewers cannot come runs nevertheless. */
static void
open_remote (PosadaKvmInstance *self, const PosadaKvmConfig *config)
{
    g_autoptr (GError) error = NULL;

    self->remote =
        posada_kvm_remote_new (self->plan.display, self->plan.input, config->name, config->uuid);
    if (!config->remote || config->remote->kind == POSADA_REMOTE_OFF)
        return;
    self->remote_state = posada_remote_copy (config->remote);
    if (!posada_kvm_remote_apply (self->remote, self->remote_state, config->folder, &error)) {
        g_message ("%s", error->message);
        self->remote_state->problem = g_strdup (error->message);
    }
}

PosadaKvmInstance *
posada_kvm_instance_open (const PosadaKvmConfig *config, GError **error)
{
    PosadaKvmInstance *self = g_new0 (PosadaKvmInstance, 1);
    struct vmm_error from = {0};
    int r;

    self->log = (struct vmm_log) {.write = log_cb, .level = VMM_LOG_INFO};
    self->serial_fd = -1;
    self->disposable = config->disposable;
    r = open_images (self, config, &from);
    if (r == 0)
        r = open_serial (self, config, &from);
    if (r == 0)
        r = find_firmware (self, config, &from);
    if (r == 0)
        open_network (self, config);
    if (r < 0)
        take_error (error, POSADA_MACHINE_ERROR_FAILED, &from);
    else {
        r = create_engine (self, config, &from);
        if (r < 0)
            explain (error, &from);
    }
    if (r < 0) {
        posada_kvm_instance_close (self);
        return NULL;
    }
    self->screen = posada_kvm_screen_new (self->plan.display, self->plan.input);
    open_remote (self, config);
    return self;
}

void
posada_kvm_instance_close (PosadaKvmInstance *self)
{
    if (!self)
        return;
    if (self->remote)
        posada_kvm_remote_end (self->remote);
    posada_kvm_remote_unref (self->remote);
    posada_remote_free (self->remote_state);
    posada_kvm_screen_free (self->screen);
    /* Back ends may go once the machine is gone. */
    vmm_destroy (self->engine);
    for (guint i = 0; i < MACHINE_MAX_CDS; i++)
        blk_close (self->plan.cds[i]);
    for (guint i = 0; i < MACHINE_MAX_DISKS; i++)
        blk_close (self->plan.disks[i]);
    for (guint i = 0; i < MACHINE_MAX_CARDS; i++)
        net_close (self->plan.cards[i].net);
    chardev_close (self->plan.serial);
    if (self->serial_fd >= 0)
        close (self->serial_fd);
    input_destroy (self->plan.input);
    display_destroy (self->plan.display);
    free (self->bios);
    free (self->vgabios);
    g_free (self->network_problem);
    g_free (self);
}

void
posada_kvm_instance_get_disk_traffic (PosadaKvmInstance *self, guint64 *ret_read,
                                      guint64 *ret_written)
{
    *ret_read = *ret_written = 0;
    for (guint i = 0; i < MACHINE_MAX_CDS + MACHINE_MAX_DISKS; i++) {
        struct blk *blk =
            i < MACHINE_MAX_CDS ? self->plan.cds[i] : self->plan.disks[i - MACHINE_MAX_CDS];
        struct blk_stats stats;

        if (!blk)
            continue;
        blk_get_stats (blk, &stats);
        *ret_read += stats.read_bytes;
        *ret_written += stats.write_bytes;
    }
}

guint64
posada_kvm_instance_get_memory_in_use (PosadaKvmInstance *self)
{
    struct vmm_device *balloon = vmm_machine_find_device (self->engine, MACHINE_BALLOON_DEVICE);
    struct virtio_balloon_stats stats;

    /* Whatever the guest says, it is not more. */
    if (!balloon || virtio_balloon_get_stats (balloon, &stats) < 0 || !stats.updated_at ||
        stats.available > self->plan.memory)
        return self->plan.memory;
    return self->plan.memory - stats.available;
}

gboolean
posada_kvm_instance_check_network (PosadaKvmInstance *self)
{
    guint up = 0;

    for (gsize i = 0; i < self->plan.n_cards; i++) {
        struct net_stats stats = {.ended = true};

        if (self->plan.cards[i].net)
            net_get_stats (self->plan.cards[i].net, &stats);
        up += !stats.ended;
    }
    if (up >= self->networks_up)
        return FALSE;
    self->networks_up = up;
    self->network = up ? POSADA_NETWORK_HOST : POSADA_NETWORK_UNPLUGGED;
    g_set_str (&self->network_problem,
               _ ("The network has ended unexpectedly: shut the machine down and start it again to "
                  "have it back."));
    return TRUE;
}

void
posada_kvm_instance_get_network_traffic (PosadaKvmInstance *self, guint64 *ret_received,
                                         guint64 *ret_sent)
{
    *ret_received = *ret_sent = 0;
    for (gsize i = 0; i < self->plan.n_cards; i++) {
        struct net_stats stats;

        if (!self->plan.cards[i].net)
            continue;
        net_get_stats (self->plan.cards[i].net, &stats);
        *ret_received += stats.received_bytes;
        *ret_sent += stats.sent_bytes;
    }
}
