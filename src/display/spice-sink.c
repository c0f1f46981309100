/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-sink.h"

#include <netinet/in.h>
#include <signal.h>
#include <spice.h>
#include <spice/enums.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "display/spice-input.h"
#include "display/spice-listener.h"
#include "display/spice-loop.h"
#include "display/spice-picture.h"

/* How often to ask the display for news: while there are any, and else. */
#define TICK_BUSY 16
#define TICK_IDLE 100
/* A surface that changes between a viewer's first channel and its last confuses it. */
#define SETTLE_TIME 200
#define MS          UINT64_C (1000000)

struct spice_sink {
    struct spice_loop loop;
    struct spice_picture picture;
    struct spice_input input;
    struct spice_listener listener;
    struct vmm_timer tick;
    unsigned idle_ticks;
    int connection;      /* the viewer's */
    uint64_t settled_at; /* when its channels are there, 0: they are */
    SpiceServer *server;
    pthread_t thread;
    atomic_bool present;

    /* While it starts. */
    const struct spice_sink_config *config;
    pthread_mutex_t mutex;
    pthread_cond_t started;
    bool is_started;
    int result;
    struct vmm_error *error;
};

struct viewer_call {
    struct spice_call call;
    struct spice_sink *sink;
    int fd;
};

/* --- the server's thread ------------------------------------------------------------------------
 */

static void
tick_cb (void *data)
{
    struct spice_sink *self = data;
    bool busy = spice_picture_refresh (&self->picture);

    if (self->settled_at && vmm_monotonic_now () >= self->settled_at) {
        self->settled_at = 0;
        spice_picture_hold (&self->picture, false);
    }
    spice_input_update (&self->input);
    self->idle_ticks = busy ? 0 : self->idle_ticks + 1;
    vmm_timer_arm (&self->tick, vmm_monotonic_now () +
                                    (self->idle_ticks < TICK_BUSY ? TICK_BUSY : TICK_IDLE) * MS);
}

static void
viewer_came (struct spice_sink *self, int connection)
{
    self->connection = connection;
    atomic_store (&self->present, true);
    self->idle_ticks = 0;
    self->settled_at = vmm_monotonic_now () + SETTLE_TIME * MS;
    spice_picture_hold (&self->picture, true);
    spice_picture_set_present (&self->picture, true);
    vmm_timer_arm (&self->tick, vmm_monotonic_now ());
}

static void
viewer_went (struct spice_sink *self)
{
    atomic_store (&self->present, false);
    spice_picture_set_present (&self->picture, false);
    spice_picture_hold (&self->picture, false);
    vmm_timer_disarm (&self->tick);
}

static void
channel_event_cb (void *data, int event, const SpiceChannelEventInfo *info)
{
    struct spice_sink *self = data;
    bool began = event == SPICE_CHANNEL_EVENT_INITIALIZED;
    bool ended = event == SPICE_CHANNEL_EVENT_DISCONNECTED;

    if (began && info->type == SPICE_CHANNEL_DISPLAY)
        viewer_came (self, info->connection_id);
    else if (ended && info->type == SPICE_CHANNEL_DISPLAY &&
             info->connection_id == self->connection)
        viewer_went (self);
    else if (ended && info->type == SPICE_CHANNEL_INPUTS)
        spice_input_release (&self->input);
    else if (began && info->type == SPICE_CHANNEL_MAIN)
        spice_input_update (&self->input); /* decides how the new viewer's pointer moves */
}

static void
admit (struct spice_sink *self, int fd)
{
    /* It may become a channel right here, before its first watch. */
    self->loop.dispatching = fd;
    self->loop.linked = false;
    if (spice_loop_is_hung_up (fd) || spice_server_add_client (self->server, fd, 1) != 0)
        close_fd (fd);
    self->loop.dispatching = -1;
}

static void
listener_connected_cb (void *data, int fd)
{
    admit (data, fd);
}

static void
viewer_cb (struct spice_call *call)
{
    struct viewer_call *viewer = CONTAINER_OF (call, struct viewer_call, call);

    admit (viewer->sink, viewer->fd);
    free (viewer);
}

static int
set_up_network (struct spice_sink *self, const struct spice_sink_config *config,
                struct vmm_error *error)
{
    if (!config->port)
        return spice_server_set_noauth (self->server) == 0 ? 0 : -EIO;
    if (!config->password || !*config->password || strlen (config->password) > SPICE_MAX_PASSWORD)
        return vmm_error_set (error, -EINVAL,
                              "Choose a password of 1 to %d characters for the network.",
                              SPICE_MAX_PASSWORD);
    spice_server_set_addr (self->server, config->address ? config->address : "", 0);
    if (spice_server_set_ticket (self->server, config->password, 0, 0, 0) != 0 ||
        spice_server_set_tls (self->server, (int) config->port, config->authority,
                              config->certificate, config->key, NULL, NULL, NULL) != 0)
        return vmm_error_set (error, -EINVAL,
                              "Port %u cannot be used with the certificate %s, choose another one.",
                              config->port, config->certificate);
    return 0;
}

/* Why the library, which does not say, fails to listen: the port, or what TLS needs. */
static int
explain_network (const struct spice_sink_config *config, struct vmm_error *error)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons (config->port)};
    struct sockaddr_in old = {.sin_family = AF_INET, .sin_port = htons (config->port)};
    AUTO_FD fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FD old_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if ((fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0) ||
        (fd < 0 && bind (old_fd, (struct sockaddr *) &old, sizeof old) == 0))
        return vmm_error_set (error, -EINVAL,
                              "The certificate %s and the key %s do not work, make others.",
                              config->certificate, config->key);
    return vmm_error_set (error, -EADDRINUSE, "Port %u is in use or reserved, choose another one.",
                          config->port);
}

