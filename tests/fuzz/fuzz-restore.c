/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A saved machine that somebody changed: the state of a machine with a device of every class, with
 * bytes of it overwritten, inserted, left out, is loaded; then the guest goes on, and whatever came
 * of it is saved and loaded again, which must work.
 */
#include "engine/machine-internal.h"
#include "every-device.h"
#include "fuzz.h"

#define MAX_CHANGES    40
#define MAX_OPERATIONS 200

struct target {
    struct fuzz_input input;
    struct every_device all;
    struct testbed *bed;
    struct vmm_machine *machine;
    struct vmm_state_writer state;
    size_t pixels, pixels_end; /* where in the stream is only a picture */
};

static uint64_t
take (struct target *self, unsigned bytes)
{
    return fuzz_take (&self->input, bytes);
}

static void
save (struct target *self)
{
    struct vmm_error error = {0};
    const uint8_t *vram;

    vmm_devices_pause (self->machine);
    for (int i = 0; i < 1000 && !vmm_devices_are_idle (self->machine); i++)
        vmm_loop_iterate (self->machine->loop, 10);
    vmm_state_writer_fini (&self->state);
    if (vmm_machine_save_state (self->machine, &self->state, &error) < 0)
        abort ();
    vram = memmem (self->state.data, self->state.length, "vram", 4);
    if (!vram)
        abort ();
    self->pixels = (size_t) (vram - self->state.data) + 8;
    self->pixels_end = self->pixels + load_le32 (vram + 4);
}

static bool
load (struct target *self, bool must_work)
{
    /* An exact allocation, so that sanitizers see a read past the end. */
    uint8_t *copy = malloc (self->state.length + 1);
    struct vmm_state_reader reader = {.data = copy, .length = self->state.length};
    struct vmm_error error = {0};
    int r;

    if (!copy)
        abort ();
    memcpy (copy, self->state.data, self->state.length);
    r = vmm_machine_load_state (self->machine, &reader, &error);
    free (copy);
    if (r < 0) {
        if (!error.message[0])
            abort (); /* no sentence */
        if (must_work)
            fprintf (stderr, "%s\n", error.message);
        vmm_devices_reset (self->machine);
    }
    vmm_devices_resume (self->machine);
    return r >= 0;
}

/* A place in the stream, seldom in the picture. */
static size_t
take_place (struct target *self)
{
    /* Of which less may be left than there was. */
    size_t end = MIN_OF (self->pixels_end, self->state.length), start = MIN_OF (self->pixels, end);
    size_t beside = self->state.length - (end - start), place;

    if (beside == 0)
        return 0;
    place = (size_t) take (self, 4) % beside;
    return place < start ? place : place + (end - start);
}

static void
change (struct target *self)
{
    struct vmm_state_writer *state = &self->state;
    unsigned kind = (unsigned) take (self, 1) % 16;
    size_t at = take_place (self), n = 1u << kind % 4;

    if (n > state->length - at)
        return;
    if (kind == 15)
        state->length = at;
    else if (kind == 14) {
        memmove (state->data + at, state->data + at + n, state->length - at - n);
        state->length -= n;
    } else if (kind >= 12)
        memset (state->data + at, kind == 12 ? 0xff : 0, n);
    else if (kind >= 8)
        state->data[at] ^= (uint8_t) (1u << take (self, 1) % 8);
    else {
        uint64_t value = take (self, (unsigned) n);

        memcpy (state->data + at, &value, n);
    }
}

static void
operate (struct target *self)
{
    unsigned size = 1u << take (self, 1) % 3, devfn = (unsigned) take (self, 1) % 64;

    switch (take (self, 1) % 6) {
    case 0: testbed_out (self->bed, (uint16_t) take (self, 2), size, take (self, 4)); break;
    case 1: testbed_in (self->bed, (uint16_t) take (self, 2), size); break;
    case 2:
        testbed_write (self->bed,
                       testbed_pci_bar (self->bed, devfn, devfn % 6) + take (self, 1) * 4, size,
                       take (self, size));
        break;
    case 3:
        testbed_read (self->bed, testbed_pci_bar (self->bed, devfn, devfn % 6) + take (self, 1) * 4,
                      size);
        break;
    case 4: vmm_loop_iterate (self->machine->loop, 0); break;
    case 5:
        testbed_pci_write (self->bed, devfn, (unsigned) take (self, 1) & 0xfc, 4,
                           (uint32_t) take (self, 4));
        break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct target target = {.input = {data, size}};
    unsigned n;

    if (!every_device_open (&target.all, take (&target, 1) & 1))
        return 0;
    target.bed = target.all.bed;
    target.machine = testbed_machine (target.bed);
    testbed_pci_enable (target.bed);
    n = (unsigned) take (&target, 1) % 64;
    for (unsigned i = 0; i < n && target.input.size; i++)
        operate (&target);
    save (&target);
    n = (unsigned) take (&target, 1) % MAX_CHANGES;
    for (unsigned i = 0; i < n && target.input.size; i++)
        change (&target);
    load (&target, false);
    for (unsigned i = 0; i < MAX_OPERATIONS && target.input.size; i++)
        operate (&target);
    save (&target);
    if (!load (&target, true))
        abort ();
    vmm_state_writer_fini (&target.state);
    every_device_close (&target.all);
    return 0;
}
