/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "store/posada-definition.h"
#include "store/posada-device.h"
#include "store/posada-store-error.h"
#include "store/posada-xml.h"

#define HEAD "<domain type='kvm'><name>n</name><memory unit='MiB'>64</memory>"
#define OS   "<os><type>hvm</type></os>"

static void
refused (const char *xml, gssize length, const char *part)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDefinition) definition = posada_definition_new_from_xml (xml, length, &error);

    CHECK (!definition);
    CHECK (error->domain == POSADA_STORE_ERROR);
    CHECK_CONTAINS (error->message, part);
    CHECK (!strchr (error->message, '\n'));
    CHECK (g_utf8_validate (error->message, -1, NULL));
}

static void
refused_inside (const char *inside, const char *part)
{
    g_autofree char *xml = g_strconcat (HEAD OS, inside, "</domain>", NULL);

    refused (xml, -1, part);
}

static PosadaDefinition *
parse (const char *inside)
{
    g_autofree char *xml = g_strconcat (HEAD, inside, "</domain>", NULL);
    PosadaDefinition *definition = posada_definition_new_from_xml (xml, -1, NULL);

    CHECK (definition);
    return definition;
}

static void
check_error (gboolean result, GError **error, const char *part)
{
    CHECK (!result);
    CHECK_CONTAINS ((*error)->message, part);
    g_clear_error (error);
}

TEST (a_new_machine_is_sound)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL), again = NULL;
    g_autofree char *xml = posada_definition_to_xml (definition);

    again = posada_definition_new_from_xml (xml, -1, NULL);
    CHECK (again);
    CHECK_EQUAL (posada_definition_get_memory (again), UINT64_C (1) << 30);
    CHECK_EQUAL (posada_definition_get_vcpus (again), 1);
    g_assert_finalize_object (g_steal_pointer (&definition));
}

TEST (names_are_bounded)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    g_autofree char *longest = g_strnfill (255, 'x'), *longer = g_strnfill (256, 'x');
    static const char *const bad[] = {"", " ", "a/b", "a\nb", "a\1b", "\xff", "\xe2\x80\x83"};

    CHECK (posada_definition_set_name (definition, longest, NULL));
    CHECK (!posada_definition_set_name (definition, longer, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
        CHECK (!posada_definition_set_name (definition, bad[i], NULL));
    CHECK (!posada_definition_new ("", NULL));
}

TEST (a_setter_that_refuses_changes_nothing)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    g_autofree char *before = posada_definition_to_xml (definition), *after = NULL;
    g_autoptr (GError) error = NULL;
    PosadaDisk disk = {.kind = POSADA_DISK_DISK};
    PosadaInterface interface = {.mac = (char *) "53:54:00:00:00:01"};
    PosadaBootDevice boot[] = {POSADA_BOOT_DISK, POSADA_BOOT_DISK};

    check_error (posada_definition_set_domain_type (definition, "xen", &error), &error, "xen");
    check_error (posada_definition_set_uuid (definition, "1234", &error), &error, "1234");
    check_error (posada_definition_set_memory (definition, 1 << 20, &error), &error, "<memory>");
    check_error (posada_definition_set_memory (definition, (64 << 20) + 1, &error), &error, "KiB");
    check_error (posada_definition_set_memory (definition, UINT64_C (1) << 60, &error), &error,
                 "16.0");
    check_error (posada_definition_set_current_memory (definition, UINT64_C (2) << 30, &error),
                 &error, "<currentMemory>");
    check_error (posada_definition_set_vcpus (definition, 0, &error), &error, "<vcpu>");
    check_error (posada_definition_set_vcpus (definition, 1025, &error), &error, "1025");
    check_error (posada_definition_set_topology (definition, 1, 0, 1, &error), &error, "<vcpu>");
    check_error (
        posada_definition_set_topology (definition, 4000000000, 4000000000, 4000000000, &error),
        &error, "<vcpu>");
    check_error (posada_definition_set_title (definition, "a\nb", &error), &error, "<title>");
    check_error (posada_definition_set_notes (definition, "a\fb", &error), &error, "posada:notes");
    check_error (posada_definition_set_kernel (definition, NULL, "/i", NULL, &error), &error,
                 "<initrd> needs");
    check_error (posada_definition_set_kernel (definition, "k", NULL, NULL, &error), &error, "“k”");
    check_error (posada_definition_set_boot_devices (definition, boot, 2, &error), &error, "twice");
    check_error (posada_definition_add_disk (definition, &disk, &error), &error, "source");
    check_error (posada_definition_add_interface (definition, &interface, &error), &error, "<mac>");
    check_error (posada_definition_remove_disk (definition, 0, &error), &error, "number 0");
    check_error (posada_definition_set_created (definition, G_MAXINT64, &error), &error, "created");
    after = posada_definition_to_xml (definition);
    CHECK_STRING (after, before);
}

