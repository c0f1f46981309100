/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every virtio device of the machine, in the order in which enumeration finds them: ordinary
 * requests through each queue, then every case for every queue. After each one the device is
 * started again and has to do what it did before.
 */
#include "virtio.h"

static const struct {
    const char *name;
    bool (*run) (struct virtio *self, unsigned queue);
    bool whole;            /* once for the device, not for each queue */
    enum virtio_type type; /* 0: every one */
} cases[] = {
#define QUEUE_CASE(device, name)  {#name, name, false, 0},
#define DISK_CASE(device, name)   {#name, name, false, TYPE_BLK},
#define DEVICE_CASE(device, name) {#name, name, true, 0},
    VIRTIO_QUEUE_CASES (QUEUE_CASE, ) VIRTIO_DISK_CASES (DISK_CASE, )
        VIRTIO_DEVICE_CASES (DEVICE_CASE, )};

static bool
is_well (struct virtio *self)
{
    return virtio_start (self) && virtio_use (self);
}

static void
try (struct virtio *self)
{
    /* Twice, as requests are laid out in two ways. */
    if (is_well (self))
        is_well (self);
    end_case (self, "ordinary_requests");
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].type && cases[i].type != self->type)
            continue;
        for (unsigned queue = 0; queue < (cases[i].whole ? 1 : self->n_queues); queue++) {
            bool withstood = cases[i].run (self, queue);

            if (!is_well (self) || !withstood) {
                blame (queue);
                break;
            }
        }
        end_case (self, cases[i].name);
    }
    virtio_reset (self);
}

void
payload_main (void)
{
    struct virtio device;

    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (virtio_open (&device, devfn))
            try (&device);
    finish (0);
}
