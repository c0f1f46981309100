/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-image-header.h"

#include <string.h>
#include <unistd.h>

#define ISO_AT 0x8001 /* behind the type of the first volume descriptor */

/* Where each format says its name. */
static const struct {
    const char *name, *magic;
    gsize at, length;
} formats[] = {
    {"VMDK", "KDMV", 0, 4},
    {"VMDK", "# Disk DescriptorFile", 0, 21},
    {"VDI", "\x7f\x10\xda\xbe", 64, 4},
    {"VHDX", "vhdxfile", 0, 8},
    {"VHD", "conectix", 0, 8},
    {"QED", "QED", 0, 4},
};

/* The header of a bzImage (Linux, Documentation/arch/x86/boot.rst), or of a 64-bit ELF program for
 * x86-64. */
static gboolean
is_kernel (const guint8 *head)
{
    static const guint8 elf[] = {0x7f, 'E', 'L', 'F', 2, 1};

    return memcmp (head + 0x202, "HdrS", 4) == 0 ||
           (memcmp (head, elf, sizeof elf) == 0 && head[18] == 62 && head[19] == 0);
}

void
posada_image_header_read (PosadaImageHeader *self, int fd)
{
    guint8 head[1024] = {0};
    char name[5] = {0};

    *self = (PosadaImageHeader) {0};
    if (pread (fd, head, sizeof head, 0) < 0 || pread (fd, name, sizeof name, ISO_AT) < 0)
        return;
    self->iso = memcmp (name, "CD001", sizeof name) == 0;
    self->kernel = is_kernel (head);
    self->boot_sector = head[510] == 0x55 && head[511] == 0xaa;
    self->qcow2 = memcmp (head, "QFI\xfb", 4) == 0;
    /* The offset of the name of another image (QEMU, docs/interop/qcow2.txt). */
    for (guint i = 8; i < 16 && self->qcow2; i++)
        self->has_base |= head[i] != 0;
    for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
        if (memcmp (head + formats[i].at, formats[i].magic, formats[i].length) == 0)
            self->foreign = formats[i].name;
    if (self->qcow2 && memcmp (head + 4, "\0\0\0\1", 4) == 0) {
        self->qcow2 = FALSE;
        self->foreign = "qcow";
    }
}

gboolean
posada_image_is_named_qcow2 (const char *path)
{
    const char *dot = strrchr (path, '.');

    return dot &&
           (g_ascii_strcasecmp (dot, ".qcow2") == 0 || g_ascii_strcasecmp (dot, ".qcow") == 0);
}
