/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The errors of this room. Every message is one sentence that names the element and value, the
 * machine or the file, fit to be shown to a person. Errors of the file system are G_IO_ERROR.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    POSADA_STORE_ERROR_INVALID,   /* not well-formed, or a value out of its bounds */
    POSADA_STORE_ERROR_NOT_FOUND, /* no machine of that name, no device of that number */
    POSADA_STORE_ERROR_EXISTS,    /* another machine has that name, another device that target */
    POSADA_STORE_ERROR_BUSY,      /* in use by another process */
} PosadaStoreError;

#define POSADA_STORE_ERROR (posada_store_error_quark ())

GQuark posada_store_error_quark (void);

G_END_DECLS
