/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "block/qcow2.h"

/* Deflate without a header; what follows the cluster's data is not ours. */
static int
inflate_zlib (const void *from, size_t from_length, void *to, size_t to_length)
{
    z_stream stream = {
        .next_in = (Bytef *) from,
        .avail_in = (uInt) from_length,
        .next_out = to,
        .avail_out = (uInt) to_length,
    };
    int r;

    if (inflateInit2 (&stream, -MAX_WBITS) != Z_OK)
        return -ENOMEM;
    r = inflate (&stream, Z_FINISH);
    inflateEnd (&stream);
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && stream.avail_out == 0 ? 0 : -EIO;
}

static int
inflate_zstd (const void *from, size_t from_length, void *to, size_t to_length)
{
    ZSTD_DCtx *context = ZSTD_createDCtx ();
    ZSTD_inBuffer in = {from, from_length, 0};
    ZSTD_outBuffer out = {to, to_length, 0};
    size_t r = 0, before;

    if (!context)
        return -ENOMEM;
    /* Nobody needs to look back further than a cluster. */
    do {
        before = in.pos + out.pos;
        r = ZSTD_decompressStream (context, &out, &in);
    } while (!ZSTD_isError (r) && out.pos < out.size && in.pos + out.pos > before);
    ZSTD_freeDCtx (context);
    return !ZSTD_isError (r) && out.pos == out.size ? 0 : -EIO;
}

int
qcow2_inflate (enum qcow2_compression compression, const void *from, size_t from_length, void *to,
               size_t to_length)
{
    return compression == QCOW2_ZSTD ? inflate_zstd (from, from_length, to, to_length)
                                     : inflate_zlib (from, from_length, to, to_length);
}

#define ZLIB_BITS  (-12) /* what others look back at most, without a header */
#define ZLIB_LEVEL 9     /* of memory */

static int
deflate_zlib (const void *from, size_t from_length, void *to, size_t *ret_length)
{
    z_stream stream = {
        .next_in = (Bytef *) from,
        .avail_in = (uInt) from_length,
        .next_out = to,
        .avail_out = (uInt) from_length - 1,
    };
    int r;

    if (deflateInit2 (&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, ZLIB_BITS, ZLIB_LEVEL,
                      Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    r = deflate (&stream, Z_FINISH);
    *ret_length = stream.total_out;
    deflateEnd (&stream);
    return r == Z_STREAM_END ? 0 : 1;
}

int
qcow2_deflate (enum qcow2_compression compression, const void *from, size_t from_length, void *to,
               size_t *ret_length)
{
    size_t r;

    if (compression == QCOW2_ZLIB)
        return deflate_zlib (from, from_length, to, ret_length);
    r = ZSTD_compress (to, from_length - 1, from, from_length, ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError (r))
        return ZSTD_getErrorCode (r) == ZSTD_error_memory_allocation ? -ENOMEM : 1;
    *ret_length = r;
    return 0;
}
