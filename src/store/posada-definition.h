/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a machine is: libvirt domain XML, edited in place, so that what nobody here understands
 * stays. A definition that could be parsed is sound: every value that has a getter below is within
 * its bounds, and setters keep it so; those that can refuse return FALSE with a POSADA_STORE_ERROR
 * and leave everything as it was. Knows nothing of files. One thread at a time; hand a copy to
 * another.
 *
 * Getters return copies that the caller frees, NULL (or 0) where the XML says nothing. Setters
 * take NULL (or 0) to say nothing, and emit “changed” if the XML is another afterwards.
 */
#pragma once

#include <glib-object.h>
#include <stdint.h>

G_BEGIN_DECLS

#define POSADA_TYPE_DEFINITION (posada_definition_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDefinition, posada_definition, POSADA, DEFINITION, GObject)

#define POSADA_NAME_MAX   255 /* bytes */
#define POSADA_TEXT_MAX   65536
#define POSADA_MEMORY_MIN (UINT64_C (16) << 20)
#define POSADA_MEMORY_MAX (UINT64_C (16) << 40)
#define POSADA_VCPUS_MAX  1024

typedef enum {
    POSADA_FIRMWARE_BIOS,
    POSADA_FIRMWARE_EFI,
} PosadaFirmware;

typedef enum {
    POSADA_BOOT_DISK,
    POSADA_BOOT_CDROM,
    POSADA_BOOT_NETWORK,
    POSADA_BOOT_FLOPPY,
    POSADA_BOOT_N_DEVICES,
} PosadaBootDevice;

/* A PC called @name with a fresh UUID: KVM, q35, BIOS, 1 GiB, one CPU, local time in UTC, and no
 * devices but those that no PC is without. */
PosadaDefinition *posada_definition_new (const char *name, GError **error);
/* @length may be -1. */
PosadaDefinition *posada_definition_new_from_xml (const char *xml, gssize length, GError **error);
char *posada_definition_to_xml (PosadaDefinition *self);
PosadaDefinition *posada_definition_copy (PosadaDefinition *self);

/* Whether a machine may be called so: 1 to 255 bytes of text on one line, without a slash and not
 * only blanks. */
gboolean posada_definition_check_name (const char *name, GError **error);

/* “kvm”, “qemu”, or what other hypervisors are called. Only the former two can be set. */
char *posada_definition_get_domain_type (PosadaDefinition *self);
gboolean
posada_definition_set_domain_type (PosadaDefinition *self, const char *type, GError **error);
char *posada_definition_get_name (PosadaDefinition *self);
gboolean posada_definition_set_name (PosadaDefinition *self, const char *name, GError **error);
/* In lower case; NULL for a definition that never had one. */
char *posada_definition_get_uuid (PosadaDefinition *self);
gboolean posada_definition_set_uuid (PosadaDefinition *self, const char *uuid, GError **error);
char *posada_definition_get_title (PosadaDefinition *self);
gboolean posada_definition_set_title (PosadaDefinition *self, const char *title, GError **error);
char *posada_definition_get_description (PosadaDefinition *self);
gboolean
posada_definition_set_description (PosadaDefinition *self, const char *description, GError **error);

/* In bytes. Setting moves the current memory along if that was the same, or would be more. */
guint64 posada_definition_get_memory (PosadaDefinition *self);
gboolean posada_definition_set_memory (PosadaDefinition *self, guint64 memory, GError **error);
/* What the balloon leaves the guest; the memory if nothing is said. */
guint64 posada_definition_get_current_memory (PosadaDefinition *self);
gboolean
posada_definition_set_current_memory (PosadaDefinition *self, guint64 memory, GError **error);

/* Setting drops a topology that does not add up any more. */
unsigned posada_definition_get_vcpus (PosadaDefinition *self);
gboolean posada_definition_set_vcpus (PosadaDefinition *self, unsigned vcpus, GError **error);
/* FALSE and zeroes if nothing is said. Setting sets the number of CPUs, too; three zeroes say
 * nothing. */
gboolean posada_definition_get_topology (PosadaDefinition *self, unsigned *ret_sockets,
                                         unsigned *ret_cores, unsigned *ret_threads);
gboolean posada_definition_set_topology (PosadaDefinition *self, unsigned sockets, unsigned cores,
                                         unsigned threads, GError **error);
