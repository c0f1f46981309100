/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every virtio device on real KVM, driven by a guest that first behaves and then does not
 * (virtio-guest.c). One machine with all of them runs once, in the first test that is asked for;
 * each test is about one line of what the guest reports.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chardev.h"
#include "base/util.h"
#include "block/fault.h"
#include "display/display.h"
#include "display/input.h"
#include "engine/machine.h"
#include "hw/virtio/virtio-balloon.h"
#include "net/net.h"
#include "payload-host.h"
#include "tap.h"
#include "virtio-cases.h"

#define SECTOR     512
#define TIMEOUT_MS 60000 /* for a single case, however slow the host */

/* A port of the console, whose other end sends back what it gets. */
struct port {
    int fds[2];
    struct chardev *chardev;
    pthread_t echo;
};

static struct {
    bool has_run;
    char skipped[200], end[700];
    struct port ports[2];
    struct blk *file, *blk;
    struct display *display;
    struct input *input;
    struct net *net;
    struct payload *payload;
    unsigned n_asked;
    char path[64];
    char report[PAYLOAD_REPORT];
    uint32_t written[2];
} run;

static void *
echo_thread (void *data)
{
    struct port *port = data;
    char bytes[256];
    ssize_t n;

    while ((n = read (port->fds[1], bytes, sizeof bytes)) > 0)
        if (write (port->fds[1], bytes, (size_t) n) != n)
            break;
    return NULL;
}

static void
open_port (struct port *port)
{
    struct vmm_error error = {0};

    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, port->fds), 0);
    CHECK_EQUAL (chardev_open_fds (port->fds[0], port->fds[0], &port->chardev, &error), 0);
    CHECK_EQUAL (pthread_create (&port->echo, NULL, echo_thread, port), 0);
}

static void
close_port (struct port *port)
{
    chardev_close (port->chardev);
    shutdown (port->fds[0], SHUT_RDWR);
    pthread_join (port->echo, NULL);
    close (port->fds[0]);
    close (port->fds[1]);
}

static void
open_disk (void)
{
    static uint32_t words[VIRTIO_PAYLOAD_SECTORS][SECTOR / 4];
    struct vmm_error error = {0};
    int fd;

    for (uint32_t i = 0; i < VIRTIO_PAYLOAD_SECTORS; i++)
        for (unsigned j = 0; j < SECTOR / 4; j++)
            words[i][j] = VIRTIO_PAYLOAD_PATTERN + i;
    snprintf (run.path, sizeof run.path, "/tmp/posada-payload-XXXXXX");
    fd = mkstemp (run.path);
    CHECK (fd >= 0);
    CHECK_EQUAL (write (fd, words, sizeof words), sizeof words);
    close (fd);
    CHECK_EQUAL (blk_open_raw (run.path, 0, 0, NULL, &run.file, &error), 0);
    CHECK_EQUAL (blk_fault_create (run.file, NULL, &run.blk), 0);
}

static void
close_disk (void)
{
    int fd;

    blk_close (run.blk);
    blk_close (run.file);
    fd = open (run.path, O_RDONLY | O_CLOEXEC);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQUAL (pread (fd, &run.written[i], 4, (VIRTIO_PAYLOAD_WRITTEN + i) * SECTOR), 4);
    close (fd);
    unlink (run.path);
}

/* The guest has left a buffer with @value as its free memory; asking for more gives it back. */
static void
fetch_statistics (uint64_t value)
{
    struct vmm_device *balloon = vmm_machine_find_device (run.payload->machine, "balloon");
    struct virtio_balloon_stats stats = {0};

    for (unsigned i = 0; i < TIMEOUT_MS && stats.free != value; i++) {
        usleep (1000);
        CHECK_EQUAL (virtio_balloon_get_stats (balloon, &stats), 0);
    }
}

static void
take_line (const char *line, int length)
{
    char what[32];
    unsigned number;
    uint32_t n;

    /* Shown at once, so that even a crash of this program tells where. */
    if (sscanf (line, ">%31s %x", what, &number) != 2) {
        printf ("# %.*s\n", length, line);
        return;
    }
    if (strcmp (what, "keyboard") == 0) {
        input_key (run.input, 30, true);
        input_key (run.input, 30, false);
    } else if (strcmp (what, "mouse") == 0) {
        input_relative (run.input, (int) number, 0, 0, 0);
    } else if (strcmp (what, "tablet") == 0) {
        input_absolute (run.input, number, number, 0, 0);
    } else if (strcmp (what, "touch") == 0) {
        input_touch (run.input, 0, true, number, number);
        input_touch (run.input, 0, false, number, number);
    } else if (strcmp (what, "statistics") == 0) {
        fetch_statistics (number);
    } else {
        blk_fault_hold (run.blk, strcmp (what, "hold") == 0);
    }
    n = ++run.n_asked;
    vmm_memory_write (vmm_machine_memory (run.payload->machine), VIRTIO_PAYLOAD_ANSWERS, &n,
                      sizeof n);
}

