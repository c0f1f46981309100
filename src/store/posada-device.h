/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The devices of a definition. Disks, network interfaces and the like are plain values, copies of
 * what the XML says: change a copy and put it back by its index, which is its place among its kind.
 * What a value has no field for stays in the XML; an …_OTHER stands for what is none of the names
 * here, and stays, too. The thread of the definition.
 */
#pragma once

#include "store/posada-definition.h"

G_BEGIN_DECLS

#define POSADA_DEVICES_MAX    256 /* of a kind */
#define POSADA_BOOT_ORDER_MAX 10000
#define POSADA_FORWARDS_MAX   64 /* of a network card */
#define POSADA_SERIAL_MAX     36 /* bytes; more would not fit SATA's and virtio's */

typedef enum {
    POSADA_DISK_DISK,
    POSADA_DISK_CDROM,
    POSADA_DISK_FLOPPY,
    POSADA_DISK_OTHER,
} PosadaDiskKind;

typedef enum {
    POSADA_SOURCE_FILE,
    POSADA_SOURCE_BLOCK, /* a device of the host */
    POSADA_SOURCE_OTHER, /* over the network, from a pool, … */
} PosadaSourceKind;

typedef enum {
    POSADA_FORMAT_RAW, /* also where the XML says nothing */
    POSADA_FORMAT_QCOW2,
    POSADA_FORMAT_OTHER,
} PosadaFormat;

typedef enum {
    POSADA_BUS_VIRTIO,
    POSADA_BUS_SATA,
    POSADA_BUS_SCSI,
    POSADA_BUS_OTHER,
} PosadaBus;

typedef struct {
    PosadaDiskKind kind;
    PosadaSourceKind source;
    char *path; /* from the root on; NULL: an empty drive, or a source of another kind */
    PosadaFormat format;
    char **backing; /* files below a qcow2 image that may be read, from <backingStore>; NULL: none.
                     * Not written by set and add; see put_overlay. */
    PosadaBus bus;
    char *target; /* “vda”; NULL: the first free one, when added */
    char *serial;
    gboolean read_only;  /* always of a CD-ROM drive */
    unsigned boot_order; /* from 1; 0: none */
} PosadaDisk;

#define POSADA_TYPE_DISK (posada_disk_get_type ())
GType posada_disk_get_type (void);
PosadaDisk *posada_disk_copy (const PosadaDisk *self);
void posada_disk_free (PosadaDisk *self);

unsigned posada_definition_get_n_disks (PosadaDefinition *self);
/* NULL beyond the last. */
PosadaDisk *posada_definition_get_disk (PosadaDefinition *self, unsigned index);
gboolean posada_definition_set_disk (PosadaDefinition *self, unsigned index, const PosadaDisk *disk,
                                     GError **error);
/* Behind the others. */
gboolean
posada_definition_add_disk (PosadaDefinition *self, const PosadaDisk *disk, GError **error);
/* The disk's image is at @path now, the same one or a copy: what it is based on stays. */
gboolean posada_definition_move_disk (PosadaDefinition *self, unsigned index, const char *path,
                                      GError **error);
/* Has the disk's source be the qcow2 image at @path, which is based on what it was so far. */
gboolean posada_definition_put_overlay (PosadaDefinition *self, unsigned index, const char *path,
                                        GError **error);
gboolean posada_definition_remove_disk (PosadaDefinition *self, unsigned index, GError **error);

typedef enum {
    POSADA_INTERFACE_USER, /* no privileges needed: passt, or what the hypervisor has */
    POSADA_INTERFACE_NETWORK,
    POSADA_INTERFACE_BRIDGE,
    POSADA_INTERFACE_OTHER,
} PosadaInterfaceKind;

/* Who connects to ports @first to @last of this computer reaches those from @to on of the guest. */
typedef struct {
    gboolean udp;
    char *address; /* IPv4 or IPv6, of this computer; NULL: for itself alone */
    guint16 first, last, to;
} PosadaForward;

PosadaForward *posada_forwards_copy (const PosadaForward *forwards, unsigned n);
void posada_forwards_free (PosadaForward *forwards, unsigned n);