/* “host-passthrough”, “host-model”, “custom”, … */
char *posada_definition_get_cpu_mode (PosadaDefinition *self);
gboolean posada_definition_set_cpu_mode (PosadaDefinition *self, const char *mode, GError **error);

/* Elements of <features>: “acpi”, “apic”, … */
gboolean posada_definition_get_feature (PosadaDefinition *self, const char *name);
void posada_definition_set_feature (PosadaDefinition *self, const char *name, gboolean there);

/* --- <os>, in posada-definition-boot.c --- */

char *posada_definition_get_os_type (PosadaDefinition *self); /* “hvm” */
char *posada_definition_get_arch (PosadaDefinition *self);    /* “x86_64” */
char *posada_definition_get_machine (PosadaDefinition *self); /* “q35”, “pc-q35-9.2” */
gboolean
posada_definition_set_machine (PosadaDefinition *self, const char *machine, GError **error);

/* EFI is what says so, or loads flash. Setting BIOS removes loader and variables. */
PosadaFirmware posada_definition_get_firmware (PosadaDefinition *self);
void posada_definition_set_firmware (PosadaDefinition *self, PosadaFirmware firmware);
/* Files: firmware itself and its variables. */
char *posada_definition_get_loader (PosadaDefinition *self);
char *posada_definition_get_nvram (PosadaDefinition *self);
gboolean posada_definition_set_nvram (PosadaDefinition *self, const char *path, GError **error);

char *posada_definition_get_kernel (PosadaDefinition *self);
char *posada_definition_get_initrd (PosadaDefinition *self);
char *posada_definition_get_cmdline (PosadaDefinition *self);
/* All three; initrd and command line need a kernel. */
gboolean posada_definition_set_kernel (PosadaDefinition *self, const char *kernel,
                                       const char *initrd, const char *cmdline, GError **error);

/* Kinds of devices in the order they are tried. Devices with an order of their own (see
 * posada-device.h) and this exclude each other: setting this removes those. */
unsigned posada_definition_get_boot_devices (PosadaDefinition *self,
                                             PosadaBootDevice ret_devices[POSADA_BOOT_N_DEVICES]);
gboolean
posada_definition_set_boot_devices (PosadaDefinition *self, const PosadaBootDevice *devices,
                                    unsigned n_devices, GError **error);
gboolean posada_definition_get_boot_menu (PosadaDefinition *self);
void posada_definition_set_boot_menu (PosadaDefinition *self, gboolean enabled);

/* --- <metadata>, in posada-definition-metadata.c --- */

/* libosinfo's identifier of the guest's system, such as “http://debian.org/debian/13”. */
char *posada_definition_get_os_id (PosadaDefinition *self);
gboolean posada_definition_set_os_id (PosadaDefinition *self, const char *os_id, GError **error);
char *posada_definition_get_group (PosadaDefinition *self);
gboolean posada_definition_set_group (PosadaDefinition *self, const char *group, GError **error);
char *posada_definition_get_notes (PosadaDefinition *self);
gboolean posada_definition_set_notes (PosadaDefinition *self, const char *notes, GError **error);
/* What else it is than a machine; nothing of what it can do follows from that but where it says. */
typedef enum {
    POSADA_ROLE_MACHINE,
    POSADA_ROLE_COPY,     /* made to try something */
    POSADA_ROLE_TEMPLATE, /* machines are made of it; it does not start */
    POSADA_N_ROLES,
} PosadaRole;
PosadaRole posada_definition_get_role (PosadaDefinition *self);
void posada_definition_set_role (PosadaDefinition *self, PosadaRole role);
/*
 * UUID of the machine whose snapshot disks of this one are based on, so that it must stay where it
 * is; NULL: none. The snapshot's id if @ret_snapshot is not NULL.
 */
char *posada_definition_get_origin (PosadaDefinition *self, char **ret_snapshot);
gboolean posada_definition_set_origin (PosadaDefinition *self, const char *uuid,
                                       const char *snapshot, GError **error);
/* Seconds since 1970 in UTC; 0 if nobody knows. */
gint64 posada_definition_get_created (PosadaDefinition *self);
gboolean posada_definition_set_created (PosadaDefinition *self, gint64 created, GError **error);

G_END_DECLS
