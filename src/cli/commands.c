/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of the control socket. A lifecycle command is answered when it has been carried out,
 * keys when the last of them has gone to the guest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/control.h"
#include "cli/inputs.h"
#include "cli/json.h"
#include "cli/keyboard.h"
#include "cli/run.h"
#include "cli/snapshots.h"
#include "cli/text.h"
#include "display/display.h"
#include "display/headless.h"
#include "display/input.h"
#include "net/net.h"

#define MAX_MOTION 32767

struct command {
    const char *name;
    const char *arguments; /* for the error; NULL: takes none */
    /* @arguments is not empty if there are to be any. */
    void (*execute) (struct run *run, struct control_client *client, char *arguments);
};

static const char *const state_names[] = {
    [VMM_OFF] = "off",
    [VMM_RUNNING] = "running",
    [VMM_PAUSED] = "paused",
    [VMM_CRASHED] = "crashed",
};

/* Splits the first word off @*cursor; NULL when there is none. */
static char *
next_word (char **cursor)
{
    char *word = strsep (cursor, " ");

    return word && *word ? word : NULL;
}

static void
execute_status (struct run *run, struct control_client *client, char *arguments)
{
    const struct run_options *options = &run->options;
    AUTO_FREE char *viewers = viewing_get_address (&options->viewing);
    struct json json;

    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", true);
    json_string (&json, "name", options->name);
    json_string (&json, "state", state_names[vmm_get_state (run->machine)]);
    if (run->reason[0])
        json_string (&json, "reason", run->reason);
    json_number (&json, "pid", (uint64_t) getpid ());
    json_number (&json, "memory", options->memory);
    json_number (&json, "cpus", options->cpus);
    json_begin_array (&json, "media");
    for (size_t i = 0; i < options->n_cds; i++)
        json_string (&json, NULL, run->plan.cds[i] ? blk_get_path (run->plan.cds[i]) : "none");
    json_end_array (&json);
    if (viewers)
        json_string (&json, "spice", viewers);
    json_end_object (&json);
    control_reply (client, json_finish (&json));
}

/* Waits for a lifecycle command to be carried out and answers with what came of it. */
static void
answer_lifecycle (struct run *run, struct control_client *client)
{
    struct json json;

    run->refused[0] = 0;
    vmm_sync (run->machine);
    run_drain_events (run);
    if (run->refused[0]) {
        control_reply_error (client, "%s", run->refused);
        return;
    }
    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", true);
    json_string (&json, "state", state_names[vmm_get_state (run->machine)]);
    json_end_object (&json);
    control_reply (client, json_finish (&json));
}

static void
execute_pause (struct run *run, struct control_client *client, char *arguments)
{
    vmm_pause (run->machine);
    answer_lifecycle (run, client);
}

static void
execute_resume (struct run *run, struct control_client *client, char *arguments)
{
    vmm_resume (run->machine);
    answer_lifecycle (run, client);
}

static void
execute_reset (struct run *run, struct control_client *client, char *arguments)
{
    vmm_reset (run->machine);
    answer_lifecycle (run, client);
}

static void
execute_powerdown (struct run *run, struct control_client *client, char *arguments)
{
    enum vmm_state state = vmm_get_state (run->machine);

    if (state != VMM_RUNNING) {
        control_reply_error (client, "the machine is %s and does not feel its power button",
                             state_names[state]);
        return;
    }
    vmm_press_power_button (run->machine);
    answer_lifecycle (run, client);
}

static void
execute_quit (struct run *run, struct control_client *client, char *arguments)
{
    control_reply_ok (client);
    run_quit (run);
}

static void
execute_screenshot (struct run *run, struct control_client *client, char *arguments)
{
    struct vmm_error error = {0};

    if (headless_screenshot (run->plan.display, arguments, &error) < 0)
        control_reply_error (client, "%s", error.message);
    else
        control_reply_ok (client);
}

static void
keys_done_cb (void *data)
{
    control_reply_ok (data);
}

static void
answer_keys (struct control_client *client, int result, const char *keys, const char *complaint)
{
    const char *shown = strlen (keys) <= 100 ? keys : "…";

    if (result == -ENOSPC)
        control_reply_error (client, "too many keys are waiting to be typed");
    else if (result < 0)
        control_reply_error (client, "“%s” %s", shown, complaint);
}