/* Until the guest has finished, or says nothing more. */
static void
listen_to_guest (void)
{
    size_t done = 0;
    bool goes_on = true;

    while (goes_on && !payload_has_finished (run.payload)) {
        const char *end;

        goes_on = payload_wait_line (run.payload, TIMEOUT_MS);
        payload_copy_report (run.payload, run.report);
        while ((end = strchr (run.report + done, '\n'))) {
            take_line (run.report + done, (int) (end - run.report - (ptrdiff_t) done));
            done = (size_t) (end + 1 - run.report);
        }
    }
    if (run.payload->last_state.state == VMM_CRASHED)
        snprintf (run.end, sizeof run.end, "the machine crashed: %s",
                  run.payload->last_state.reason);
    else if (atomic_load (&run.payload->code) != 0)
        snprintf (run.end, sizeof run.end, "the guest's last words: %s", run.report + done);
}

static void
run_machine (void)
{
    struct vmm_error error = {0};

    run.has_run = true;
    if (access ("/dev/kvm", R_OK | W_OK) < 0) {
        snprintf (run.skipped, sizeof run.skipped, "no KVM: %s", strerror (errno));
        return;
    }
    if (net_open_passt (&(struct net_passt) {0}, &run.net, &error) < 0) {
        snprintf (run.skipped, sizeof run.skipped, "%.190s", error.message);
        return;
    }
    open_disk ();
    for (unsigned i = 0; i < ARRAY_LENGTH (run.ports); i++)
        open_port (&run.ports[i]);
    CHECK_EQUAL (display_create (&run.display), 0);
    CHECK_EQUAL (input_create (&run.input), 0);

    struct vmm_value disk[] = {VMM_POINTER ("blk", run.blk), VMM_NUMBER ("queues", 2)};
    struct vmm_value console[] = {VMM_POINTER ("chardev", run.ports[0].chardev),
                                  VMM_POINTER ("port1", run.ports[1].chardev)};
    struct vmm_value display = VMM_POINTER ("display", run.display);
    struct vmm_value input = VMM_POINTER ("input", run.input);
    struct vmm_value net[] = {VMM_POINTER ("net", run.net),
                              VMM_STRING ("mac", "52:54:00:12:34:56")};
    const struct vmm_device_config devices[] = {
        {.class_name = "q35-host", .id = "host"},
        {.class_name = "ich9-lpc", .id = "lpc"},
        {.class_name = "virtio-blk", .id = "disk", .values = disk, .n_values = 2},
        {.class_name = "virtio-console", .id = "console", .values = console, .n_values = 2},
        {.class_name = "virtio-rng", .id = "rng"},
        {.class_name = "virtio-balloon", .id = "balloon"},
        {.class_name = "virtio-vga", .id = "vga", .values = &display, .n_values = 1},
        {.class_name = "virtio-keyboard", .id = "keyboard", .values = &input, .n_values = 1},
        {.class_name = "virtio-mouse", .id = "mouse", .values = &input, .n_values = 1},
        {.class_name = "virtio-tablet", .id = "tablet", .values = &input, .n_values = 1},
        {.class_name = "virtio-touch", .id = "touch", .values = &input, .n_values = 1},
        {.class_name = "virtio-net", .id = "net", .values = net, .n_values = 2},
    };

    run.payload = payload_new (&(struct payload_options) {.rom = "virtio.rom",
                                                          .memory = VIRTIO_PAYLOAD_RAM,
                                                          .devices = devices,
                                                          .n_devices = ARRAY_LENGTH (devices)});
    vmm_start (run.payload->machine);
    listen_to_guest ();
    payload_free (run.payload);
    net_close (run.net);
    input_destroy (run.input);
    display_destroy (run.display);
    for (unsigned i = 0; i < ARRAY_LENGTH (run.ports); i++)
        close_port (&run.ports[i]);
    close_disk ();
}

/* What the guest said of @name on @device must be that all was well. */
static void
check_case (const char *device, const char *name)
{
    char start[120], *line;
    int length;

    if (!run.has_run)
        run_machine ();
    if (run.skipped[0])
        SKIP (run.skipped);
    snprintf (start, sizeof start, "%s %s: ", device, name);
    line = strstr (run.report, start);
    if (!line)
        tap_fail (__FILE__, __LINE__, "the guest did not get there; %s", run.end);
    line += strlen (start);
    length = (int) strcspn (line, "\n");
    if (length != 2 || strncmp (line, "ok", 2) != 0)
        tap_fail (__FILE__, __LINE__, "%.*s", length, line);
}

#define WITHSTANDS(device, name)      \
    TEST (device##_withstands_##name) \
    {                                 \
        check_case (#device, #name);  \
    }
#define CASES(device)                              \
    TEST (device##_does_what_a_good_driver_asks)   \
    {                                              \
        check_case (#device, "ordinary_requests"); \
    }                                              \
    VIRTIO_QUEUE_CASES (WITHSTANDS, device)        \
    VIRTIO_DEVICE_CASES (WITHSTANDS, device)
VIRTIO_DEVICES (CASES)
VIRTIO_DISK_CASES (WITHSTANDS, blk)

TEST (blk_has_what_was_written_on_the_host)
{
    check_case ("blk", "ordinary_requests");
    for (uint32_t i = 0; i < ARRAY_LENGTH (run.written); i++)
        CHECK_EQUAL (run.written[i], VIRTIO_PAYLOAD_MARK + i);
}

TAP_MAIN ()