TEST (current_memory_follows_memory)
{
    g_autoptr (PosadaDefinition) definition =
        parse ("<currentMemory unit='MiB'>32</currentMemory>" OS);

    CHECK (posada_definition_set_memory (definition, 128 << 20, NULL));
    CHECK_EQUAL (posada_definition_get_current_memory (definition), 32 << 20);
    CHECK (posada_definition_set_memory (definition, 16 << 20, NULL));
    CHECK_EQUAL (posada_definition_get_current_memory (definition), 16 << 20);
    CHECK (posada_definition_set_memory (definition, 64 << 20, NULL));
    CHECK_EQUAL (posada_definition_get_current_memory (definition), 64 << 20);
}

TEST (topology_goes_when_it_does_not_add_up)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    unsigned sockets, cores, threads;

    CHECK (posada_definition_set_topology (definition, 2, 2, 2, NULL));
    CHECK_EQUAL (posada_definition_get_vcpus (definition), 8);
    CHECK (posada_definition_get_topology (definition, &sockets, &cores, &threads));
    CHECK (posada_definition_set_vcpus (definition, 4, NULL));
    CHECK (!posada_definition_get_topology (definition, &sockets, &cores, &threads));
}

TEST (per_device_order_and_kinds_exclude_each_other)
{
    g_autoptr (PosadaDefinition) definition =
        parse ("<os><type>hvm</type><boot dev='hd'/></os><devices><disk type='file'>"
               "<source file='/a'/><target dev='vda' bus='virtio'/></disk></devices>");
    g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, 0), again = NULL;
    PosadaBootDevice boot[POSADA_BOOT_N_DEVICES] = {POSADA_BOOT_CDROM, POSADA_BOOT_DISK};

    disk->boot_order = 1;
    CHECK (posada_definition_set_disk (definition, 0, disk, NULL));
    CHECK_EQUAL (posada_definition_get_boot_devices (definition, boot), 0);
    boot[0] = POSADA_BOOT_CDROM;
    boot[1] = POSADA_BOOT_DISK;
    CHECK (posada_definition_set_boot_devices (definition, boot, 2, NULL));
    CHECK_EQUAL (posada_definition_get_boot_devices (definition, boot), 2);
    again = posada_definition_get_disk (definition, 0);
    CHECK_EQUAL (again->boot_order, 0);
}

TEST (a_drive_can_be_emptied_and_filled)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    PosadaDisk cd = {.kind = POSADA_DISK_CDROM, .path = (char *) "/a.iso", .bus = POSADA_BUS_SATA};
    g_autoptr (PosadaDisk) disk = NULL, empty = NULL;

    CHECK (posada_definition_add_disk (definition, &cd, NULL));
    disk = posada_definition_get_disk (definition, 0);
    CHECK_STRING (disk->path, "/a.iso");
    CHECK_STRING (disk->target, "sda");
    CHECK (disk->read_only);
    g_clear_pointer (&disk->path, g_free);
    CHECK (posada_definition_set_disk (definition, 0, disk, NULL));
    empty = posada_definition_get_disk (definition, 0);
    CHECK (!empty->path);
}

