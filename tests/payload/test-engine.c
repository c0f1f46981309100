/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine on real KVM: dispatch, lifecycle, resets and crashes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/machine.h"
#include "payload-host.h"
#include "tap.h"

static uint64_t
counter (struct payload *payload)
{
    uint64_t value = 0;

    vmm_memory_read (vmm_machine_memory (payload->machine), 0x200000, &value, sizeof value);
    return value;
}

static bool
wait_for_report (struct payload *payload, const char *text)
{
    char report[PAYLOAD_REPORT];

    for (int i = 0; i < 500; i++) {
        payload_copy_report (payload, report);
        if (strstr (report, text))
            return true;
        usleep (10000);
    }
    return false;
}

TEST (ports_and_memory_reach_what_they_should)
{
    payload_run (&(struct payload_options) {.rom = "dispatch.rom"});
}

TEST (pause_freezes_and_resume_goes_on)
{
    struct payload *payload =
        payload_new (&(struct payload_options) {.rom = "spin.rom", .cpus = 2});
    uint64_t before;

    vmm_start (payload->machine);
    CHECK (wait_for_report (payload, "running"));
    vmm_pause (payload->machine);
    CHECK (payload_wait_state (payload, VMM_PAUSED, 5000));
    before = counter (payload);
    usleep (50000);
    CHECK_EQUAL (counter (payload), before);
    vmm_resume (payload->machine);
    CHECK (payload_wait_state (payload, VMM_RUNNING, 5000));
    for (int i = 0; i < 200 && counter (payload) == before; i++)
        usleep (10000);
    CHECK (counter (payload) > before);
    vmm_power_off (payload->machine);
    CHECK (payload_wait_state (payload, VMM_OFF, 5000));
    CHECK_EQUAL (counter (payload), 0);
    payload_free (payload);
}

TEST (hundred_pauses_in_a_row)
{
    struct payload *payload = payload_new (&(struct payload_options) {.rom = "spin.rom"});

    vmm_start (payload->machine);
    CHECK (wait_for_report (payload, "running"));
    for (int i = 0; i < 100; i++) {
        vmm_pause (payload->machine);
        vmm_resume (payload->machine);
    }
    vmm_sync (payload->machine);
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_RUNNING);
    payload_free (payload);
}

TEST (machine_starts_again_after_power_off)
{
    struct payload *payload = payload_new (&(struct payload_options) {.rom = "dispatch.rom"});

    for (int i = 0; i < 3; i++) {
        atomic_store (&payload->code, -1);
        vmm_start (payload->machine);
        CHECK (payload_wait (payload, 20000));
        CHECK_EQUAL (atomic_load (&payload->code), 0);
        vmm_power_off (payload->machine);
        CHECK (payload_wait_state (payload, VMM_OFF, 5000));
    }
    payload_free (payload);
}

TEST (commands_in_the_wrong_state_are_refused)
{
    struct payload *payload = payload_new (&(struct payload_options) {.rom = "spin.rom"});
    struct vmm_event event;

    vmm_pause (payload->machine);
    vmm_resume (payload->machine);
    vmm_reset (payload->machine);
    vmm_sync (payload->machine);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL (vmm_next_event (payload->machine, &event), 1);
        CHECK_EQUAL (event.type, VMM_EVENT_REFUSED);
        CHECK (event.reason[0]);
    }
    vmm_power_off (payload->machine);
    vmm_press_power_button (payload->machine);
    vmm_sync (payload->machine);
    CHECK_EQUAL (vmm_next_event (payload->machine, &event), 0);
    payload_free (payload);
}

/* What the table in posada-engine.h says: where a command leads, or REFUSED. */
#define REFUSED (-1)

static struct payload *
machine_in (enum vmm_state state)
{
    struct payload *payload = payload_new (
        &(struct payload_options) {.rom = state == VMM_CRASHED ? "astray.rom" : "spin.rom"});

    if (state == VMM_OFF)
        return payload;
    vmm_start (payload->machine);
    if (state == VMM_CRASHED) {
        CHECK (payload_wait_state (payload, VMM_CRASHED, 60000));
        return payload;
    }
    CHECK (payload_wait_state (payload, VMM_RUNNING, 60000));
    if (state == VMM_PAUSED) {
        vmm_pause (payload->machine);
        CHECK (payload_wait_state (payload, VMM_PAUSED, 60000));
    }
    return payload;
}

static void
check_command (enum vmm_state from, void (*command) (struct vmm_machine *machine), int to)
{
    struct payload *payload = machine_in (from);
    struct vmm_event event;
    unsigned n_refused = 0, n_reset = 0;

    command (payload->machine);
    vmm_sync (payload->machine);
    /* A reset of what crashed crashes again, sooner or later. */
    if (!(from == VMM_CRASHED && to == VMM_RUNNING))
        CHECK_EQUAL (vmm_get_state (payload->machine), to == REFUSED ? (int) from : to);
    while (vmm_next_event (payload->machine, &event) > 0) {
        n_refused += event.type == VMM_EVENT_REFUSED && event.reason[0];
        n_reset += event.type == VMM_EVENT_RESET;
    }
    CHECK_EQUAL (n_refused, to == REFUSED);
    CHECK_EQUAL (n_reset, command == vmm_reset && to != REFUSED);
    payload_free (payload);
}