typedef struct {
    PosadaInterfaceKind kind;
    gboolean passt; /* of a user's: this and no other back end */
    char *source;   /* name of the network or bridge */
    char *mac;      /* “52:54:00:…”; NULL: a fresh one, when added */
    char *model;    /* “virtio”, “e1000e”, … */
    gboolean unplugged;
    unsigned boot_order;
    /* From <portForward>; not written by set and add. */
    PosadaForward *forwards;
    unsigned n_forwards;
    gboolean odd_forwards; /* there are more, of kinds that have no name here */
} PosadaInterface;

#define POSADA_TYPE_INTERFACE (posada_interface_get_type ())
GType posada_interface_get_type (void);
PosadaInterface *posada_interface_copy (const PosadaInterface *self);
void posada_interface_free (PosadaInterface *self);

unsigned posada_definition_get_n_interfaces (PosadaDefinition *self);
PosadaInterface *posada_definition_get_interface (PosadaDefinition *self, unsigned index);
gboolean posada_definition_set_interface (PosadaDefinition *self, unsigned index,
                                          const PosadaInterface *interface, GError **error);
gboolean posada_definition_add_interface (PosadaDefinition *self, const PosadaInterface *interface,
                                          GError **error);
/* Its address: the one that stands there, or one that is always the same for this machine and
 * place. */
char *posada_definition_get_mac (PosadaDefinition *self, unsigned index);
/* Gives each a fresh address, as to another machine. */
void posada_definition_renew_macs (PosadaDefinition *self);
gboolean
posada_definition_remove_interface (PosadaDefinition *self, unsigned index, GError **error);

typedef enum {
    POSADA_GRAPHICS_SPICE,
    POSADA_GRAPHICS_VNC,
    POSADA_GRAPHICS_OTHER,
} PosadaGraphicsKind;

typedef enum {
    POSADA_LISTEN_NONE,    /* the local session alone */
    POSADA_LISTEN_ADDRESS, /* a port */
    POSADA_LISTEN_SOCKET,
    POSADA_LISTEN_OTHER,
} PosadaListen;

typedef struct {
    PosadaGraphicsKind kind;
    PosadaListen listen;
    char *address; /* or the path of the socket */
    int port;      /* -1: any free one, also where the XML says nothing */
    int tls_port;  /* -1: none */
    char *password;
} PosadaGraphics;

#define POSADA_TYPE_GRAPHICS (posada_graphics_get_type ())
GType posada_graphics_get_type (void);
PosadaGraphics *posada_graphics_copy (const PosadaGraphics *self);
void posada_graphics_free (PosadaGraphics *self);

unsigned posada_definition_get_n_graphics (PosadaDefinition *self);
PosadaGraphics *posada_definition_get_graphics (PosadaDefinition *self, unsigned index);
/* Changes the one at @index, or adds one if @index is just behind the last. */
gboolean posada_definition_set_graphics (PosadaDefinition *self, unsigned index,
                                         const PosadaGraphics *graphics, GError **error);

/* The first video device: “virtio”, “vga”, …; NULL: there is none. Setting NULL removes all. */
char *posada_definition_get_video_model (PosadaDefinition *self);
gboolean
posada_definition_set_video_model (PosadaDefinition *self, const char *model, GError **error);

/* Input devices by type (“tablet”, “keyboard”, “mouse”) and bus (“virtio”, “usb”, “ps2”). */
gboolean posada_definition_has_input (PosadaDefinition *self, const char *type, const char *bus);
void posada_definition_set_input (PosadaDefinition *self, const char *type, const char *bus,
                                  gboolean there);

/* A source of entropy, fed from /dev/urandom. */
gboolean posada_definition_get_rng (PosadaDefinition *self);
void posada_definition_set_rng (PosadaDefinition *self, gboolean there);

/* “virtio”, “none”; NULL where the XML leaves it to the hypervisor. */
char *posada_definition_get_balloon (PosadaDefinition *self);
gboolean posada_definition_set_balloon (PosadaDefinition *self, const char *model, GError **error);

/* A serial port, and a virtio console, that lead to a terminal of the user. */
gboolean posada_definition_get_serial (PosadaDefinition *self);
void posada_definition_set_serial (PosadaDefinition *self, gboolean there);
gboolean posada_definition_get_virtio_console (PosadaDefinition *self);
void posada_definition_set_virtio_console (PosadaDefinition *self, gboolean there);

/* How many there are in <devices>, by the name of their elements. */
unsigned posada_definition_count_devices (PosadaDefinition *self, const char *element);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaDisk, posada_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaInterface, posada_interface_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaGraphics, posada_graphics_free)

G_END_DECLS
