/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving and restoring as commands of the I/O thread. What the guest feels of a save is the time
 * from stopping its vCPUs to letting them go: devices finish what is in flight, their state and
 * that of the vCPUs goes into memory, page tables are duplicated for the child that will write RAM,
 * and the disks are taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/machine-internal.h"
#include "engine/ram-writer.h"

/* More than all devices together can have to say: a display's pictures are the bulk. */
#define MAX_STATE (UINT64_C (2) << 30)

static void
report (struct vmm_machine *machine, enum vmm_event_type type, const struct vmm_error *error,
        const struct vmm_pause *pause, uint64_t pause_ns)
{
    struct vmm_event event = {
        .type = type,
        .state = vmm_lifecycle_state (machine),
        .failed = error && error->code < 0,
        .pause = *pause,
        .pause_ns = pause_ns,
    };

    if (event.failed)
        memcpy (event.reason, error->message, sizeof error->message);
    vmm_event_push (&machine->events, &event);
}

/* Nanoseconds since *@since, which becomes now. */
static uint64_t
lap (uint64_t *since)
{
    uint64_t before = *since;

    *since = vmm_monotonic_now ();
    return *since - before;
}

static void
end_save (struct vmm_machine *machine)
{
    struct ram_writer *writer = machine->writer;

    pthread_mutex_lock (&machine->writer_mutex);
    machine->writer = NULL;
    pthread_mutex_unlock (&machine->writer_mutex);
    vmm_source_remove (&machine->writer_source);
    ram_writer_destroy (writer);
}

static void
writer_cb (void *data, uint32_t events)
{
    struct vmm_machine *machine = data;
    struct vmm_error error = {0};

    ram_writer_finish (machine->writer, &error);
    end_save (machine);
    report (machine, VMM_EVENT_SAVED, &error, &machine->writer_pause, machine->writer_pause_ns);
}

/* The machine stands still. */
static int
save_moment (struct vmm_machine *machine, const struct vmm_save *save, struct vmm_pause *pause,
             struct vmm_error *error)
{
    struct vmm_state_writer state = {.borrows = true};
    struct ram_writer *writer = NULL;
    uint64_t since = vmm_monotonic_now ();
    int r;

    r = vmm_machine_save_state (machine, &state, error);
    pause->state = lap (&since);
    if (r >= 0)
        r = ram_writer_begin (machine->memory, save->ram_fd, save->state_fd, &state, &writer,
                              error);
    vmm_state_writer_fini (&state);
    pause->memory = lap (&since);
    if (r >= 0 && save->instant)
        r = save->instant (save->data, error);
    pause->disks = lap (&since);
    if (r < 0) {
        ram_writer_destroy (writer);
        return r;
    }
    pthread_mutex_lock (&machine->writer_mutex);
    machine->writer = writer;
    pthread_mutex_unlock (&machine->writer_mutex);
    return 0;
}

static void
close_files (bool wanted, int ram_fd, int state_fd)
{
    if (wanted) {
        close_fd (ram_fd);
        close_fd (state_fd);
    }
}

void
vmm_save_drop (const struct vmm_command *command)
{
    if (command->type == VMM_COMMAND_SAVE)
        close_files (command->save.close, command->save.ram_fd, command->save.state_fd);
    else if (command->type == VMM_COMMAND_RESTORE)
        close_files (command->restore.close, command->restore.ram_fd, command->restore.state_fd);
}

static int
check_state (struct vmm_machine *machine, enum vmm_state state, struct vmm_error *error)
{
    if (state != VMM_RUNNING && state != VMM_PAUSED)
        return vmm_error_set (error, -EINVAL, "only a running or paused machine can be saved");
    if (machine->writer)
        return vmm_error_set (error, -EBUSY,
                              "the machine is being saved already: wait until that is done");
    return 0;
}

