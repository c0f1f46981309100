/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage is copied into a shadow at once, while the pixels stand still; commands are made of it at
 * the moment libspice-server fetches them. So what waits for a slow viewer is never more than a few
 * rectangles, which grow together, and no queue can overflow.
 *
 * What the library has fetched it keeps until other commands cover it, even after sending it. When
 * that gets too much, the next command covers the whole screen.
 *
 * The library paints into its primary surface whenever it likes, so that has memory of its own, and
 * what changes it is asynchronous: the synchronous calls wait for viewers to read what was sent.
 * There is a surface from the start, because viewers do not like to be without one: a screen that
 * is off is a black one of the size it had. configure () leads from the surface that is there to
 * the one that should be, one step at a time.
 */
#include "display/spice-picture.h"

#include <errno.h>
#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "display/spice-commands.h"

#define COMMAND_BYTES_AT_EASE (32 * MIB)

/* Of a screen that was never on. */
#define FIRST_WIDTH  640
#define FIRST_HEIGHT 480

enum cookie {
    COOKIE_CREATED = 1,
    COOKIE_DESTROYED,
};

static struct spice_picture *
of_instance (QXLInstance *instance)
{
    return CONTAINER_OF (instance, struct spice_picture, instance);
}

static void
damage_all (struct spice_picture *self)
{
    struct display_rectangle all = {.width = self->width, .height = self->height};

    self->damage.n_rectangles = 0;
    spice_damage_add (&self->damage, &all);
}

static bool
fits (const struct spice_picture *self)
{
    return self->width == self->primary_width && self->height == self->primary_height;
}

/* --- the sink: any thread, the device's and the display's lock held -----------------------------
 */

static void
copy_area (struct spice_picture *self, const struct display_rectangle *area)
{
    for (unsigned y = area->y; y < area->y + area->height; y++)
        memcpy (self->shadow + (size_t) y * self->width + area->x,
                (const char *) self->scanout.pixels + (size_t) y * self->scanout.stride +
                    (size_t) area->x * 4,
                (size_t) area->width * 4);
    spice_damage_add (&self->damage, area);
    self->busy = true;
}

static void
drop_shadow (struct spice_picture *self)
{
    free (self->shadow);
    self->shadow = NULL;
    self->damage.n_rectangles = 0;
}

static void
scanout_changed_cb (void *data, const struct display_scanout *scanout)
{
    struct spice_picture *self = data;

    pthread_mutex_lock (&self->mutex);
    self->scanout = *scanout;
    self->on = scanout->pixels && scanout->width && scanout->height;
    if (self->on && (scanout->width != self->width || scanout->height != self->height)) {
        drop_shadow (self);
        self->width = scanout->width;
        self->height = scanout->height;
    }
    if (self->present && !self->on)
        drop_shadow (self);
    if (self->present && !self->shadow)
        self->shadow = calloc ((size_t) self->width * self->height, 4);
    if (self->shadow && self->on)
        copy_area (self, &(struct display_rectangle) {0, 0, self->width, self->height});
    else
        damage_all (self);
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->configure);
}

static void
damaged_cb (void *data, const struct display_rectangle *area)
{
    struct spice_picture *self = data;

    bool wanted;

    pthread_mutex_lock (&self->mutex);
    wanted = self->shadow && self->on;
    if (wanted)
        copy_area (self, area);
    pthread_mutex_unlock (&self->mutex);
    if (wanted)
        spice_loop_post (self->loop, &self->wake);
}

static void
cursor_changed_cb (void *data, const struct display_cursor *cursor)
{
    struct spice_picture *self = data;
    uint32_t *pixels = NULL;
    size_t size = (size_t) cursor->width * cursor->height * sizeof *pixels;

    if (cursor->pixels && size)
        pixels = malloc (size);
    if (pixels)
        memcpy (pixels, cursor->pixels, size);
    pthread_mutex_lock (&self->mutex);
    free ((void *) self->cursor.cursor.pixels);
    self->cursor.cursor = *cursor;
    self->cursor.cursor.pixels = pixels;
    self->cursor.changed = true;
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->wake);
}

