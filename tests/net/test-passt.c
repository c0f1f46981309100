/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real passt: that it starts, answers, says what is wrong, and does not stay behind. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "net/net-internal.h"
#include "net/net.h"
#include "tap.h"

struct card {
    struct vmm_loop *loop;
    struct net *net;
    pthread_mutex_t lock;
    uint8_t frame[NET_MAX_FRAME];
    size_t length;
    unsigned ended;
    char why[512];
};

static enum net_verdict
take_frame (void *data, const uint8_t *frame, size_t length)
{
    struct card *card = data;

    memcpy (card->frame, frame, length);
    card->length = length;
    return NET_TAKEN;
}

static void
ignore (void *data)
{
}

static void
note_end (void *data, const char *why)
{
    struct card *card = data;

    card->ended++;
    snprintf (card->why, sizeof card->why, "%s", why);
}

static const struct net_user user = {take_frame, ignore, ignore, note_end};

static void
card_init (struct card *card, const struct net_passt *options)
{
    struct vmm_error error = {0};
    int r;

    if (access ("/usr/bin/passt", X_OK) < 0)
        SKIP ("passt is not installed");
    *card = (struct card) {0};
    pthread_mutex_init (&card->lock, NULL);
    CHECK_EQUAL (vmm_loop_create (&card->loop), 0);
    r = net_open_passt (options, &card->net, &error);
    CHECK_STRING (error.message, "");
    CHECK_EQUAL (r, 0);
    CHECK_EQUAL (net_attach (card->net, card->loop, &card->lock, &user, card), 0);
}

static void
card_fini (struct card *card)
{
    net_close (card->net);
    vmm_loop_destroy (card->loop);
    pthread_mutex_destroy (&card->lock);
}

/* A DHCPDISCOVER, padded to the length that BOOTP asks for (RFC 2131). */
static size_t
make_discover (uint8_t frame[350])
{
    static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
    uint8_t *ip = frame + 14, *udp = ip + 20, *dhcp = udp + 8;
    const size_t dhcp_length = 300;
    uint32_t sum = 0;

    memset (frame, 0, 350);
    memset (frame, 0xFF, 6);
    memcpy (frame + 6, mac, 6);
    store_be16 (frame + 12, 0x0800);
    ip[0] = 0x45;
    store_be16 (ip + 2, (uint16_t) (28 + dhcp_length));
    ip[8] = 64;
    ip[9] = 17;
    memset (ip + 16, 0xFF, 4);
    for (int i = 0; i < 20; i += 2)
        sum += load_be16 (ip + i);
    store_be16 (ip + 10, (uint16_t) ~(sum + (sum >> 16)));
    store_be16 (udp, 68);
    store_be16 (udp + 2, 67);
    store_be16 (udp + 4, (uint16_t) (8 + dhcp_length));
    dhcp[0] = 1;
    dhcp[1] = 1;
    dhcp[2] = 6;
    store_be32 (dhcp + 4, 0x12345678);
    memcpy (dhcp + 28, mac, 6);
    store_be32 (dhcp + 236, 0x63825363);
    memcpy (dhcp + 240, "\x35\x01\x01\xff", 4);
    return 14 + 28 + dhcp_length;
}

TEST (passt_answers_a_request_for_an_address)
{
    struct net_passt options = {0};
    struct card card;
    uint8_t frame[350];
    struct iovec iov = {frame, make_discover (frame)};

    card_init (&card, &options);
    net_send (card.net, &iov, 1);
    net_flush (card.net);
    while (!(card.length > 282 && load_be16 (card.frame + 12) == 0x0800 && card.frame[23] == 17))
        CHECK (vmm_loop_iterate (card.loop, 30000) >= 0 && !card.ended);
    /* An offer, for whoever asked, of some address. */
    CHECK_EQUAL (card.frame[42], 2);
    CHECK_EQUAL (load_be32 (card.frame + 46), 0x12345678);
    CHECK (load_be32 (card.frame + 58) != 0);
    card_fini (&card);
}

static int
listen_somewhere (struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in) {.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    CHECK_EQUAL (bind (fd, (struct sockaddr *) address, size), 0);
    CHECK_EQUAL (listen (fd, 1), 0);
    CHECK_EQUAL (getsockname (fd, (struct sockaddr *) address, &size), 0);
    return fd;
}

TEST (a_forwarded_port_is_listened_on_as_long_as_it_is_open)
{
    struct sockaddr_in address;
    struct net_forward forward = {.to = 22};
    struct net_passt options = {&forward, 1};
    struct card card;
    int fd;

    close (listen_somewhere (&address));
    forward.first = forward.last = ntohs (address.sin_port);
    card_init (&card, &options);
    fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
    close (fd);
    card_fini (&card);
    fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL (connect (fd, (struct sockaddr *) &address, sizeof address), -1);
    CHECK_EQUAL (errno, ECONNREFUSED);
    close (fd);
}