TEST (targets_are_unique)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    PosadaDisk disk = {.path = (char *) "/a"};
    g_autoptr (PosadaDisk) last = NULL;
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < 28; i++)
        CHECK (posada_definition_add_disk (definition, &disk, NULL));
    last = posada_definition_get_disk (definition, 27);
    CHECK_STRING (last->target, "vdab");
    disk.target = (char *) "vda";
    CHECK (!posada_definition_add_disk (definition, &disk, &error));
    CHECK (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS));
}

TEST (a_copy_is_another)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    g_autoptr (PosadaDefinition) copy = posada_definition_copy (definition);
    g_autofree char *name = NULL;

    CHECK (posada_definition_set_name (copy, "Copy", NULL));
    name = posada_definition_get_name (definition);
    CHECK_STRING (name, "New");
}

static void
count_cb (PosadaDefinition *definition, unsigned *count)
{
    (*count)++;
}

TEST (changes_are_signalled_once)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    unsigned count = 0;

    g_signal_connect (definition, "changed", G_CALLBACK (count_cb), &count);
    CHECK (posada_definition_set_title (definition, "T", NULL));
    CHECK_EQUAL (count, 1);
    CHECK (!posada_definition_set_vcpus (definition, 0, NULL));
    CHECK_EQUAL (count, 1);
}

TEST (metadata_leaves_nothing_behind)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("New", NULL);
    g_autofree char *before = posada_definition_to_xml (definition), *after = NULL;

    CHECK (posada_definition_set_group (definition, "G", NULL));
    CHECK (posada_definition_set_os_id (definition, "http://x/1", NULL));
    CHECK (posada_definition_set_group (definition, NULL, NULL));
    CHECK (posada_definition_set_os_id (definition, NULL, NULL));
    after = posada_definition_to_xml (definition);
    CHECK_STRING (after, before);
}

#define FORWARD(attributes, ranges)                                                        \
    "<devices><interface type='user'><portForward " attributes ">" ranges "</portForward>" \
    "</interface></devices>"

TEST (wrong_values_in_files_are_named)
{
    refused ("<network/>", -1, "<network>");
    refused ("<domain xmlns='urn:x' type='kvm'/>", -1, "<domain>");
    refused ("<domain><name>n</name></domain>", -1, "type");
    refused ("<domain type='kvm'/>", -1, "<name>");
    refused ("<domain type='kvm'><name>n</name>" OS "</domain>", -1, "<memory>");
    refused (HEAD "</domain>", -1, "<type>");
    refused_inside ("<uuid>x</uuid>", "<uuid> “x”");
    refused_inside ("<currentMemory unit='MiB'>65</currentMemory>", "<currentMemory>");
    refused_inside ("<currentMemory unit='Furlong'>65</currentMemory>", "Furlong");
    refused_inside ("<vcpu>0</vcpu>", "<vcpu> “0”");
    refused_inside ("<vcpu>99999999999999999999999</vcpu>", "<vcpu>");
    refused_inside ("<vcpu>-1</vcpu>", "-1");
    refused_inside ("<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", "<topology>");
    refused_inside ("<cpu><topology sockets='1024' cores='1024' threads='1024' dies='1024'/></cpu>",
                    "<topology>");
    refused_inside ("<cpu><topology cores='2' threads='1'/></cpu>", "sockets");
    refused_inside ("<devices><disk type='file'/></devices>", "<target>");
    refused_inside ("<devices><disk><target dev='../x'/></disk></devices>", "../x");
    refused_inside ("<devices><disk><source file='rel'/><target dev='a'/></disk></devices>", "rel");
    refused_inside ("<devices><disk><target dev='vda'/></disk></devices>", "vda");
    refused_inside ("<devices><disk device='cdrom'><target dev='a'/></disk>"
                    "<disk device='cdrom'><target dev='a'/></disk></devices>",
                    "Two <disk>");
    refused_inside ("<devices><interface type='user'><mac address='x'/></interface></devices>",
                    "<mac>");
    refused_inside ("<devices><interface type='user'><mac address='00:00:00:00:00:00'/>"
                    "</interface></devices>",
                    "<mac>");
    refused_inside ("<devices><graphics type='spice' port='65536'/></devices>", "port");
    refused_inside (FORWARD ("proto='sctp'", "<range start='1'/>"), "sctp");
    refused_inside (FORWARD ("proto='tcp' address='localhost'", "<range start='1'/>"), "localhost");
    refused_inside (FORWARD ("proto='tcp' address='1.1.1.1/2,none'", ""), "1.1.1.1/2,none");
    refused_inside (FORWARD ("proto='tcp'", "<range start='0'/>"), "<range start>");
    refused_inside (FORWARD ("proto='tcp'", "<range end='5'/>"), "<range>");
    refused_inside (FORWARD ("proto='tcp'", "<range start='65536'/>"), "65536");
    refused_inside (FORWARD ("proto='tcp'", "<range start='9' end='8'/>"), "<range>");
    refused_inside (FORWARD ("proto='tcp'", "<range start='1' end='3' to='65534'/>"), "65534");
    refused_inside ("<devices><x><boot order='0'/></x></devices>", "<boot order>");
    refused_inside ("<devices><x><boot order='1'/></x><y><boot order='1'/></y></devices>", "twice");
    refused_inside ("<metadata><p:machine xmlns:p='urn:posada:domain:1'><p:created>soon"
                    "</p:created></p:machine></metadata>",
                    "soon");
}

