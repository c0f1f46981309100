/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>

#include "base/util.h"
#include "cli/options.h"

#define WORDS(...)   ((char **) (const char *[]) {"run", __VA_ARGS__})
#define N_WORDS(...) ((int) (sizeof (const char *[]){"run", __VA_ARGS__} / sizeof (char *)))
#define PARSE(options, ...) \
    options_parse (N_WORDS (__VA_ARGS__), WORDS (__VA_ARGS__), (options), NULL)
#define REFUSED(part, ...) check_refused (N_WORDS (__VA_ARGS__), WORDS (__VA_ARGS__), (part))

static void
check_refused (int argc, char **argv, const char *part)
{
    struct run_options options;
    struct vmm_error error = {0};
    int r = options_parse (argc, argv, &options, &error);

    options_clear (&options);
    CHECK (r < 0);
    CHECK_CONTAINS (error.message, part);
    CHECK (!strchr (error.message, '\n'));
}

TEST (nothing_given_is_one_cpu_a_gigabyte_and_bios)
{
    struct run_options options;
    char *argv[] = {(char *) "run", NULL};

    CHECK_EQUAL (options_parse (1, argv, &options, NULL), 0);
    CHECK_EQUAL (options.memory, GIB);
    CHECK_EQUAL (options.cpus, 1);
    CHECK_EQUAL (options.firmware, VMM_FIRMWARE_BIOS);
    CHECK_EQUAL (options.serial.kind, LINE_NONE);
    CHECK_EQUAL (options.screen, SCREEN_VGA);
    CHECK_EQUAL (options.n_boot, 2);
    CHECK_EQUAL (options.boot[0], BOOT_CDROM);
    options_clear (&options);
}

TEST (values_may_follow_a_space_or_an_equals_sign)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--memory=512M", "--cpus", "4", "--name=A machine"), 0);
    CHECK_EQUAL (options.memory, 512 * MIB);
    CHECK_EQUAL (options.cpus, 4);
    CHECK_STRING (options.name, "A machine");
    options_clear (&options);
}

TEST (disks_have_formats_and_backing_files)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--disk", "a,format=qcow2,backing=b,,c,backing=d"), 0);
    CHECK_EQUAL (options.disks[0].format, BLK_FORMAT_QCOW2);
    CHECK_EQUAL (options.disks[0].n_backing, 2);
    CHECK_STRING (options.disks[0].backing[0], "b,c");
    CHECK_STRING (options.disks[0].backing[1], "d");
    CHECK (!options.disks[0].backing[2]);
    options_clear (&options);
}

TEST (disks_have_sizes_commas_and_read_only)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--disk", "new.raw,size=8G", "--disk", "a,,b,readonly"), 0);
    CHECK_EQUAL (options.n_disks, 2);
    CHECK_STRING (options.disks[0].path, "new.raw");
    CHECK_EQUAL (options.disks[0].create_size, 8 * GIB);
    CHECK (!options.disks[0].read_only);
    CHECK_STRING (options.disks[1].path, "a,b");
    CHECK_EQUAL (options.disks[1].create_size, 0);
    CHECK (options.disks[1].read_only);
    options_clear (&options);
}

TEST (cards_may_have_an_address_and_forwards)
{
    struct run_options options;
    const struct net_forward *forwards = options.cards[1].forwards;

    CHECK_EQUAL (
        PARSE (&options, "--network",
               "--network=mac=52:54:00:AA:bb:01,forward=tcp:2222:22,forward=8080,"
               "forward=udp:0.0.0.0:5000-5009:6000,forward=tcp:[::1]:80,unplugged,optional",
               "--cpus", "2"),
        0);
    CHECK_EQUAL (options.cpus, 2);
    CHECK_EQUAL (options.n_cards, 2);
    CHECK_STRING (options.cards[0].mac, "");
    CHECK_EQUAL (options.cards[0].n_forwards, 0);
    CHECK (!options.cards[0].unplugged && options.cards[1].unplugged);
    CHECK (!options.cards[0].optional && options.cards[1].optional);
    CHECK_STRING (options.cards[1].mac, "52:54:00:AA:bb:01");
    CHECK_EQUAL (options.cards[1].n_forwards, 4);
    CHECK (!forwards[0].udp && forwards[0].first == 2222 && forwards[0].last == 2222 &&
           forwards[0].to == 22);
    CHECK (!forwards[1].udp && forwards[1].first == 8080 && forwards[1].to == 8080);
    CHECK (forwards[2].udp && forwards[2].first == 5000 && forwards[2].last == 5009 &&
           forwards[2].to == 6000);
    CHECK_STRING (options.cards[1].addresses[0], "");
    CHECK_STRING (options.cards[1].addresses[2], "0.0.0.0");
    CHECK_STRING (options.cards[1].addresses[3], "::1");
    options_clear (&options);
}

TEST (cards_get_addresses_that_last)
{
    const uint8_t uuid[16] = {1, 2, 3};
    char mac[18], again[18];

    network_make_mac ("posada", uuid, 0, mac);
    network_make_mac ("posada", uuid, 0, again);
    CHECK_STRING (mac, again);
    CHECK (strncmp (mac, "52:54:00:", 9) == 0 && strlen (mac) == 17);
    network_make_mac ("posada", uuid, 1, again);
    CHECK (strcmp (mac, again) != 0);
    network_make_mac ("posadb", uuid, 0, again);
    CHECK (strcmp (mac, again) != 0);
}