TEST (every_command_in_every_state_does_what_is_promised)
{
    static const struct {
        void (*command) (struct vmm_machine *machine);
        int to[4]; /* from OFF, RUNNING, PAUSED, CRASHED */
    } table[] = {
        {vmm_start, {VMM_RUNNING, VMM_RUNNING, REFUSED, REFUSED}},
        {vmm_pause, {REFUSED, VMM_PAUSED, VMM_PAUSED, REFUSED}},
        {vmm_resume, {REFUSED, VMM_RUNNING, VMM_RUNNING, REFUSED}},
        {vmm_reset, {REFUSED, VMM_RUNNING, VMM_PAUSED, VMM_RUNNING}},
        {vmm_power_off, {VMM_OFF, VMM_OFF, VMM_OFF, VMM_OFF}},
        {vmm_press_power_button, {VMM_OFF, VMM_RUNNING, VMM_PAUSED, VMM_CRASHED}},
    };
    static const enum vmm_state states[] = {VMM_OFF, VMM_RUNNING, VMM_PAUSED, VMM_CRASHED};

    for (size_t i = 0; i < ARRAY_LENGTH (table); i++)
        for (size_t j = 0; j < ARRAY_LENGTH (states); j++)
            check_command (states[j], table[i].command, table[i].to[j]);
}

TEST (every_state_can_be_destroyed)
{
    static const enum vmm_state states[] = {VMM_OFF, VMM_RUNNING, VMM_PAUSED, VMM_CRASHED};

    for (size_t i = 0; i < ARRAY_LENGTH (states); i++)
        payload_free (machine_in (states[i]));
}

TEST (triple_fault_resets_the_machine)
{
    struct payload *payload = payload_new (&(struct payload_options) {.rom = "triple.rom"});

    vmm_start (payload->machine);
    CHECK (wait_for_report (payload, "xxx"));
    CHECK (payload_wait_state (payload, VMM_RUNNING, 5000));
    CHECK (payload->resets > 0);
    payload_free (payload);
}

TEST (triple_fault_crashes_the_machine_if_asked)
{
    struct payload *payload = payload_new (
        &(struct payload_options) {.rom = "triple.rom", .triple_fault = VMM_TRIPLE_FAULT_CRASHES});

    vmm_start (payload->machine);
    CHECK (payload_wait_state (payload, VMM_CRASHED, 5000));
    CHECK_CONTAINS (payload->last_state.reason, "triple fault");
    CHECK_CONTAINS (payload->last_state.reason, "RIP");
    CHECK_STRING (payload->report, "x");
    /* A reset brings it back, and it crashes again. */
    payload->last_state.state = VMM_OFF;
    vmm_reset (payload->machine);
    CHECK (payload_wait_state (payload, VMM_CRASHED, 5000));
    CHECK_STRING (payload->report, "xx");
    payload_free (payload);
}

TEST (guest_resets_itself_and_powers_off_by_acpi)
{
    static const struct vmm_device_config devices[] = {
        {.class_name = "q35-host", .id = "host"},
        {.class_name = "ich9-lpc", .id = "lpc"},
        {.class_name = "rtc", .id = "rtc"},
    };
    struct payload *payload = payload_new (&(struct payload_options) {
        .rom = "power.rom", .devices = devices, .n_devices = ARRAY_LENGTH (devices)});

    vmm_start (payload->machine);
    CHECK (wait_for_report (payload, "first second third "));
    vmm_press_power_button (payload->machine);
    CHECK (wait_for_report (payload, "pressed "));
    CHECK (payload_wait_state (payload, VMM_OFF, 5000));
    CHECK (payload->last_state.by_guest);
    CHECK (payload->resets > 0);
    payload_free (payload);
}

TEST (instruction_nobody_can_run_crashes_with_its_place)
{
    struct payload *payload = payload_new (&(struct payload_options) {.rom = "astray.rom"});

    vmm_start (payload->machine);
    CHECK (payload_wait_state (payload, VMM_CRASHED, 5000));
    CHECK_CONTAINS (payload->last_state.reason, "KVM internal error");
    CHECK_CONTAINS (payload->last_state.reason, "RIP 0x10");
    CHECK_CONTAINS (payload->last_state.reason, "instruction bytes");
    vmm_power_off (payload->machine);
    CHECK (payload_wait_state (payload, VMM_OFF, 5000));
    payload_free (payload);
}

TEST (four_machines_run_in_one_process)
{
    struct payload *payloads[4];

    for (size_t i = 0; i < ARRAY_LENGTH (payloads); i++) {
        payloads[i] = payload_new (&(struct payload_options) {.rom = "spin.rom"});
        vmm_start (payloads[i]->machine);
    }
    for (size_t i = 0; i < ARRAY_LENGTH (payloads); i++)
        CHECK (wait_for_report (payloads[i], "running"));
    for (size_t i = 0; i < ARRAY_LENGTH (payloads); i++)
        payload_free (payloads[i]);
}

TEST (bad_sizes_are_refused_by_name)
{
    struct vmm_machine *machine;
    struct vmm_error error;
    struct vmm_config config = {.memory = 15 * MIB, .cpus = 1};

    CHECK_EQUAL (vmm_create (&config, &machine, &error), -ERANGE);
    CHECK_CONTAINS (error.message, "memory");
    config.memory = 16 * MIB + 1;
    CHECK_EQUAL (vmm_create (&config, &machine, &error), -ERANGE);
    config.memory = 16 * MIB;
    config.cpus = 0;
    CHECK_EQUAL (vmm_create (&config, &machine, &error), -ERANGE);
    config.cpus = 65;
    CHECK_EQUAL (vmm_create (&config, &machine, &error), -ERANGE);
    CHECK_CONTAINS (error.message, "65");
    config.cpus = 4;
    config.sockets = 3;
    config.cores = config.threads = 1;
    CHECK_EQUAL (vmm_create (&config, &machine, &error), -EINVAL);
    CHECK_CONTAINS (error.message, "3 sockets");
}

TAP_MAIN ()