TEST (memory_beyond_all_bounds_is_refused)
{
    static const char *const values[] = {
        "18446744073709551615", "18446744073709551616", "-1", "1e9", "0x100000", " ", ""};
    static const char *const units[] = {"b", "KiB", "EiB", "TB"};

    for (unsigned i = 0; i < G_N_ELEMENTS (values); i++)
        for (unsigned j = 0; j < G_N_ELEMENTS (units); j++) {
            g_autofree char *xml = g_strdup_printf (
                "<domain type='kvm'><name>n</name><memory unit='%s'>%s</memory>" OS "</domain>",
                units[j], values[i]);

            refused (xml, -1, "<memory>");
        }
}

TEST (document_types_and_entities_are_refused)
{
    refused ("<!DOCTYPE domain><domain type='kvm'/>", -1, "document type");
    refused ("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
             "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;'>]>"
             "<domain type='kvm'><name>&d;</name></domain>",
             -1, "document type");
    refused ("<!DOCTYPE d SYSTEM 'http://localhost:1/x.dtd'><domain/>", -1, "document type");
    refused ("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain><name>&x;</name>"
             "</domain>",
             -1, "document type");
    refused ("<domain type='kvm'><name>&x;</name></domain>", -1, "not well-formed");
    refused ("<!-- --><?p ?><!DOCTYPE d><domain/>", -1, "document type");
}

static char *
repeat (const char *head, const char *part, unsigned times, const char *tail)
{
    GString *text = g_string_new (head);

    while (times--)
        g_string_append (text, part);
    return g_string_free (g_string_append (text, tail), FALSE);
}

TEST (files_beyond_the_bounds_are_refused_quickly)
{
    g_autofree char *deep = repeat ("<domain>", "<a>", 100000, "");
    g_autofree char *large = repeat ("<domain>", "    ", 1100000, "</domain>");
    g_autofree char *many = repeat ("<domain>", "<a/>", 60000, "</domain>");
    g_autofree char *wide = repeat ("<domain ", "a='' ", 500000, "/>");
    g_autofree char *spaces = repeat ("<domain ", "xmlns:a='' ", 500000, "/>");
    gint64 start = g_get_monotonic_time ();

    refused (deep, -1, "deeper");
    refused (large, -1, "4 MiB");
    refused (many, -1, "elements");
    refused (wide, -1, "attributes");
    refused (spaces, -1, "4 MiB");
    CHECK (g_get_monotonic_time () - start < 10 * G_USEC_PER_SEC);
}

