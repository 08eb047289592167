/* What a compressed stream says of itself, read from its headers without decoding: JPEG (ITU T.81), JPEG-LS (T.87),
 * JPEG 2000 and HTJ2K (T.800, T.814; with or without boxes), JPEG XL (ISO/IEC 18181; codestream or container). */
#ifndef FD_STREAM_H
#define FD_STREAM_H

#include "fd_common.h"

#define FD_STREAM_COMPONENTS 4

typedef enum fd_stream_format {
    FD_STREAM_UNKNOWN = 0,
    FD_STREAM_JPEG,
    FD_STREAM_JPEG_LS,
    FD_STREAM_J2K,
    FD_STREAM_JXL
} fd_stream_format;

/* Colour that the stream itself declares in a header made for files (SPIFF, JP2, JPEG XL). */
typedef enum fd_stream_colour {
    FD_COLOUR_UNSAID = 0,
    FD_COLOUR_GRAY,
    FD_COLOUR_RGB,
    FD_COLOUR_YBR,
    FD_COLOUR_PALETTE,
    FD_COLOUR_OTHER
} fd_stream_colour;

/* All bytes are defined, padding included, so that two headers are the same when memcmp says so. */
typedef struct fd_stream_header {
    uint32_t format;             /* fd_stream_format */
    uint32_t colour;             /* fd_stream_colour */
    uint32_t rows, columns;      /* as stored: an orientation is not applied. 0 rows: told behind the first scan (DNL) */
    uint32_t components;         /* those with colour; all that there are in JPEG and JPEG 2000 */
    uint32_t extra;              /* JPEG XL: extra channels such as alpha */
    uint32_t offset_x, offset_y; /* JPEG 2000: of the image on the reference grid */
    uint8_t precision[FD_STREAM_COMPONENTS]; /* bits a sample, of the first components */
    uint8_t is_signed[FD_STREAM_COMPONENTS];
    uint8_t across[FD_STREAM_COMPONENTS],
        down[FD_STREAM_COMPONENTS];    /* JPEG: sampling factors. JPEG 2000: distances of samples */
    uint8_t ids[FD_STREAM_COMPONENTS]; /* JPEG, JPEG-LS: component identifiers */
    uint8_t is_uneven;                 /* not all components have the same precision and sign */
    uint8_t is_boxed;                  /* JP2, JPH or a JPEG XL container */
    uint8_t process;                   /* JPEG: n of SOFn; 55 for JPEG-LS */
    uint8_t has_jfif, has_adobe, adobe_transform;
    uint8_t point_transform;  /* lossless JPEG and JPEG-LS: Pt of the first scan */
    uint8_t near, interleave; /* JPEG-LS, of the first scan */
    uint8_t has_mapping;      /* JPEG-LS: the first scan uses a mapping table */
    uint8_t hp_transform;     /* JPEG-LS: HP's colour transform, an extension (APP8 "mrfx"); 0 for none */
    uint8_t transform;        /* JPEG 2000: a multiple component transform (RCT or ICT) is undone by the decoder */
    uint8_t is_reversible;    /* JPEG 2000: 5-3 and RCT, not 9-7 and ICT */
    uint8_t is_ht;            /* JPEG 2000: high-throughput block coder */
    uint8_t is_float;         /* JPEG XL */
    uint8_t is_xyb;           /* JPEG XL: stored as XYB, lossy */
    uint8_t has_alpha;        /* JPEG XL */
    uint8_t orientation;      /* JPEG XL: 1 to 8 as in Exif; 1 for all others */
    uint8_t is_recompressed;  /* JPEG XL: a JPEG file that can be had back */
    uint8_t reserved;
} fd_stream_header;

/* FD_OK; FD_NOT_DICOM when it begins as none of these formats; FD_TRUNCATED, FD_INVALID with *error, whose offset is in src.
 * Nothing is allocated, and each byte is looked at once at most, but for the boxes of a container. */
fd_status fd_stream_read_header(const uint8_t *src, size_t size, fd_stream_header *header, fd_error *error);

#endif
