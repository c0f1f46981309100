/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle: random operations through our driver, many at a time, against a model in memory and
 * against what QEMU reads and checks afterwards, over cluster sizes, versions, backing chains,
 * compressed sources, and QEMU's own writes in between. Requests in flight never overlap.
 */
#include "qcow2-storm.h"

static void
check_cluster_size (uint32_t cluster_size, unsigned flags, unsigned n)
{
    struct qrig rig;

    qrig_init (&rig);
    rig.seed = cluster_size + flags;
    new_model (&rig, 9 * MIB + 512);
    qrig_create (&rig, rig.size, cluster_size);
    qrig_judge (&rig, false);
    qrig_open (&rig, flags);
    for (int i = 0; i < 3; i++) {
        run_storm (&rig, n);
        reopen_and_judge (&rig, flags);
    }
    qrig_fini (&rig);
}

TEST (random_operations_with_clusters_of_512_bytes)
{
    check_cluster_size (512, 0, 300);
}

TEST (random_operations_with_clusters_of_4_kib)
{
    check_cluster_size (4 * KIB, 0, 600);
}

TEST (random_operations_with_clusters_of_64_kib)
{
    check_cluster_size (64 * KIB, 0, 1000);
}

TEST (random_operations_with_clusters_of_2_mib)
{
    check_cluster_size (2 * MIB, 0, 300);
}

TEST (random_operations_without_a_ring)
{
    check_cluster_size (16 * KIB, BLK_NO_RING, 600);
}

TAP_MAIN ()
