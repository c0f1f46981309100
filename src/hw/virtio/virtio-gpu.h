/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the graphics adapter (VIRTIO 1.3, 5.7; 2D only) see each other here. It is one PCI
 * function with a VGA in it, class "virtio-vga": virtio-gpu.c is the class and its state,
 * virtio-gpu-command.c takes requests apart, virtio-gpu-resource.c has the pictures that a driver
 * draws, virtio-gpu-scanout.c shows them. Everything runs with the device's lock held.
 *
 * A resource is a picture in host memory, to which the driver copies from its own ("backing"). What
 * a driver can make the host spend is capped below; beyond that it is told that memory is short.
 */
#pragma once

#include "display/display.h"
#include "hw/vga.h"
#include "hw/virtio/virtio.h"

#define GPU_MAX_SCANOUTS      4
#define GPU_MAX_RESOURCES     1024
#define GPU_MAX_SIDE          DISPLAY_MAX_WIDTH /* pixels */
#define GPU_MAX_BYTES         (256 * MIB)       /* of all resources together */
#define GPU_MAX_ENTRIES       16384             /* pieces of backing for one resource */
#define GPU_MAX_TOTAL_ENTRIES 131072            /* for all of them */

/* What requests may cost before others get their turn, in bytes copied or shown. */
#define GPU_BUDGET (64 * MIB)

/* Answers (5.7.6.7). */
enum gpu_answer {
    GPU_OK = 0x1100,
    GPU_OK_DISPLAY_INFO = 0x1101,
    GPU_OK_EDID = 0x1104,
    GPU_FAILED = 0x1200,
    GPU_OUT_OF_MEMORY = 0x1201,
    GPU_NO_SUCH_SCANOUT = 0x1202,
    GPU_NO_SUCH_RESOURCE = 0x1203,
    GPU_BAD_PARAMETER = 0x1205,
};

/* A piece of backing takes two words: guest address, length. */
struct gpu_resource {
    struct gpu *gpu;
    uint32_t id; /* the driver's, not 0 */
    uint32_t format;
    uint32_t width, height;
    uint32_t n_bytes;      /* width × height × 4 */
    uint32_t *pixels;      /* 0xAARRGGBB */
    uint32_t n_words;      /* of backing */
    uint64_t *backing;     /* NULL: none */
    uint64_t backing_size; /* bytes */
};

struct gpu_cursor {
    uint32_t resource; /* 0: hidden */
    uint32_t hot_x, hot_y;
    uint32_t x, y; /* two's complement */
    bool seen;     /* there was a picture since the last reset: none now means hidden */
};

struct gpu_scanout {
    struct gpu *gpu;
    struct display *display;              /* may be NULL */
    uint32_t wanted_width, wanted_height; /* what the driver is told to use */
    uint32_t resource;                    /* 0: off */
    uint32_t x, y, width, height;         /* the part of it that is shown */
    struct gpu_cursor cursor;
};

struct gpu {
    struct virtio virtio; /* first */
    struct vga vga;
    void (*transport_written) (struct pci_device *pci, unsigned offset, unsigned size);

    uint32_t events;      /* of the configuration */
    bool has_taken_over;  /* the driver has shown something since the last reset: no VGA any more */
    bool shows_resources; /* a display may point at a resource's pixels */
    unsigned n_scanouts;
    struct gpu_scanout scanouts[GPU_MAX_SCANOUTS];
    uint32_t n_resources;
    struct gpu_resource resources[GPU_MAX_RESOURCES];
    uint64_t n_bytes;   /* of all resources */
    uint32_t n_entries; /* of all backing */
    uint64_t spent;     /* since notify was called, against GPU_BUDGET */
};

/* virtio-gpu.c */
void gpu_update_config (struct gpu *gpu);

/* virtio-gpu-command.c */
void gpu_notify (struct virtio *virtio, unsigned queue);

/* virtio-gpu-resource.c. Numbers are as the driver gave them, and checked. */
struct gpu_resource *gpu_find_resource (struct gpu *gpu, uint32_t id); /* NULL if there is none */
bool gpu_format_is_known (uint32_t format);
enum gpu_answer gpu_create_resource (struct gpu *gpu, uint32_t id, uint32_t format, uint32_t width,
                                     uint32_t height);
enum gpu_answer gpu_destroy_resource (struct gpu *gpu, uint32_t id);
void gpu_destroy_all_resources (struct gpu *gpu);
/* Takes @n_entries pieces of backing from byte @offset of the request. */
enum gpu_answer gpu_attach_backing (struct gpu *gpu, uint32_t id, uint32_t n_entries,
                                    const struct virtq_chain *chain, uint64_t offset);
enum gpu_answer gpu_detach_backing (struct gpu *gpu, uint32_t id);
/* Whether @rectangle lies within @resource. */
bool
gpu_rectangle_fits (const struct gpu_resource *resource, const struct display_rectangle *rectangle);
enum gpu_answer gpu_transfer (struct gpu *gpu, uint32_t id,
                              const struct display_rectangle *rectangle, uint64_t offset);
/* After loading: drops what is left over, checks the rest, adds up. False if it makes no sense. */
bool gpu_check_resources (struct gpu *gpu);
extern const struct vmm_state_table gpu_resource_state;

/* virtio-gpu-scanout.c */
enum gpu_answer gpu_set_scanout (struct gpu *gpu, uint32_t number, uint32_t resource,
                                 const struct display_rectangle *rectangle);
enum gpu_answer
gpu_flush (struct gpu *gpu, uint32_t resource, const struct display_rectangle *rectangle);
void gpu_set_cursor (struct gpu *gpu, uint32_t number, const struct gpu_cursor *cursor);
void gpu_move_cursor (struct gpu *gpu, uint32_t number, uint32_t x, uint32_t y);
/* @resource is about to go: nothing shows it any more. */
void gpu_forget_resource (struct gpu *gpu, uint32_t resource);
/* All screens off, nothing points at anybody's pixels. */
void gpu_blank (struct gpu *gpu);
/* The driver is gone: the VGA is on the first screen again. */
void gpu_reset_scanouts (struct gpu *gpu);
/* After loading, resources first. */
bool gpu_check_scanouts (struct gpu *gpu);
void gpu_show_all (struct gpu *gpu);
extern const struct vmm_state_table gpu_scanout_state;
extern const struct display_source_ops gpu_source_ops; /* data: struct gpu_scanout */
