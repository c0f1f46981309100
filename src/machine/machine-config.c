/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/machine-config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "hw/platform.h"

#define FIRST_CARD_SLOT 30

/* A device of its own, whose values follow with add_value () before the next one comes. */
static void
add_device (struct machine_config *self, const char *class_name, const char *id)
{
    assert (self->config.n_devices < MACHINE_MAX_DEVICES);
    self->devices[self->config.n_devices++] = (struct vmm_device_config) {
        .class_name = class_name,
        .id = id,
        .values = &self->values[self->n_values],
    };
}

static void
add_value (struct machine_config *self, struct vmm_value value)
{
    assert (self->n_values < MACHINE_MAX_VALUES);
    self->values[self->n_values++] = value;
    self->devices[self->config.n_devices - 1].n_values++;
}

static void
add_platform (struct machine_config *self, bool direct_boot)
{
    size_t n;
    const struct vmm_device_config *devices = posada_platform_devices (direct_boot, &n);

    for (size_t i = 0; i < n; i++) {
        add_device (self, devices[i].class_name, devices[i].id);
        for (size_t j = 0; j < devices[i].n_values; j++)
            add_value (self, devices[i].values[j]);
    }
}

/* In slots of their own from the last one down: guests name cards after their slots, and those
 * names are in their settings, whatever drives come and go. */
static void
add_cards (struct machine_config *self, const struct machine_plan *plan)
{
    for (size_t i = 0; i < plan->n_cards; i++) {
        const struct machine_card *card = &plan->cards[i];

        snprintf (self->card_names[i], sizeof self->card_names[i], MACHINE_CARD_DEVICE "%zu", i);
        add_device (self, "virtio-net", self->card_names[i]);
        add_value (self, (struct vmm_value) VMM_NUMBER ("slot", FIRST_CARD_SLOT - i));
        add_value (self, (struct vmm_value) VMM_STRING ("mac", card->mac));
        add_value (self, (struct vmm_value) VMM_BOOL ("connected", !card->unplugged));
        if (card->net)
            add_value (self, (struct vmm_value) VMM_POINTER ("net", card->net));
    }
}

static void
add_cds (struct machine_config *self, const struct machine_plan *plan)
{
    static const struct {
        const char *port, *blk;
    } keys[MACHINE_MAX_CDS] = {{"port0", "blk0"}, {"port1", "blk1"}, {"port2", "blk2"},
                               {"port3", "blk3"}, {"port4", "blk4"}, {"port5", "blk5"}};

    if (plan->n_cds == 0)
        return;
    add_device (self, "ahci", MACHINE_CD_DEVICE);
    for (size_t i = 0; i < plan->n_cds; i++) {
        snprintf (self->cd_names[i], sizeof self->cd_names[i], MACHINE_CD_DEVICE ":%zu", i);
        add_value (self, (struct vmm_value) VMM_STRING (keys[i].port, "cd"));
        if (plan->cds[i])
            add_value (self, (struct vmm_value) VMM_POINTER (keys[i].blk, plan->cds[i]));
    }
}

static void
add_disks (struct machine_config *self, const struct machine_plan *plan)
{
    for (size_t i = 0; i < plan->n_disks; i++) {
        snprintf (self->ids[i], sizeof self->ids[i], "disk%zu", i);
        add_device (self, "virtio-blk", self->ids[i]);
        add_value (self, (struct vmm_value) VMM_POINTER ("blk", plan->disks[i]));
    }
}

/* Behind all that come no later. */
static void
add_boot (struct machine_config *self, const char *id, unsigned place)
{
    size_t i;

    if (place == 0)
        return;
    for (i = self->config.n_boot_order++; i > 0 && self->boot_places[i - 1] > place; i--) {
        self->boot_places[i] = self->boot_places[i - 1];
        self->boot_order[i] = self->boot_order[i - 1];
    }
    self->boot_places[i] = place;
    self->boot_order[i] = id;
}

void
machine_config_fill (struct machine_config *self, const struct machine_plan *plan)
{
    *self = (struct machine_config) {
        .config =
            {
                .name = plan->name,
                .memory = plan->memory,
                .cpus = plan->cpus,
                .sockets = plan->sockets,
                .cores = plan->cores,
                .threads = plan->threads,
                .firmware = plan->firmware,
                .firmware_path = plan->firmware_path,
                .kernel = plan->kernel,
                .initrd = plan->initrd,
                .cmdline = plan->cmdline,
                .boot_menu = plan->boot_menu,
            },
    };
    memcpy (self->config.uuid, plan->uuid, sizeof self->config.uuid);
    memcpy (self->config.generation, plan->generation, sizeof self->config.generation);

    add_platform (self, plan->kernel != NULL);
    add_cards (self, plan);
    add_device (self, "i8042", "i8042");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", plan->input));
    if (plan->serial) {
        add_device (self, "serial", "serial0");
        add_value (self, (struct vmm_value) VMM_POINTER ("chardev", plan->serial));
    }
    add_device (self, plan->screen == SCREEN_VIRTIO ? "virtio-vga" : "vga", "vga");
    add_value (self, (struct vmm_value) VMM_POINTER ("display", plan->display));
    if (plan->vgabios)
        add_value (self, (struct vmm_value) VMM_STRING ("vgabios", plan->vgabios));
    add_cds (self, plan);
    add_disks (self, plan);
    if (plan->console) {
        add_device (self, "virtio-console", "console0");
        add_value (self, (struct vmm_value) VMM_POINTER ("chardev", plan->console));
    }
    add_device (self, "virtio-rng", "rng0");
    add_device (self, "virtio-balloon", MACHINE_BALLOON_DEVICE);
    /* Behind the PS/2 ones: they get the events as soon as their drivers run. */
    add_device (self, "virtio-keyboard", "keyboard0");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", plan->input));
    add_device (self, "virtio-tablet", "tablet0");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", plan->input));
    add_device (self, "virtio-touch", "touch0");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", plan->input));

    for (size_t i = 0; i < plan->n_cds; i++)
        add_boot (self, self->cd_names[i], plan->cd_boot[i]);
    for (size_t i = 0; i < plan->n_disks; i++)
        add_boot (self, self->ids[i], plan->disk_boot[i]);
    self->config.boot_order = self->boot_order;
    self->config.devices = self->devices;
}
