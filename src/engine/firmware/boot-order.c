/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boot orders are Open Firmware paths that SeaBIOS and OVMF compare with the devices they find:
 *   /pci@i0cf8/scsi@6/disk@0,0                     a virtio disk
 *   /pci@i0cf8/ethernet@3/ethernet-phy@0           a network card
 *   /pci@i0cf8/pci8086,2922@1f,2/drive@1/disk@0    a drive of an AHCI controller
 * The number behind the first @ is slot, or slot and function, in hexadecimal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/firmware/describe.h"
#include "engine/machine.h"
#include "engine/pci/pci.h"

#define AHCI_DRIVES 6

static const struct pci_device *
find_function (struct vmm_machine *machine, const struct vmm_device *device)
{
    for (uint16_t devfn = 0; devfn < 256; devfn++) {
        const struct pci_device *pci = pci_bus_device (vmm_machine_pci (machine), devfn);

        if (pci && &pci->device == device)
            return pci;
    }
    return NULL;
}

/* Finds the device of "ID" or "ID:DRIVE"; *ret_drive is -1 without the latter. */
static const struct vmm_device *
find_device (struct vmm_machine *machine, const char *id, int *ret_drive)
{
    const struct vmm_device *device = vmm_machine_find_device (machine, id);
    const char *colon = strrchr (id, ':');
    char name[64], *end;
    long drive;

    *ret_drive = -1;
    if (device || !colon || (size_t) (colon - id) >= sizeof name)
        return device;
    memcpy (name, id, (size_t) (colon - id));
    name[colon - id] = '\0';
    drive = strtol (colon + 1, &end, 10);
    if (end == colon + 1 || *end || drive < 0 || drive >= AHCI_DRIVES)
        return NULL;
    *ret_drive = (int) drive;
    return vmm_machine_find_device (machine, name);
}

static int
write_drives (FILE *out, const char *location, int drive)
{
    int first = drive < 0 ? 0 : drive, last = drive < 0 ? AHCI_DRIVES - 1 : drive;

    for (int i = first; i <= last; i++)
        fprintf (out, "/pci@i0cf8/pci8086,2922@%s/drive@%d/disk@0\n", location, i);
    return 0;
}

static int
write_paths (FILE *out, struct vmm_machine *machine, const char *id, struct vmm_error *error)
{
    int drive;
    const struct vmm_device *device = find_device (machine, id, &drive);
    const struct pci_device *pci = device ? find_function (machine, device) : NULL;
    const char *kind;
    char location[16];

    if (!device)
        return vmm_error_set (error, -ENOENT, "the boot order names “%s”, which there is not", id);
    kind = device->device_class->name;
    if (pci && pci->devfn % 8)
        snprintf (location, sizeof location, "%x,%x", pci->devfn / 8u, pci->devfn % 8u);
    else if (pci)
        snprintf (location, sizeof location, "%x", pci->devfn / 8u);

    if (pci && strcmp (kind, "ahci") == 0)
        return write_drives (out, location, drive);
    if (pci && strcmp (kind, "virtio-blk") == 0 && drive < 0)
        fprintf (out, "/pci@i0cf8/scsi@%s/disk@0,0\n", location);
    else if (pci && strcmp (kind, "virtio-net") == 0 && drive < 0)
        fprintf (out, "/pci@i0cf8/ethernet@%s/ethernet-phy@0\n", location);
    else
        return vmm_error_set (error, -EINVAL, "the boot order names “%s”, which cannot be booted",
                              id);
    return 0;
}

int
firmware_boot_order (struct vmm_machine *machine, const char *const *ids, size_t n_ids,
                     char **ret_text, struct vmm_error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream (&text, &length);
    bool failed;
    int r = 0;

    if (!out)
        return vmm_error_set (error, -ENOMEM, "out of memory for the boot order");
    for (size_t i = 0; i < n_ids && r == 0; i++)
        r = write_paths (out, machine, ids[i], error);
    failed = ferror (out);
    if (fclose (out) != 0 || failed)
        r = vmm_error_set (error, -ENOMEM, "out of memory for the boot order");
    if (r < 0) {
        free (text);
        return r;
    }
    /* Lines are separated, not ended, by the newline. */
    if (length > 0)
        text[length - 1] = '\0';
    *ret_text = text;
    return 0;
}
