/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network contract: a net is where the cable of a network card leads, and carries Ethernet
 * frames of 14 to 65535 bytes without a checksum. It is opened once, attached to one loop by the
 * card, and never blocks: what either end does not take stays in bounded buffers, and then outside,
 * until net_resume () or for as long as the other end reads nothing.
 *
 * Threads: open and close on the owner's thread; attach, detach and what follows them on any, with
 * the lock given at attach held; callbacks on the loop's thread with that lock; statistics on any.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/loop.h"

/* Bytes of a frame. passt hangs up on longer and shorter ones. */
#define NET_MIN_FRAME 14
#define NET_MAX_FRAME 65535
/* The longest packet that passt's frames carry, which it tells guests by DHCP, too. */
#define NET_MTU 65520

struct net;

/* Who connects to ports @first to @last of the host reaches those from @to on of the guest. */
struct net_forward {
    bool udp;
    const char *address; /* of the host: an IPv4 or IPv6 address; NULL: 127.0.0.1 */
    uint16_t first, last, to;
};

struct net_passt {
    const struct net_forward *forwards;
    size_t n_forwards; /* ≤ NET_MAX_FORWARDS */
};

#define NET_MAX_FORWARDS 64

/*
 * A network of passt(1): a process of its own translates between the guest's connections and
 * sockets of this user. The guest gets the host's address by DHCP, resolves names as the host does,
 * reaches what the host reaches, and none of the services that listen on the host's loopback
 * addresses only.
 *
 * Returns when passt is ready, or has said why it is not, which takes a few milliseconds. @error:
 * not installed (-ENOENT), a port that is in use (-EADDRINUSE), a forward that makes no sense
 * (-EINVAL), whatever passt said (-EIO).
 */
int net_open_passt (const struct net_passt *options, struct net **ret_net, struct vmm_error *error);
/*
 * Takes over @fd, a connected stream socket (also on failure) on which each frame follows its
 * length, 32 bits big-endian: what passt, and QEMU's stream back end, speak.
 */
int net_open_fd (int fd, struct net **ret_net, struct vmm_error *error);
/* Detaches; ends passt and waits for its end. NULL is fine. */
void net_close (struct net *net);

/* As the guest sees it: received is what it got. Frames for a guest that is not listening, or
 * without a cable, are dropped. */
struct net_stats {
    uint64_t received_bytes, received_frames, sent_bytes, sent_frames, dropped_frames;
    bool ended; /* there is no other end any more */
};
void net_get_stats (struct net *net, struct net_stats *ret_stats);

enum net_verdict {
    NET_TAKEN,
    NET_DROPPED, /* nobody wants it */
    NET_LATER,   /* no room: it is offered again after net_resume () */
};

struct net_user {
    enum net_verdict (*receive) (void *data, const uint8_t *frame, size_t length);
    /* After some frames were offered. */
    void (*received) (void *data);
    /* There is room again, after net_can_send () said that there is none. */
    void (*writable) (void *data);
    /* The other end is gone for good, or broke the rules; @why is a sentence without its full stop.
     * Not called from inside net_send (), net_flush () and net_resume (). */
    void (*ended) (void *data, const char *why);
};

/* One user at a time. Where the other end went before, ended () comes soon. */
int net_attach (struct net *net, struct vmm_loop *loop, pthread_mutex_t *lock,
                const struct net_user *user, void *data);
void net_detach (struct net *net);

/* Whether there is another end. */
bool net_is_up (const struct net *net);
/* Whether the longest frame would find room. */
bool net_can_send (struct net *net);
/* Sends one frame, copied. Dropped if its length is out of bounds, there is no room, or no other
 * end. May wait for net_flush (). */
void net_send (struct net *net, const struct iovec *iov, unsigned n_iov);
void net_flush (struct net *net);
/* Offers frames again. May call receive () and received (). */
void net_resume (struct net *net);
