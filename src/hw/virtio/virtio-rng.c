/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entropy source (VIRTIO 1.3, 5.4), class "virtio-rng": whatever room a request offers is
 * filled from the host's generator, up to a bound, as the device need not fill it all.
 */
#include <errno.h>
#include <sys/random.h>

#include "base/util.h"
#include "hw/virtio/virtio.h"

#define QUEUE_REQUESTS  0
#define MAX_PER_REQUEST 4096

struct virtio_rng {
    struct virtio virtio; /* first */
};

static bool
serve (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    uint8_t bytes[MAX_PER_REQUEST];
    size_t wanted = MIN_OF (chain->writable_size, sizeof bytes), done = 0;

    while (done < wanted) {
        ssize_t n = getrandom (bytes + done, wanted - done, 0);

        if (n > 0)
            done += (size_t) n;
        else if (errno != EINTR)
            break;
    }
    virtq_copy_to (chain->writable, chain->n_writable, 0, bytes, done);
    explicit_bzero (bytes, done);
    virtio_push (virtio, queue, chain->head, (uint32_t) done);
    return true;
}

static void
notify (struct virtio *virtio, unsigned queue)
{
    virtio_serve (virtio, queue, serve);
}

static void
type_reset (struct virtio *virtio)
{
}

static const struct virtio_type rng_type = {
    .id = 4,
    .class_code = 0x00FF00,
    .notify = notify,
    .reset = type_reset,
};

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct virtio_rng *self = CONTAINER_OF (device, struct virtio_rng, virtio.pci.device);

    return virtio_init (&self->virtio, &rng_type, 0, QUEUE_REQUESTS + 1, 0, config, error);
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_rng, virtio, virtio_state),
};

static const struct vmm_state_table state = {
    .name = "virtio-rng",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
};

const struct vmm_device_class virtio_rng_class = {
    .name = "virtio-rng",
    .size = sizeof (struct virtio_rng),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .fini = virtio_fini,
};