static void
execute_sendkey (struct run *run, struct control_client *client, char *arguments)
{
    answer_keys (client, keyboard_chord (run->keyboard, arguments, keys_done_cb, client), arguments,
                 "is no key, nor several joined by -, such as ctrl-alt-del");
}

static void
execute_type (struct run *run, struct control_client *client, char *arguments)
{
    answer_keys (client, keyboard_type (run->keyboard, arguments, keys_done_cb, client), arguments,
                 "has characters that no key of a US keyboard types");
}

/* "left+right" or "none" to a mask. */
static int
parse_buttons (char *text, unsigned *ret_buttons)
{
    static const char *const names[] = {"left", "right", "middle", "side", "extra"};
    unsigned buttons = 0;
    char *name;

    if (strcmp (text, "none") == 0) {
        *ret_buttons = 0;
        return 0;
    }
    while ((name = strsep (&text, "+"))) {
        unsigned i = 0;

        while (i < ARRAY_LENGTH (names) && strcmp (name, names[i]) != 0)
            i++;
        if (i == ARRAY_LENGTH (names))
            return -EINVAL;
        buttons |= 1u << i; /* enum input_button, in its order */
    }
    *ret_buttons = buttons;
    return 0;
}

static int
parse_motion (const char *text, int *ret_motion)
{
    bool negative = text && *text == '-';
    uint64_t number;

    if (!text || text_parse_number (text + negative, MAX_MOTION, &number) < 0)
        return -EINVAL;
    *ret_motion = negative ? -(int) number : (int) number;
    return 0;
}

static void
execute_mouse (struct run *run, struct control_client *client, char *arguments)
{
    bool absolute = input_takes_absolute (run->plan.input);
    char *x_text = next_word (&arguments), *y_text = next_word (&arguments);
    unsigned buttons;
    int x, y;

    if (parse_motion (x_text, &x) < 0 || parse_motion (y_text, &y) < 0 || !arguments ||
        parse_buttons (arguments, &buttons) < 0) {
        control_reply_error (client,
                             "use: mouse X Y BUTTONS, with numbers up to %d and buttons "
                             "like none, left or left+right",
                             MAX_MOTION);
        return;
    }
    if (absolute && (x < 0 || y < 0)) {
        control_reply_error (client, "the guest has a tablet, its positions are 0 to %d",
                             INPUT_ABSOLUTE_MAX);
        return;
    }
    if (absolute)
        input_absolute (run->plan.input, (unsigned) x, (unsigned) y, 0, buttons);
    else
        input_relative (run->plan.input, x, y, 0, buttons);
    control_reply_ok (client);
}

static void
execute_resize (struct run *run, struct control_client *client, char *arguments)
{
    char *width_text = next_word (&arguments);
    uint64_t width, height;

    if (!width_text || !arguments ||
        text_parse_number (width_text, DISPLAY_MAX_WIDTH, &width) < 0 ||
        text_parse_number (arguments, DISPLAY_MAX_HEIGHT, &height) < 0 || !width || !height) {
        control_reply_error (client, "use: resize WIDTH HEIGHT, each from 1 to %d",
                             DISPLAY_MAX_WIDTH);
        return;
    }
    display_suggest_size (run->plan.display, (unsigned) width, (unsigned) height);
    control_reply_ok (client);
}

static void
execute_media (struct run *run, struct control_client *client, char *arguments)
{
    char *index_text = next_word (&arguments);
    struct vmm_error error = {0};
    struct blk *medium = NULL;
    uint64_t index;
    int r = 0;

    if (!index_text || !arguments || !*arguments ||
        text_parse_number (index_text, OPTIONS_MAX_CDS, &index) < 0) {
        control_reply_error (client, "use: media INDEX FILE|none");
        return;
    }
    if (index >= run->options.n_cds) {
        control_reply_error (client, "there is no drive %s, the machine has %zu", index_text,
                             run->options.n_cds);
        return;
    }
    if (strcmp (arguments, "none") != 0) {
        r = inputs_check_cd (arguments, &error);
        if (r == 0)
            r = blk_open_raw (arguments, BLK_READ_ONLY, 0, &run->log, &medium, &error);
    }
    if (r == 0)
        r = vmm_set_medium (run->machine, MACHINE_CD_DEVICE, (unsigned) index, medium, &error);
    if (r < 0) {
        blk_close (medium);
        control_reply_error (client, "%s", error.message);
        return;
    }
    blk_close (run->plan.cds[index]);
    run->plan.cds[index] = medium;
    control_reply_ok (client);
}