static int
start_server (struct spice_sink *self, const struct spice_sink_config *config,
              struct vmm_error *error)
{
    int r;

    self->server = spice_server_new ();
    spice_server_set_name (self->server, config->name ? config->name : "");
    spice_server_set_uuid (self->server, config->uuid);
    spice_server_set_exit_on_disconnect (self->server, 0);
    spice_server_set_agent_mouse (self->server, 0);
    spice_server_set_playback_compression (self->server, 0);
    spice_server_set_streaming_video (self->server, SPICE_STREAM_VIDEO_OFF);
    /* Ignored where viewers are on this host. */
    spice_server_set_image_compression (self->server, config->port ? SPICE_IMAGE_COMPRESSION_LZ4
                                                                   : SPICE_IMAGE_COMPRESSION_OFF);
    spice_server_set_jpeg_compression (self->server, SPICE_WAN_COMPRESSION_NEVER);
    spice_server_set_zlib_glz_compression (self->server, SPICE_WAN_COMPRESSION_NEVER);
    r = set_up_network (self, config, error);
    if (r < 0)
        return r;
    if (spice_server_init (self->server, &self->loop.core) != 0)
        return config->port ? explain_network (config, error)
                            : vmm_error_set (error, -EIO, "SPICE does not start.");
    if (spice_input_start (&self->input, self->server) < 0 ||
        spice_picture_start (&self->picture, self->server) < 0)
        return vmm_error_set (error, -EIO, "SPICE takes neither picture nor keys.");
    spice_server_vm_start (self->server);
    return config->socket ? spice_listener_start (&self->listener, self->loop.loop, config->socket,
                                                  listener_connected_cb, self, error)
                          : 0;
}

static void
report (struct spice_sink *self, int result)
{
    pthread_mutex_lock (&self->mutex);
    self->result = result;
    self->is_started = true;
    pthread_cond_signal (&self->started);
    pthread_mutex_unlock (&self->mutex);
}

static void *
sink_thread (void *data)
{
    struct spice_sink *self = data;
    sigset_t broken_pipe;
    int r;

    /* The library writes to viewers that are gone; its own threads inherit this. */
    sigemptyset (&broken_pipe);
    sigaddset (&broken_pipe, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &broken_pipe, NULL);
    spice_loop_enter (&self->loop);
    r = start_server (self, self->config, self->error);
    report (self, r);
    if (r == 0)
        spice_loop_run (&self->loop);
    spice_listener_stop (&self->listener);
    spice_input_release (&self->input);
    spice_picture_stop (&self->picture);
    vmm_timer_disarm (&self->tick);
    spice_server_destroy (self->server);
    return NULL;
}

/* --- any thread ---------------------------------------------------------------------------------
 */

static void
free_sink (struct spice_sink *self)
{
    spice_picture_fini (&self->picture);
    spice_loop_fini (&self->loop);
    pthread_cond_destroy (&self->started);
    pthread_mutex_destroy (&self->mutex);
    free (self);
}

int
spice_sink_create (const struct spice_sink_config *config, struct spice_sink **ret_sink,
                   struct vmm_error *error)
{
    struct spice_sink *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set_errno (error, -ENOMEM, "cannot start SPICE");
    self->config = config;
    self->error = error;
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->started, NULL);
    r = spice_loop_init (&self->loop);
    self->loop.channel_event = channel_event_cb;
    self->loop.data = self;
    spice_input_init (&self->input, config->input);
    spice_picture_init (&self->picture, &self->loop, config->display);
    if (r == 0) {
        vmm_timer_init (&self->tick, self->loop.loop, NULL, NULL, tick_cb, self);
        r = -pthread_create (&self->thread, NULL, sink_thread, self);
    }
    if (r < 0) {
        free_sink (self);
        return vmm_error_set_errno (error, r, "cannot start SPICE");
    }
    pthread_mutex_lock (&self->mutex);
    while (!self->is_started)
        pthread_cond_wait (&self->started, &self->mutex);
    r = self->result;
    pthread_mutex_unlock (&self->mutex);
    if (r < 0) {
        pthread_join (self->thread, NULL);
        free_sink (self);
        return r;
    }
    *ret_sink = self;
    return 0;
}

void
spice_sink_destroy (struct spice_sink *self)
{
    if (!self)
        return;
    spice_loop_quit (&self->loop);
    pthread_join (self->thread, NULL);
    free_sink (self);
}

int
spice_sink_add_viewer (struct spice_sink *self, int fd)
{
    struct viewer_call *viewer = malloc (sizeof *viewer);

    if (!viewer) {
        close_fd (fd);
        return -ENOMEM;
    }
    viewer->sink = self;
    viewer->fd = fd;
    spice_call_init (&viewer->call, viewer_cb);
    spice_loop_post (&self->loop, &viewer->call);
    return 0;
}

int
spice_sink_connect (struct spice_sink *self, int *ret_fd)
{
    int fds[2], r;

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    r = spice_sink_add_viewer (self, fds[0]);
    if (r < 0) {
        close_fd (fds[1]);
        return r;
    }
    *ret_fd = fds[1];
    return 0;
}

bool
spice_sink_has_viewer (struct spice_sink *self)
{
    return atomic_load (&self->present);
}