static void
cursor_moved_cb (void *data, int x, int y, bool visible)
{
    struct spice_picture *self = data;

    pthread_mutex_lock (&self->mutex);
    if (visible != self->cursor.visible)
        self->cursor.changed = true;
    self->cursor.x = x;
    self->cursor.y = y;
    self->cursor.visible = visible;
    self->cursor.moved = true;
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->wake);
}

static const struct display_sink_ops sink_ops = {
    .scanout_changed = scanout_changed_cb,
    .damaged = damaged_cb,
    .cursor_changed = cursor_changed_cb,
    .cursor_moved = cursor_moved_cb,
};

/* --- the server's thread ------------------------------------------------------------------------
 */

static void
wake_cb (struct spice_call *call)
{
    spice_qxl_wakeup (&CONTAINER_OF (call, struct spice_picture, wake)->instance);
}

/* Memory of @width × @height, which the caller hands to the library; false for lack of it. */
static bool
prepare_primary (struct spice_picture *self, unsigned width, unsigned height,
                 QXLDevSurfaceCreate *ret_surface)
{
    free (self->primary_pixels);
    self->primary_pixels = calloc ((size_t) width * height, 4);
    if (!self->primary_pixels)
        return false;
    self->primary = PRIMARY_CREATING;
    self->primary_width = width;
    self->primary_height = height;
    *ret_surface = (QXLDevSurfaceCreate) {
        .width = width,
        .height = height,
        .stride = (int32_t) width * 4,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .mouse_mode = 1,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = (uintptr_t) self->primary_pixels,
    };
    return true;
}

static void
configure_cb (struct spice_call *call)
{
    struct spice_picture *self = CONTAINER_OF (call, struct spice_picture, configure);
    bool create = false, destroy = false;
    QXLDevSurfaceCreate surface;

    pthread_mutex_lock (&self->mutex);
    if (self->stopped || self->held)
        ;
    else if (self->primary == PRIMARY_NONE)
        create = prepare_primary (self, self->width, self->height, &surface);
    else if (self->primary == PRIMARY_THERE && !fits (self)) {
        self->primary = PRIMARY_DESTROYING;
        destroy = true;
    }
    pthread_mutex_unlock (&self->mutex);
    if (create)
        spice_qxl_create_primary_surface_async (&self->instance, 0, &surface, COOKIE_CREATED);
    else if (destroy)
        spice_qxl_destroy_primary_surface_async (&self->instance, 0, COOKIE_DESTROYED);
    else
        spice_qxl_wakeup (&self->instance);
}

/* --- the QXL interface: the library's worker thread ---------------------------------------------
 */

static void
attached_worker_cb (QXLInstance *instance)
{
}

static void
set_compression_level_cb (QXLInstance *instance, int level)
{
}

static void
get_init_info_cb (QXLInstance *instance, QXLDevInitInfo *info)
{
    *info = (QXLDevInitInfo) {
        .num_memslots_groups = 1,
        .num_memslots = 1,
        .memslot_gen_bits = 8,
        .memslot_id_bits = 8,
        .qxl_ram_size = 16 * MIB,
        .n_surfaces = 1,
    };
}

static bool
is_ready (const struct spice_picture *self)
{
    return !self->stopped && self->shadow && self->damage.n_rectangles &&
           self->primary == PRIMARY_THERE && fits (self);
}

static void
hold (struct spice_picture *self, struct spice_command *command)
{
    list_append (&self->commands, &command->link);
    self->command_bytes += command->bytes;
}

static int
get_command_cb (QXLInstance *instance, QXLCommandExt *ret_command)
{
    struct spice_picture *self = of_instance (instance);
    struct spice_command *command = NULL;
    struct display_rectangle area;

    pthread_mutex_lock (&self->mutex);
    if (is_ready (self)) {
        size_t frame = (size_t) self->width * self->height * 4;
        size_t at_ease = MAX_OF (COMMAND_BYTES_AT_EASE, 2 * frame);

        self->starved = self->command_bytes > at_ease + 2 * frame;
        if (self->command_bytes > at_ease)
            damage_all (self);
        if (!self->starved && spice_damage_take (&self->damage, &area)) {
            command = spice_command_copy (self->shadow, self->width, &area, self->n_images++,
                                          ret_command);
            if (command)
                hold (self, command);
            else
                spice_damage_add (&self->damage, &area);
        }
    }
    pthread_mutex_unlock (&self->mutex);
    return command != NULL;
}