TEST (wrong_networks_are_named)
{
    static const char *const forwards[] = {
        "",           "tcp:",          "tcp:0",        "tcp:65536",    "sctp:1",
        "tcp:9-8",    "tcp:1:0",       "tcp:1:2:3",    "tcp:[::1:80",  "tcp:[::1]80",
        "tcp:::1:80", "tcp:1.2.3:80",  "tcp:80:web",   "tcp:80 ",      "udp:65000-65010:65530",
        "tcp:-80",    "tcp:127.0.0.1", "localhost:80", "tcp:80:80-90",
    };
    static const char *const macs[] = {"",
                                       "52:54:00:12:34",
                                       "52-54-00-12-34-56",
                                       "53:54:00:12:34:56",
                                       "00:00:00:00:00:00",
                                       "52:54:00:12:34:5x"};

    for (size_t i = 0; i < ARRAY_LENGTH (forwards); i++) {
        char word[80];

        snprintf (word, sizeof word, "--network=forward=%s", forwards[i]);
        REFUSED ("is not of the form", word);
    }
    for (size_t i = 0; i < ARRAY_LENGTH (macs); i++) {
        char word[80];

        snprintf (word, sizeof word, "--network=mac=%s", macs[i]);
        REFUSED ("is not the one address of a card", word);
    }
    REFUSED ("'bridge=br0' is none of", "--network=bridge=br0");
    REFUSED ("'' is none of", "--network=");
    REFUSED ("'user' is not an option", "--network", "user");
}

TEST (a_kernel_means_no_firmware)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--kernel", "k", "--cmdline", "--help"), 0);
    CHECK_EQUAL (options.firmware, VMM_FIRMWARE_NONE);
    CHECK_STRING (options.cmdline, "--help");
    options_clear (&options);
}

TEST (topology_is_completed_by_cores)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--cpus", "8,sockets=2,threads=2"), 0);
    CHECK_EQUAL (options.cpus, 8);
    CHECK_EQUAL (options.sockets, 2);
    CHECK_EQUAL (options.cores, 2);
    CHECK_EQUAL (options.threads, 2);
    options_clear (&options);
}

TEST (help_wins_over_what_follows)
{
    struct run_options options;

    CHECK_EQUAL (PARSE (&options, "--memory", "1G", "--help", "--nonsense"), OPTIONS_HELP);
    options_clear (&options);
}

TEST (wrong_use_is_named)
{
    REFUSED ("'disk.raw' is not an option", "disk.raw");
    REFUSED ("no option --mem;", "--mem", "1G");
    REFUSED ("--memory needs a value", "--memory");
    REFUSED ("--memory is given twice", "--memory", "1G", "--memory", "2G");
    REFUSED ("--boot-menu takes no value", "--boot-menu=yes");
    REFUSED ("'--' is not an option", "--");
}

TEST (wrong_values_are_named)
{
    REFUSED ("--memory 1 is not a size", "--memory", "1");
    REFUSED ("--memory 15M is too little", "--memory", "15M");
    REFUSED ("--memory 16385K is not a whole number", "--memory", "16385K");
    REFUSED ("--cpus 0 is not a number from 1 to 64", "--cpus", "0");
    REFUSED ("--cpus 65 is not a number from 1 to 64", "--cpus", "65");
    REFUSED ("--cpus 4,sockets=3 does not add up", "--cpus", "4,sockets=3");
    REFUSED ("--cpus 4,dies=2 is none of", "--cpus", "4,dies=2");
    REFUSED ("--display spice is neither", "--display", "spice");
    REFUSED ("--firmware uefi is neither", "--firmware", "uefi");
    REFUSED ("'floppy' is neither", "--boot", "cdrom,floppy");
    REFUSED ("names 'disk' twice", "--boot", "disk,disk");
    REFUSED ("--serial tcp:1 is none of", "--serial", "tcp:1");
    REFUSED ("--serial file: is none of", "--serial", "file:");
    REFUSED ("--control /tmp/s is not unix:PATH", "--control", "/tmp/s");
    REFUSED ("'sise=1G' is none", "--disk", "a,sise=1G");
    REFUSED ("'vdi' is neither", "--disk", "a,format=vdi");
    REFUSED ("backing files", "--disk", "a,backing=b");
    REFUSED ("'1' is not a size", "--disk", "a,size=1");
    REFUSED ("'0G' is not a size", "--disk", "a,size=0G");
    REFUSED ("file name is missing", "--disk", ",size=1G");
    REFUSED ("cannot be read-only", "--disk", "a,size=1G,readonly");
    REFUSED ("--iso needs a file name", "--iso", "");
    REFUSED ("--name takes", "--name", "a\nb");
    REFUSED ("one too many", "--iso", "1", "--iso", "2", "--iso", "3", "--iso", "4", "--iso", "5",
             "--iso", "6", "--iso", "7");
}

TEST (options_that_exclude_each_other_are_refused)
{
    REFUSED ("--initrd i needs --kernel", "--initrd", "i");
    REFUSED ("--cmdline needs --kernel", "--cmdline", "");
    REFUSED ("--firmware none needs --kernel", "--firmware", "none");
    REFUSED ("exclude each other", "--kernel", "k", "--firmware", "bios");
    REFUSED ("exclude each other", "--kernel", "k", "--firmware-file", "f");
    REFUSED ("cannot both lead to stdio", "--serial", "stdio", "--console", "stdio");
    REFUSED ("cannot both lead to s", "--serial", "unix:s", "--console", "unix:s");
}

TAP_MAIN ()