void
vmm_save_begin (struct vmm_machine *machine, const struct vmm_save *save)
{
    enum vmm_state before = vmm_lifecycle_state (machine);
    uint64_t begun = vmm_monotonic_now (), since = begun;
    struct vmm_pause *pause = &machine->writer_pause;
    struct vmm_error error = {0};
    int r;

    r = check_state (machine, before, &error);
    if (r < 0) {
        close_files (save->close, save->ram_fd, save->state_fd);
        report (machine, VMM_EVENT_SAVED, &error, &(struct vmm_pause) {0}, 0);
        return;
    }
    if (before == VMM_RUNNING)
        vmm_lifecycle_stop (machine);
    *pause = (struct vmm_pause) {.stop = lap (&since)};
    r = save_moment (machine, save, pause, &error);
    lap (&since);
    if (before == VMM_RUNNING && (r < 0 || !save->stay_paused))
        vmm_lifecycle_go (machine);
    pause->go = lap (&since);
    machine->writer_pause_ns = since - begun;
    close_files (save->close, save->ram_fd, save->state_fd);
    if (before == VMM_RUNNING && r >= 0 && save->stay_paused)
        vmm_lifecycle_enter (machine, VMM_PAUSED, &(struct vmm_command) {.by_guest = false});
    if (r >= 0) {
        r = vmm_loop_add (machine->loop, &machine->writer_source, ram_writer_fd (machine->writer),
                          EPOLLIN, NULL, writer_cb, machine);
        if (r < 0) {
            end_save (machine);
            vmm_error_set_errno (&error, r, "the end of the save cannot be waited for");
        }
    }
    if (r < 0)
        report (machine, VMM_EVENT_SAVED, &error, &machine->writer_pause, machine->writer_pause_ns);
}

void
vmm_save_cancel (struct vmm_machine *machine)
{
    struct vmm_error error = {0};

    if (!machine->writer)
        return;
    end_save (machine);
    vmm_error_set (&error, -ECANCELED, "it was cancelled");
    report (machine, VMM_EVENT_SAVED, &error, &machine->writer_pause, machine->writer_pause_ns);
}

void
vmm_save_fini (struct vmm_machine *machine)
{
    if (machine->writer)
        end_save (machine);
}

bool
vmm_save_progress (struct vmm_machine *machine, uint64_t *ret_done, uint64_t *ret_total)
{
    bool under_way;

    pthread_mutex_lock (&machine->writer_mutex);
    under_way = machine->writer;
    if (under_way) {
        *ret_done = ram_writer_done (machine->writer);
        *ret_total = vmm_memory_low_size (machine->memory) + vmm_memory_high_size (machine->memory);
    }
    pthread_mutex_unlock (&machine->writer_mutex);
    return under_way;
}