TEST (forwards_have_a_bound)
{
    g_autofree char *fits = repeat (HEAD OS "<devices><interface type='user'>"
                                            "<portForward proto='tcp'>",
                                    "<range start='7'/>", POSADA_FORWARDS_MAX,
                                    "</portForward></interface></devices></domain>");
    g_autofree char *more = repeat (HEAD OS "<devices><interface type='user'>"
                                            "<portForward proto='tcp'>",
                                    "<range start='7'/>", POSADA_FORWARDS_MAX + 1,
                                    "</portForward></interface></devices></domain>");
    g_autoptr (PosadaDefinition) definition = posada_definition_new_from_xml (fits, -1, NULL);
    g_autoptr (PosadaInterface) interface = posada_definition_get_interface (definition, 0);

    CHECK_EQUAL (interface->n_forwards, POSADA_FORWARDS_MAX);
    refused (more, -1, "64 ranges");
}

TEST (forwards_survive_a_change_of_their_card)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new_from_xml (
        HEAD OS "<devices><interface type='user'><portForward proto='udp' address='127.0.0.2'>"
                "<range start='2222' to='22'/></portForward></interface></devices></domain>",
        -1, NULL);
    g_autoptr (PosadaInterface) interface = posada_definition_get_interface (definition, 0);
    g_autoptr (PosadaInterface) again = NULL;

    interface->unplugged = TRUE;
    CHECK (posada_definition_set_interface (definition, 0, interface, NULL));
    again = posada_definition_get_interface (definition, 0);
    CHECK (again->unplugged && again->n_forwards == 1 && again->forwards[0].udp);
    CHECK_STRING (again->forwards[0].address, "127.0.0.2");
    CHECK (again->forwards[0].first == 2222 && again->forwards[0].to == 22);
}

TEST (a_card_without_an_address_keeps_the_one_it_is_given)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new_from_xml (
        HEAD OS "<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices>"
                "<interface type='user'/><interface type='user'/></devices></domain>",
        -1, NULL);
    g_autoptr (PosadaDefinition) copy = posada_definition_copy (definition);
    g_autofree char *first = posada_definition_get_mac (definition, 0);
    g_autofree char *second = posada_definition_get_mac (definition, 1);
    g_autofree char *again = posada_definition_get_mac (copy, 0);
    g_autofree char *other = NULL;

    CHECK (g_str_has_prefix (first, "52:54:00:") && strlen (first) == 17);
    CHECK (strcmp (first, second) != 0);
    CHECK_STRING (again, first);
    CHECK (posada_definition_set_uuid (copy, "5b8a1e43-6e5c-4a52-a2a1-3a1c2a4d7e11", NULL));
    other = posada_definition_get_mac (copy, 0);
    CHECK (strcmp (other, first) != 0);
}

TEST (depth_has_a_bound_and_not_less)
{
    g_autofree char *fits = repeat ("<domain><devices>", "<a>", 62, "");
    g_autofree char *deeper = repeat ("<domain><devices>", "<a>", 63, "");

    refused (fits, -1, "not well-formed");
    refused (deeper, -1, "deeper");
}

TEST (what_is_no_xml_is_refused)
{
    refused ("", -1, "not well-formed");
    refused ("x", -1, "not well-formed");
    refused ("<domain", -1, "not well-formed");
    refused ("<domain type='kvm", -1, "not well-formed");
    refused ("<domain><name>n</domain>", -1, "not well-formed");
    refused ("<domain type='a' type='b'/>", -1, "not well-formed");
    refused ("<x:domain type='a'/>", -1, "not well-formed");
    refused ("<domain/><domain/>", -1, "not well-formed");
    refused ("<domain>\xff</domain>", -1, "UTF-8 at byte 8");
    refused ("<domain>\xed\xa0\x80</domain>", -1, "UTF-8");
    refused ("<domain>\0</domain>", 18, "UTF-8");
    refused ("\xff\xfe<\0d\0/\0>\0", 10, "UTF-8");
    refused ("<domain>&#1;</domain>", -1, "not well-formed");
}

TEST (an_encoding_that_is_not_true_is_overruled)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new_from_xml (
        "<?xml version='1.0' encoding='ISO-8859-1'?>"
        "<domain type='kvm'><name>ü</name><memory>65536</memory>" OS "</domain>",
        -1, NULL);
    g_autofree char *name = NULL;

    CHECK (definition);
    name = posada_definition_get_name (definition);
    CHECK_STRING (name, "ü");
}

TAP_MAIN ()