static int
request_command_cb (QXLInstance *instance)
{
    struct spice_picture *self = of_instance (instance);
    bool ready;

    pthread_mutex_lock (&self->mutex);
    ready = is_ready (self) && !self->starved;
    pthread_mutex_unlock (&self->mutex);
    return !ready;
}

static struct spice_command *
make_cursor_command (struct spice_picture_cursor *self, QXLCommandExt *ret_command)
{
    bool visible = self->visible && self->cursor.pixels, changed = self->changed;
    bool moved = self->moved && visible;

    self->changed = self->moved = false;
    if (changed && visible) {
        self->shown = true;
        return spice_command_set_cursor (&self->cursor, self->x, self->y, ret_command);
    }
    if (changed && self->shown) {
        self->shown = false;
        return spice_command_hide_cursor (ret_command);
    }
    if (!moved)
        return NULL;
    return spice_command_move_cursor (self->x + self->cursor.hot_x, self->y + self->cursor.hot_y,
                                      ret_command);
}

static int
get_cursor_command_cb (QXLInstance *instance, QXLCommandExt *ret_command)
{
    struct spice_picture *self = of_instance (instance);
    struct spice_command *command = NULL;

    pthread_mutex_lock (&self->mutex);
    if (!self->stopped)
        command = make_cursor_command (&self->cursor, ret_command);
    if (command)
        hold (self, command);
    pthread_mutex_unlock (&self->mutex);
    return command != NULL;
}

static int
request_cursor_command_cb (QXLInstance *instance)
{
    struct spice_picture *self = of_instance (instance);
    bool ready;

    pthread_mutex_lock (&self->mutex);
    ready = !self->stopped && (self->cursor.changed || self->cursor.moved);
    pthread_mutex_unlock (&self->mutex);
    return !ready;
}

static void
release_resource_cb (QXLInstance *instance, struct QXLReleaseInfoExt info)
{
    struct spice_picture *self = of_instance (instance);
    struct spice_command *command = spice_command_released (info);
    bool wake;

    pthread_mutex_lock (&self->mutex);
    list_remove (&command->link);
    self->command_bytes -= command->bytes;
    wake = self->starved;
    self->starved = false;
    pthread_mutex_unlock (&self->mutex);
    free (command);
    /* Not from here: whoever holds the library's lock may be waiting for this thread. */
    if (wake)
        spice_loop_post (self->loop, &self->wake);
}

static void
notify_update_cb (QXLInstance *instance, uint32_t update_id)
{
}

static int
flush_resources_cb (QXLInstance *instance)
{
    return 0;
}

static void
async_complete_cb (QXLInstance *instance, uint64_t cookie)
{
    struct spice_picture *self = of_instance (instance);

    pthread_mutex_lock (&self->mutex);
    if (cookie == COOKIE_CREATED) {
        self->primary = PRIMARY_THERE;
        damage_all (self);
    } else
        self->primary = PRIMARY_NONE;
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->configure);
}

static void
update_area_complete_cb (QXLInstance *instance, uint32_t surface, struct QXLRect *rectangles,
                         uint32_t n_rectangles)
{
}

static void
set_client_capabilities_cb (QXLInstance *instance, uint8_t present,
                            uint8_t capabilities[SPICE_CAPABILITIES_SIZE])
{
}

/* A viewer would like the screen to have another size. On the server's thread. */
static int
client_monitors_config_cb (QXLInstance *instance, VDAgentMonitorsConfig *config)
{
    struct spice_picture *self = of_instance (instance);

    if (config && config->num_of_monitors && config->monitors[0].width &&
        config->monitors[0].height)
        display_suggest_size (self->display, MIN_OF (config->monitors[0].width, DISPLAY_MAX_WIDTH),
                              MIN_OF (config->monitors[0].height, DISPLAY_MAX_HEIGHT));
    return 1;
}