/* Copied, as a file that somebody shortens must not pull it from under our feet. */
static int
read_state (int fd, struct vmm_state_writer *ret_state, struct vmm_error *error)
{
    struct stat status;
    size_t length;

    if (fstat (fd, &status) < 0 || !S_ISREG (status.st_mode) || status.st_size <= 0 ||
        (uint64_t) status.st_size > MAX_STATE)
        return vmm_error_set (error, -EPROTO, "the saved state is damaged: its size");
    length = (size_t) status.st_size;
    ret_state->data = malloc (length);
    if (!ret_state->data)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    while (ret_state->length < length) {
        ssize_t n = pread (fd, ret_state->data + ret_state->length, length - ret_state->length,
                           (off_t) ret_state->length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vmm_error_set_errno (error, n < 0 ? -errno : -EIO,
                                        "the saved state cannot be read");
        ret_state->length += (size_t) n;
    }
    return 0;
}

static int
load_stream (struct vmm_machine *machine, const struct vmm_state_writer *stream,
             struct vmm_error *error)
{
    struct vmm_state_reader reader = {.data = stream->data, .length = stream->length};
    int r, released;

    vmm_memory_hold (machine->memory);
    r = vmm_machine_load_state (machine, &reader, error);
    released = vmm_memory_release (machine->memory);
    if (r >= 0 && released < 0)
        return vmm_error_set_errno (error, released, "KVM cannot map the firmware");
    return r;
}

/* What a machine was before a restore, so that a failure changes nothing. */
struct before {
    enum vmm_state state;
    struct vmm_state_writer stream;
    void *ram;
    int base;
    uint8_t generation[16];
};

/* Everything failed: back to what was, or to a machine that is off if even that fails. */
static void
take_back (struct vmm_machine *machine, struct before *before, bool ram_is_new)
{
    bool whole = before->state == VMM_RUNNING || before->state == VMM_PAUSED;
    struct vmm_error error = {0};

    if (ram_is_new && before->ram) {
        vmm_memory_put_back (machine->memory, before->ram, before->base);
        before->ram = NULL;
        before->base = -1;
    } else if (ram_is_new)
        whole = false;
    memcpy (machine->generation, before->generation, sizeof machine->generation);
    if (whole && load_stream (machine, &before->stream, &error) >= 0) {
        if (before->state == VMM_RUNNING)
            vmm_lifecycle_go (machine);
        return;
    }
    vmm_memory_hold (machine->memory);
    vmm_devices_reset (machine);
    vmm_memory_clear (machine->memory);
    if (before->state != VMM_OFF) {
        struct vmm_command command = {.by_guest = false};

        snprintf (command.reason, sizeof command.reason,
                  "a restore failed, and so did going back: %.400s", error.message);
        vmm_lifecycle_enter (machine, VMM_OFF, &command);
    }
}

/* The machine stands still. */
static int
restore_moment (struct vmm_machine *machine, const struct vmm_restore *restore,
                const struct vmm_state_writer *stream, struct before *before,
                struct vmm_pause *pause, struct vmm_error *error)
{
    static const uint8_t none[16];
    uint64_t since = vmm_monotonic_now ();
    bool ram_is_new = false;
    int r = 0;

    memcpy (before->generation, machine->generation, sizeof before->generation);
    if (before->state == VMM_RUNNING || before->state == VMM_PAUSED)
        r = vmm_machine_save_state (machine, &before->stream, error);
    pause->state = lap (&since);
    if (r >= 0)
        r = vmm_memory_take_file (machine->memory, restore->ram_fd, &before->ram, &before->base,
                                  error);
    pause->memory = lap (&since);
    ram_is_new = r >= 0;
    if (memcmp (restore->generation, none, sizeof none) != 0)
        memcpy (machine->generation, restore->generation, sizeof machine->generation);
    if (r >= 0)
        r = load_stream (machine, stream, error);
    pause->state += lap (&since);
    if (r >= 0 && restore->instant)
        r = restore->instant (restore->data, error);
    if (r < 0)
        take_back (machine, before, ram_is_new);
    pause->disks = lap (&since);
    return r;
}

void
vmm_restore_now (struct vmm_machine *machine, const struct vmm_command *command)
{
    const struct vmm_restore *restore = &command->restore;
    struct before before = {.state = vmm_lifecycle_state (machine), .base = -1};
    uint64_t begun = vmm_monotonic_now (), since = begun;
    struct vmm_state_writer stream = {0};
    struct vmm_pause pause = {0};
    struct vmm_error error = {0};
    int r;

    r = read_state (restore->state_fd, &stream, &error);
    if (r >= 0) {
        begun = since = vmm_monotonic_now ();
        if (before.state == VMM_RUNNING)
            vmm_lifecycle_stop (machine);
        pause.stop = lap (&since);
        r = restore_moment (machine, restore, &stream, &before, &pause, &error);
        lap (&since);
    }
    if (r >= 0) {
        for (unsigned i = 0; i < machine->n_vcpus; i++)
            kvm_cpu_clock_was_stopped (machine->vcpus[i].kvm);
        vmm_lifecycle_enter (machine, restore->paused ? VMM_PAUSED : VMM_RUNNING, command);
        if (!restore->paused)
            vmm_lifecycle_go (machine);
    }
    pause.go = lap (&since);
    /* Giving back what RAM was takes longer the more there was. */
    vmm_memory_forget (machine->memory, before.ram, before.base);
    close_files (restore->close, restore->ram_fd, restore->state_fd);
    vmm_state_writer_fini (&stream);
    vmm_state_writer_fini (&before.stream);
    report (machine, VMM_EVENT_RESTORED, &error, &pause, since - begun);
}