static void
write_disk_stats (struct json *json, struct blk *blk)
{
    struct blk_stats stats = {0};

    blk_get_stats (blk, &stats);
    json_begin_object (json, NULL);
    json_string (json, "file", blk_get_path (blk));
    json_number (json, "read-bytes", stats.read_bytes);
    json_number (json, "read-requests", stats.read_requests);
    json_number (json, "read-ns", stats.read_ns);
    json_number (json, "write-bytes", stats.write_bytes);
    json_number (json, "write-requests", stats.write_requests);
    json_number (json, "write-ns", stats.write_ns);
    json_number (json, "flush-requests", stats.flush_requests);
    json_number (json, "flush-ns", stats.flush_ns);
    json_number (json, "discard-requests", stats.discard_requests);
    json_number (json, "errors", stats.errors);
    json_end_object (json);
}

static void
write_network_stats (struct json *json, const struct machine_card *card)
{
    struct net_stats stats = {.ended = true};

    if (card->net)
        net_get_stats (card->net, &stats);
    json_begin_object (json, NULL);
    json_string (json, "mac", card->mac);
    json_bool (json, "connected", !stats.ended);
    json_number (json, "received-bytes", stats.received_bytes);
    json_number (json, "received-frames", stats.received_frames);
    json_number (json, "sent-bytes", stats.sent_bytes);
    json_number (json, "sent-frames", stats.sent_frames);
    json_number (json, "dropped-frames", stats.dropped_frames);
    json_end_object (json);
}

static void
execute_stats (struct run *run, struct control_client *client, char *arguments)
{
    struct vmm_stats stats = {0};
    struct json json;

    vmm_get_stats (run->machine, &stats);
    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", true);
    json_number (&json, "run-ns", stats.run_ns);
    json_number (&json, "cpu-ns", stats.cpu_ns);
    json_number (&json, "exits-io", stats.exits_io);
    json_number (&json, "exits-mmio", stats.exits_mmio);
    json_number (&json, "exits-halt", stats.exits_halt);
    json_number (&json, "exits-signal", stats.exits_signal);
    json_number (&json, "exits-other", stats.exits_other);
    json_begin_array (&json, "disks");
    for (size_t i = 0; i < run->options.n_disks; i++)
        write_disk_stats (&json, run->plan.disks[i]);
    json_end_array (&json);
    json_begin_array (&json, "media");
    for (size_t i = 0; i < run->options.n_cds; i++)
        if (run->plan.cds[i])
            write_disk_stats (&json, run->plan.cds[i]);
    json_end_array (&json);
    json_begin_array (&json, "networks");
    for (size_t i = 0; i < run->plan.n_cards; i++)
        write_network_stats (&json, &run->plan.cards[i]);
    json_end_array (&json);
    json_end_object (&json);
    control_reply (client, json_finish (&json));
}

static const struct command commands[] = {
    {"status", NULL, execute_status},
    {"pause", NULL, execute_pause},
    {"resume", NULL, execute_resume},
    {"reset", NULL, execute_reset},
    {"powerdown", NULL, execute_powerdown},
    {"quit", NULL, execute_quit},
    {"screenshot", "FILE", execute_screenshot},
    {"sendkey", "KEYS", execute_sendkey},
    {"type", "TEXT", execute_type},
    {"mouse", "X Y BUTTONS", execute_mouse},
    {"resize", "WIDTH HEIGHT", execute_resize},
    {"media", "INDEX FILE|none", execute_media},
    {"stats", NULL, execute_stats},
    {"snapshot", "take|list|restore|delete|rename|cancel ...", snapshots_execute},
    {"save", NULL, snapshots_execute_save},
};

void
commands_execute (void *data, struct control_client *client, char *line)
{
    struct run *run = data;
    char *arguments = line, *name = strsep (&arguments, " ");

    for (size_t i = 0; i < ARRAY_LENGTH (commands); i++) {
        const struct command *command = &commands[i];

        if (strcmp (name, command->name) != 0)
            continue;
        if (!command->arguments && arguments)
            control_reply_error (client, "%s takes no arguments", name);
        else if (command->arguments && (!arguments || !*arguments))
            control_reply_error (client, "use: %s %s", name, command->arguments);
        else
            command->execute (run, client, arguments);
        return;
    }
    control_reply_error (client, "there is no command '%s'", name);
}