TEST (a_port_in_use_is_named)
{
    struct sockaddr_in address;
    struct net_forward forward = {.to = 22};
    struct net_passt options = {&forward, 1};
    struct vmm_error error = {0};
    struct net *net;
    char port[8];
    int fd;

    if (access ("/usr/bin/passt", X_OK) < 0)
        SKIP ("passt is not installed");
    fd = listen_somewhere (&address);
    forward.first = forward.last = ntohs (address.sin_port);
    snprintf (port, sizeof port, "%u", forward.first);
    CHECK_EQUAL (net_open_passt (&options, &net, &error), -EADDRINUSE);
    CHECK_CONTAINS (error.message, port);
    CHECK_CONTAINS (error.message, "choose another one");
    /* Nothing is left of it. */
    CHECK_EQUAL (waitpid (-1, NULL, WNOHANG), -1);
    close (fd);
}

TEST (forwards_that_make_no_sense_are_refused)
{
    static const struct net_forward bad[] = {
        {.first = 0, .last = 5, .to = 5},
        {.first = 10, .last = 9, .to = 5},
        {.first = 10, .last = 19, .to = 0},
        {.first = 10, .last = 19, .to = 65530},
        {.address = "localhost", .first = 10, .last = 10, .to = 10},
        {.address = "1.2.3.4/1,5", .first = 10, .last = 10, .to = 10},
        {.address = "-h", .first = 10, .last = 10, .to = 10},
        {.address = "", .first = 10, .last = 10, .to = 10},
    };

    for (size_t i = 0; i < ARRAY_LENGTH (bad); i++) {
        struct net_passt options = {&bad[i], 1};
        struct vmm_error error = {0};
        struct net *net;

        CHECK_EQUAL (net_open_passt (&options, &net, &error), -EINVAL);
        CHECK_CONTAINS (error.message, "cannot be forwarded");
    }
}

TEST (without_passt_the_error_says_what_to_install)
{
    struct net_passt options = {0};
    struct vmm_error error = {0};
    struct net *net;
    int r;

    CHECK_EQUAL (setenv ("PATH", "/nonexistent", 1), 0);
    r = net_open_passt (&options, &net, &error);
    CHECK_EQUAL (setenv ("PATH", "/usr/bin:/bin", 1), 0);
    CHECK_EQUAL (r, -ENOENT);
    CHECK_CONTAINS (error.message, "install the package passt");
}

TEST (what_passt_says_last_is_what_is_worth_knowing)
{
    char line[NET_LINE] = "before";

    net_last_line ("", 0, line);
    CHECK_STRING (line, "before");
    net_last_line ("a\nb\n\n", 5, line);
    CHECK_STRING (line, "b");
    net_last_line ("passt: bad option\nUsage:\n", 25, line);
    CHECK_STRING (line, "bad option");
    net_last_line ("\x1b[1mc\r", 6, line);
    CHECK_STRING (line, " [1mc ");
}

/* The only child of this test. */
static pid_t
find_child (void)
{
    char path[64], text[64] = "";
    FILE *file;

    snprintf (path, sizeof path, "/proc/self/task/%d/children", (int) getpid ());
    file = fopen (path, "re");
    if (!file)
        SKIP ("the kernel does not tell who a process's children are");
    CHECK (fgets (text, sizeof text, file));
    fclose (file);
    return (pid_t) atoi (text);
}

TEST (a_dead_passt_takes_the_link_down_and_nothing_else)
{
    struct net_passt options = {0};
    struct card card;

    card_init (&card, &options);
    CHECK (net_is_up (card.net));
    CHECK_EQUAL (kill (find_child (), SIGKILL), 0);
    while (!card.ended)
        CHECK (vmm_loop_iterate (card.loop, 30000) >= 0);
    CHECK_CONTAINS (card.why, "passt has ended");
    CHECK (!net_is_up (card.net));
    card_fini (&card);
    CHECK_EQUAL (waitpid (-1, NULL, WNOHANG), -1);
}

/* passt gets nothing of ours but its socket, and goes when that does, even if nobody ends it. */
TEST (passt_does_not_outlive_us)
{
    struct net_passt options = {0};
    struct card card;
    int out[2];
    pid_t child, passt;
    char byte;

    if (access ("/usr/bin/passt", X_OK) < 0)
        SKIP ("passt is not installed");
    CHECK_EQUAL (pipe (out), 0);
    child = fork ();
    if (child == 0) {
        card_init (&card, &options);
        passt = find_child ();
        if (write (out[1], &passt, sizeof passt) < 0)
            _exit (1);
        _exit (0);
    }
    CHECK_EQUAL (read (out[0], &passt, sizeof passt), sizeof passt);
    /* If passt had this pipe, too, this would never end. */
    close (out[1]);
    CHECK_EQUAL (read (out[0], &byte, 1), 0);
    close (out[0]);
    CHECK_EQUAL (waitpid (child, NULL, 0), child);
    for (unsigned i = 0; kill (passt, 0) == 0; i++) {
        char path[64], text[256] = "";
        FILE *file;

        snprintf (path, sizeof path, "/proc/%d/stat", (int) passt);
        file = fopen (path, "re");
        if (file) {
            size_t n = fread (text, 1, sizeof text - 1, file);

            text[n] = 0;
            fclose (file);
        }
        /* Its new parent may take its time to reap it. */
        if (strstr (text, ") Z ") || !*text)
            break;
        CHECK (i < 3000);
        usleep (10000);
    }
}

TAP_MAIN ()
