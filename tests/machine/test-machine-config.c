/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/machine-config.h"

#include "tap.h"

static unsigned
count (const struct machine_config *machine, const char *class_name)
{
    unsigned n = 0;

    for (size_t i = 0; i < machine->config.n_devices; i++)
        n += strcmp (machine->config.devices[i].class_name, class_name) == 0;
    return n;
}

TEST (boots_in_the_order_of_places)
{
    struct machine_plan plan = {
        .n_cds = 2,
        .n_disks = 3,
        .cd_boot = {4, 0},
        .disk_boot = {9, 1, 4},
    };
    struct machine_config machine;

    machine_config_fill (&machine, &plan);
    CHECK_EQUAL (machine.config.n_boot_order, 4);
    CHECK_STRING (machine.config.boot_order[0], "disk1");
    CHECK_STRING (machine.config.boot_order[1], "ahci0:0");
    CHECK_STRING (machine.config.boot_order[2], "disk2");
    CHECK_STRING (machine.config.boot_order[3], "disk0");
}

TEST (has_room_for_everything)
{
    struct machine_plan plan = {
        .n_cds = MACHINE_MAX_CDS,
        .n_disks = MACHINE_MAX_DISKS,
        .n_cards = MACHINE_MAX_CARDS,
        .screen = SCREEN_VIRTIO,
        .vgabios = "vgabios.bin",
        .uuid = {1, 2, 3},
    };
    struct machine_config machine;

    for (size_t i = 0; i < MACHINE_MAX_CDS; i++) {
        plan.cds[i] = (struct blk *) &plan;
        plan.cd_boot[i] = 1;
    }
    for (size_t i = 0; i < MACHINE_MAX_DISKS; i++)
        plan.disk_boot[i] = 1;
    for (size_t i = 0; i < MACHINE_MAX_CARDS; i++)
        plan.cards[i] = (struct machine_card) {(struct net *) &plan, "52:54:00:12:34:56", false};
    plan.serial = plan.console = (struct chardev *) &plan;
    machine_config_fill (&machine, &plan);
    CHECK_EQUAL (machine.config.n_boot_order, MACHINE_MAX_DISKS + MACHINE_MAX_CDS);
    CHECK_EQUAL (count (&machine, "virtio-net"), MACHINE_MAX_CARDS);
    CHECK_EQUAL (count (&machine, "virtio-blk"), MACHINE_MAX_DISKS);
    CHECK_EQUAL (count (&machine, "virtio-tablet"), 1);
    CHECK_EQUAL (count (&machine, "virtio-vga"), 1);
    CHECK_EQUAL (count (&machine, "ahci"), 1);
    CHECK_EQUAL (machine.config.uuid[2], 3);
}

TEST (cards_stay_in_their_slots_whatever_else_there_is)
{
    struct machine_plan plan = {
        .n_disks = 3,
        .n_cards = 2,
        .cards = {{.mac = "52:54:00:12:34:56"}, {.mac = "52:54:00:12:34:57", .unplugged = true}},
    };
    struct machine_config machine;
    unsigned n = 0;

    machine_config_fill (&machine, &plan);
    for (size_t i = 0; i < machine.config.n_devices; i++) {
        const struct vmm_device_config *device = &machine.config.devices[i];

        if (strcmp (device->class_name, "virtio-net") != 0)
            continue;
        CHECK_STRING (device->values[0].name, "slot");
        CHECK_EQUAL (device->values[0].number, 30 - n);
        CHECK_STRING (device->values[1].string, plan.cards[n].mac);
        CHECK_EQUAL (device->values[2].number, n == 0);
        CHECK_EQUAL (device->n_values, 3);
        CHECK_STRING (device->id, n ? "net1" : "net0");
        n++;
    }
    CHECK_EQUAL (n, 2);
}

TAP_MAIN ()
