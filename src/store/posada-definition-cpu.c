/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The virtual CPUs of a definition: how many, how the guest sees them grouped, and what they are.
 */
#include "store/posada-definition-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

static const char *const cpu_order[] = {
    "model", "vendor", "topology", "cache", "maxphysaddr", "feature", "numa", NULL,
};

static xmlNode *
topology_of (PosadaDefinition *self)
{
    return posada_xml_child (posada_definition_section (self, "cpu"), "topology");
}

/* Dies and clusters only count for the sum. */
static gboolean
read_topology (PosadaDefinition *self, unsigned ret_counts[3], GError **error)
{
    static const char *const names[] = {"sockets", "cores", "threads", "dies", "clusters"};
    xmlNode *node = topology_of (self);
    guint64 numbers[G_N_ELEMENTS (names)], product = 1;

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *text = posada_xml_attribute (node, names[i]);
        g_autofree char *what = g_strdup_printf ("<topology %s>", names[i]);

        numbers[i] = 1;
        if ((text || i < 3) &&
            !posada_parse_number (text, 1, POSADA_VCPUS_MAX, what, &numbers[i], error))
            return FALSE;
        product *= numbers[i];
        if (product > POSADA_VCPUS_MAX)
            product = POSADA_VCPUS_MAX + 1;
    }
    if (product != posada_definition_get_vcpus (self)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The CPUs of <topology> do not add up to the %u of <vcpu>",
                     posada_definition_get_vcpus (self));
        return FALSE;
    }
    for (unsigned i = 0; i < 3; i++)
        ret_counts[i] = (unsigned) numbers[i];
    return TRUE;
}

gboolean
posada_definition_check_cpu (PosadaDefinition *self, GError **error)
{
    xmlNode *node = posada_definition_section (self, "vcpu");
    g_autofree char *text = posada_xml_text (node);
    unsigned counts[3];
    guint64 vcpus;

    if (node && !posada_parse_number (text, 1, POSADA_VCPUS_MAX, "<vcpu>", &vcpus, error))
        return FALSE;
    return !topology_of (self) || read_topology (self, counts, error);
}

unsigned
posada_definition_get_vcpus (PosadaDefinition *self)
{
    g_autofree char *text = posada_xml_text (posada_definition_section (self, "vcpu"));
    guint64 vcpus = 1;

    posada_parse_number (text, 1, POSADA_VCPUS_MAX, "<vcpu>", &vcpus, NULL);
    return (unsigned) vcpus;
}

static gboolean
check_vcpus (guint64 vcpus, GError **error)
{
    g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, vcpus);

    return posada_parse_number (text, 1, POSADA_VCPUS_MAX, "<vcpu>", &vcpus, error);
}

static void
write_vcpus (PosadaDefinition *self, unsigned vcpus)
{
    xmlNode *node = posada_definition_ensure_section (self, "vcpu");
    g_autofree char *text = g_strdup_printf ("%u", vcpus);
    g_autofree char *current = posada_xml_attribute (node, "current");

    posada_xml_set_text (node, text);
    /* How many of them are plugged in at first, which cannot be more. */
    if (current && g_ascii_strtoull (current, NULL, 10) > vcpus)
        posada_xml_set_attribute (node, "current", NULL);
    /* A list that says something about each CPU would have to be written anew. */
    posada_xml_remove (posada_definition_root (self), "vcpus");
}

gboolean
posada_definition_set_vcpus (PosadaDefinition *self, unsigned vcpus, GError **error)
{
    unsigned counts[3];

    if (!check_vcpus (vcpus, error))
        return FALSE;
    write_vcpus (self, vcpus);
    if (topology_of (self) && !read_topology (self, counts, NULL))
        posada_xml_drop (topology_of (self));
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_get_topology (PosadaDefinition *self, unsigned *ret_sockets, unsigned *ret_cores,
                                unsigned *ret_threads)
{
    unsigned counts[3] = {0};
    gboolean there = topology_of (self) && read_topology (self, counts, NULL);

    *ret_sockets = counts[0];
    *ret_cores = counts[1];
    *ret_threads = counts[2];
    return there;
}

gboolean
posada_definition_set_topology (PosadaDefinition *self, unsigned sockets, unsigned cores,
                                unsigned threads, GError **error)
{
    const unsigned counts[] = {sockets, cores, threads};
    static const char *const names[] = {"sockets", "cores", "threads"};
    guint64 product = (guint64) sockets * cores;
    xmlNode *node;

    if (sockets == 0 && cores == 0 && threads == 0) {
        if (topology_of (self)) {
            posada_xml_drop (topology_of (self));
            posada_definition_changed (self);
        }
        return TRUE;
    }
    product = product > POSADA_VCPUS_MAX ? product : product * threads;
    if (!check_vcpus (product, error))
        return FALSE;
    write_vcpus (self, (unsigned) product);
    node =
        posada_xml_ensure (posada_definition_ensure_section (self, "cpu"), "topology", cpu_order);
    posada_xml_set_attribute (node, "dies", NULL);
    posada_xml_set_attribute (node, "clusters", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (counts); i++) {
        g_autofree char *text = g_strdup_printf ("%u", counts[i]);

        posada_xml_set_attribute (node, names[i], text);
    }
    posada_definition_changed (self);
    return TRUE;
}

char *
posada_definition_get_cpu_mode (PosadaDefinition *self)
{
    return posada_xml_attribute (posada_definition_section (self, "cpu"), "mode");
}

gboolean
posada_definition_set_cpu_mode (PosadaDefinition *self, const char *mode, GError **error)
{
    if (!posada_check_text (mode, 64, "cpu mode", error))
        return FALSE;
    if (mode || posada_definition_section (self, "cpu"))
        posada_xml_set_attribute (posada_definition_ensure_section (self, "cpu"), "mode", mode);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_get_feature (PosadaDefinition *self, const char *name)
{
    xmlNode *node = posada_xml_child (posada_definition_section (self, "features"), name);

    return node && !posada_xml_attribute_is (node, "state", "off");
}

void
posada_definition_set_feature (PosadaDefinition *self, const char *name, gboolean there)
{
    xmlNode *features = posada_definition_section (self, "features");

    if (there == posada_definition_get_feature (self, name))
        return;
    if (features)
        posada_xml_remove (features, name);
    if (there)
        posada_xml_add (posada_definition_ensure_section (self, "features"), name, NULL);
    posada_definition_changed (self);
}
