/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Domain XML from anywhere. The input is a little program that puts a document together from pieces
 * that mean something, with raw bytes in between: random bytes alone never get past the first tag.
 * What is accepted must survive all getters, edits and being read again.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "store/posada-definition.h"
#include "store/posada-device.h"

static const char *const pieces[] = {
    "<domain type='kvm'>",
    "</domain>",
    "<name>n</name>",
    "<memory unit='MiB'>64</memory>",
    "<os><type>hvm</type></os>",
    "<os firmware='efi'><type>hvm</type>",
    "</os>",
    "<boot dev='hd'/>",
    "<boot order='1'/>",
    "<boot order='2'/>",
    "<vcpu>4</vcpu>",
    "<cpu><topology sockets='1' cores='2' threads='2'/></cpu>",
    "<devices>",
    "</devices>",
    "<disk type='file' device='cdrom'>",
    "<disk type='file'>",
    "</disk>",
    "<source file='/a'/>",
    "<target dev='vda' bus='virtio'/>",
    "<target dev='sda' bus='sata'/>",
    "<driver name='qemu' type='qcow2'/>",
    "<interface type='user'>",
    "</interface>",
    "<mac address='52:54:00:00:00:01'/>",
    "<portForward proto='tcp' address='::1'>",
    "<portForward proto='udp'>",
    "</portForward>",
    "<range start='2222' to='22'/>",
    "<range start='1' end='9' exclude='yes'/>",
    "<graphics type='spice' port='-1'>",
    "</graphics>",
    "<listen type='socket' socket='/s'/>",
    "<metadata>",
    "</metadata>",
    "<p:machine xmlns:p='urn:posada:domain:1'>",
    "</p:machine>",
    "<p:created>2020-01-01T00:00:00Z",
    "</p:created>",
    "<p:group>g</p:group>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x ?>",
    "<!DOCTYPE d [<!ENTITY a 'b'>]>",
    "&a;",
    "&amp;",
    "&#10;",
    "<a>",
    "</a>",
    "<a b='c'/>",
    "'",
    "\"",
    "<",
    ">",
    "\xc3\xbc",
    "\xff",
    "<serial type='pty'/>",
    "<console type='pty'/>",
    "<video><model type='qxl'/></video>",
    "<currentMemory>65536</currentMemory>",
    "<features><acpi/></features>",
    "<memory>-1</memory>",
    "18446744073709551615",
};

static void
read_interface (PosadaDefinition *self, unsigned index)
{
    g_autoptr (PosadaInterface) interface = posada_definition_get_interface (self, index);
    g_autofree char *mac = posada_definition_get_mac (self, index);

    if (!interface || strlen (mac) != 17 || interface->n_forwards > POSADA_FORWARDS_MAX)
        abort ();
    for (unsigned i = 0; i < interface->n_forwards; i++) {
        const PosadaForward *forward = &interface->forwards[i];

        if (!forward->first || !forward->to || forward->last < forward->first ||
            forward->to + (forward->last - forward->first) > 65535)
            abort ();
    }
}

static void
read_all (PosadaDefinition *self)
{
    PosadaBootDevice boot[POSADA_BOOT_N_DEVICES];
    unsigned a, b, c;

    g_free (posada_definition_get_name (self));
    g_free (posada_definition_get_uuid (self));
    g_free (posada_definition_get_group (self));
    g_free (posada_definition_get_os_id (self));
    g_free (posada_definition_get_loader (self));
    posada_definition_get_topology (self, &a, &b, &c);
    posada_definition_get_boot_devices (self, boot);
    for (unsigned i = 0; i < posada_definition_get_n_disks (self); i++)
        posada_disk_free (posada_definition_get_disk (self, i));
    for (unsigned i = 0; i < posada_definition_get_n_interfaces (self); i++)
        read_interface (self, i);
    for (unsigned i = 0; i < posada_definition_get_n_graphics (self); i++)
        posada_graphics_free (posada_definition_get_graphics (self, i));
    /* Whatever a file says, these bounds hold. */
    if (posada_definition_get_memory (self) < POSADA_MEMORY_MIN ||
        posada_definition_get_memory (self) > POSADA_MEMORY_MAX ||
        posada_definition_get_vcpus (self) < 1 ||
        posada_definition_get_vcpus (self) > POSADA_VCPUS_MAX)
        abort ();
}

static void
edit (PosadaDefinition *self)
{
    const PosadaDisk disk = {.path = (char *) "/new"};
    const PosadaInterface interface = {.passt = TRUE};

    posada_definition_set_name (self, "edited", NULL);
    posada_definition_set_vcpus (self, 3, NULL);
    posada_definition_set_memory (self, 1 << 25, NULL);
    posada_definition_set_firmware (self, POSADA_FIRMWARE_BIOS);
    posada_definition_set_group (self, NULL, NULL);
    posada_definition_set_notes (self, "notes", NULL);
    posada_definition_add_disk (self, &disk, NULL);
    posada_definition_remove_disk (self, 0, NULL);
    posada_definition_add_interface (self, &interface, NULL);
    posada_definition_set_video_model (self, "virtio", NULL);
    posada_definition_set_serial (self, FALSE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (PosadaDefinition) definition = NULL, again = NULL;
    g_autofree char *xml = NULL;

    /* Most inputs start with what it takes to be accepted. */
    if (fuzz_take (&input, 1) % 8)
        g_string_append (text, "<domain type='kvm'><name>n</name><memory>65536</memory>");
    while (input.size) {
        unsigned what = (unsigned) fuzz_take (&input, 1);

        if (what < 224)
            g_string_append (text, pieces[what % G_N_ELEMENTS (pieces)]);
        else
            g_string_append_c (text, (char) fuzz_take (&input, 1));
    }
    if (size % 4)
        g_string_append (text, "<os><type>hvm</type></os></domain>");
    definition = posada_definition_new_from_xml (text->str, (gssize) text->len, NULL);
    if (!definition)
        return 0;
    read_all (definition);
    edit (definition);
    xml = posada_definition_to_xml (definition);
    again = posada_definition_new_from_xml (xml, -1, NULL);
    if (!again)
        abort ();
    read_all (again);
    return 0;
}