static const QXLInterface qxl_interface = {
    .base = {.type = SPICE_INTERFACE_QXL,
             .description = "posada display",
             .major_version = SPICE_INTERFACE_QXL_MAJOR,
             .minor_version = SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached_worker_cb,
    .set_compression_level = set_compression_level_cb,
    .get_init_info = get_init_info_cb,
    .get_command = get_command_cb,
    .req_cmd_notification = request_command_cb,
    .release_resource = release_resource_cb,
    .get_cursor_command = get_cursor_command_cb,
    .req_cursor_notification = request_cursor_command_cb,
    .notify_update = notify_update_cb,
    .flush_resources = flush_resources_cb,
    .async_complete = async_complete_cb,
    .update_area_complete = update_area_complete_cb,
    .set_client_capabilities = set_client_capabilities_cb,
    .client_monitors_config = client_monitors_config_cb,
};

/* --- for the server -----------------------------------------------------------------------------
 */

void
spice_picture_init (struct spice_picture *self, struct spice_loop *loop, struct display *display)
{
    *self = (struct spice_picture) {
        .instance.base.sif = &qxl_interface.base,
        .loop = loop,
        .display = display,
        .sink = {.ops = &sink_ops, .data = self},
        .width = FIRST_WIDTH,
        .height = FIRST_HEIGHT,
    };
    spice_call_init (&self->wake, wake_cb);
    spice_call_init (&self->configure, configure_cb);
    list_init (&self->commands);
    pthread_mutex_init (&self->mutex, NULL);
}

int
spice_picture_start (struct spice_picture *self, SpiceServer *server)
{
    /* All of our memory is the adapter's: pointers are its addresses. */
    QXLDevMemSlot everything = {.virt_end = UINTPTR_MAX};
    QXLDevSurfaceCreate surface;
    bool prepared;

    if (spice_server_add_interface (server, &self->instance.base) != 0)
        return -EIO;
    spice_qxl_add_memslot (&self->instance, &everything);
    display_add_sink (self->display, &self->sink);
    self->sink_added = true;
    pthread_mutex_lock (&self->mutex);
    prepared = prepare_primary (self, self->width, self->height, &surface);
    pthread_mutex_unlock (&self->mutex);
    if (!prepared)
        return -ENOMEM;
    /* There is no viewer yet who could make us wait. */
    spice_qxl_create_primary_surface (&self->instance, 0, &surface);
    pthread_mutex_lock (&self->mutex);
    self->primary = PRIMARY_THERE;
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->configure);
    return 0;
}

void
spice_picture_set_present (struct spice_picture *self, bool present)
{
    pthread_mutex_lock (&self->mutex);
    self->present = present;
    if (!present)
        drop_shadow (self);
    pthread_mutex_unlock (&self->mutex);
    if (!present)
        return;
    /* Who is added is shown the pixels while they stand still. */
    display_remove_sink (self->display, &self->sink);
    display_add_sink (self->display, &self->sink);
}

void
spice_picture_hold (struct spice_picture *self, bool hold)
{
    pthread_mutex_lock (&self->mutex);
    self->held = hold;
    pthread_mutex_unlock (&self->mutex);
    spice_loop_post (self->loop, &self->configure);
}

bool
spice_picture_refresh (struct spice_picture *self)
{
    bool busy, waiting;

    display_refresh (self->display);
    pthread_mutex_lock (&self->mutex);
    busy = self->busy;
    self->busy = false;
    waiting = is_ready (self);
    pthread_mutex_unlock (&self->mutex);
    if (waiting)
        spice_qxl_wakeup (&self->instance);
    return busy;
}

void
spice_picture_stop (struct spice_picture *self)
{
    pthread_mutex_lock (&self->mutex);
    self->stopped = true;
    pthread_mutex_unlock (&self->mutex);
    if (self->sink_added)
        display_remove_sink (self->display, &self->sink);
    self->sink_added = false;
}

void
spice_picture_fini (struct spice_picture *self)
{
    struct spice_command *command, *after;

    list_for_each_safe (command, after, &self->commands, link) {
        list_remove (&command->link);
        free (command);
    }
    free (self->shadow);
    free (self->primary_pixels);
    free ((void *) self->cursor.cursor.pixels);
    pthread_mutex_destroy (&self->mutex);
}
