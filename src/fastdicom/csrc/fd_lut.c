#include "fd_lut.h"

#if defined(__GNUC__) || defined(__clang__)
#define FD_INLINE static inline __attribute__((always_inline))
#else
#define FD_INLINE static inline
#endif

unsigned fd_sample_size(unsigned kind)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    return kind < sizeof sizes ? sizes[kind] : 0;
}

/* Tables */

/* The place of a sample in a table of last + 1 entries. The difference is made where it cannot overflow: in 64 bits for the
 * narrow types, for the others after comparing. */
#define FD_PLACE_NARROW(name, type)                                              \
    FD_INLINE size_t place_##name(const uint8_t *p, int64_t first, int64_t last) \
    {                                                                            \
        type v;                                                                  \
        memcpy(&v, p, sizeof v);                                                 \
        int64_t at = (int64_t)v - first;                                         \
        at = at < 0 ? 0 : at;                                                    \
        return (size_t)(at > last ? last : at);                                  \
    }
FD_PLACE_NARROW(u8, uint8_t)
FD_PLACE_NARROW(i8, int8_t)
FD_PLACE_NARROW(u16, uint16_t)
FD_PLACE_NARROW(i16, int16_t)
FD_PLACE_NARROW(u32, uint32_t)
FD_PLACE_NARROW(i32, int32_t)

FD_INLINE size_t place_u64(const uint8_t *p, int64_t first, int64_t last)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    if (v > (uint64_t)1 << 40) return (size_t)last;
    int64_t at = (int64_t)v - first;
    at = at < 0 ? 0 : at;
    return (size_t)(at > last ? last : at);
}

FD_INLINE size_t place_i64(const uint8_t *p, int64_t first, int64_t last)
{
    int64_t v;
    memcpy(&v, p, sizeof v);
    if (v <= first) return 0;
    return (size_t)(v >= first + last ? last : v - first);
}

/* Comparisons with NaN are false, so that it takes the first entry. */
#define FD_PLACE_FLOAT(name, type)                                               \
    FD_INLINE size_t place_##name(const uint8_t *p, int64_t first, int64_t last) \
    {                                                                            \
        type v;                                                                  \
        memcpy(&v, p, sizeof v);                                                 \
        double at = (double)v - (double)first;                                   \
        if (!(at > 0)) return 0;                                                 \
        return at >= (double)last ? (size_t)last : (size_t)at;                   \
    }
FD_PLACE_FLOAT(f32, float)
FD_PLACE_FLOAT(f64, double)

/* Writes an entry; all but the last may be written at their stride's width, as the next one overwrites what is too much. */
FD_INLINE void put(uint8_t *dst, const uint8_t *table, size_t at, unsigned stride, unsigned bytes)
{
    if (stride == 1)
        *dst = table[at];
    else if (stride == 2)
        memcpy(dst, table + 2 * at, bytes);
    else if (stride == 4)
        memcpy(dst, table + 4 * at, bytes);
    else
        memcpy(dst, table + 8 * at, bytes);
}

#define FD_APPLY_LOOP(name, size, stride, entry)                                                        \
    for (size_t i = 0; i + 1 < n; i++)                                                                  \
        put(dst + i * (entry), table, place_##name(src + i * (size), first, last), (stride), (stride)); \
    put(dst + (n - 1) * (entry), table, place_##name(src + (n - 1) * (size), first, last), (stride), (entry));

/* The widths of an entry are few: each has a loop of its own, in which they are constants. */
#define FD_APPLY(name, size)                                                                                                \
    static void apply_##name(uint8_t *dst, const uint8_t *src, size_t n, int64_t first, int64_t last, const uint8_t *table, \
                             unsigned stride, unsigned entry)                                                               \
    {                                                                                                                       \
        if (stride == 1) {                                                                                                  \
            FD_APPLY_LOOP(name, size, 1, 1)                                                                                 \
        } else if (stride == 2) {                                                                                           \
            FD_APPLY_LOOP(name, size, 2, 2)                                                                                 \
        } else if (stride == 4 && entry == 3) {                                                                             \
            FD_APPLY_LOOP(name, size, 4, 3)                                                                                 \
        } else if (stride == 4) {                                                                                           \
            FD_APPLY_LOOP(name, size, 4, 4)                                                                                 \
        } else if (entry == 6) {                                                                                            \
            FD_APPLY_LOOP(name, size, 8, 6)                                                                                 \
        } else {                                                                                                            \
            FD_APPLY_LOOP(name, size, 8, 8)                                                                                 \
        }                                                                                                                   \
    }
FD_APPLY(u8, 1)
FD_APPLY(i8, 1)
FD_APPLY(u16, 2)
FD_APPLY(i16, 2)
FD_APPLY(u32, 4)
FD_APPLY(i32, 4)
FD_APPLY(u64, 8)
FD_APPLY(i64, 8)
FD_APPLY(f32, 4)
FD_APPLY(f64, 8)

static bool fits(size_t dst_size, size_t src_size, unsigned bytes, size_t table_size, unsigned stride, unsigned entry)
{
    bool shape = entry == stride ? stride == 1 || stride == 2 || stride == 4 || stride == 8
                                 : (stride == 4 && entry == 3) || (stride == 8 && entry == 6);
    if (!shape || bytes == 0 || src_size % bytes || dst_size % entry || table_size % stride || table_size == 0) return false;
    return dst_size / entry == src_size / bytes;
}

fd_status fd_lut_apply(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned kind, int64_t first,
                       const uint8_t *table, size_t table_size, unsigned stride, unsigned entry)
{
    if (!fits(dst_size, src_size, fd_sample_size(kind), table_size, stride, entry)) return FD_INVALID;
    if (first < INT32_MIN || first > UINT16_MAX || table_size / stride > UINT32_MAX) return FD_INVALID;
    if (dst_size == 0) return FD_OK;
    size_t n = dst_size / entry;
    int64_t last = (int64_t)(table_size / stride) - 1;
    switch ((fd_sample)kind) {
    case FD_U8: apply_u8(dst, src, n, first, last, table, stride, entry); break;
    case FD_I8: apply_i8(dst, src, n, first, last, table, stride, entry); break;
    case FD_U16: apply_u16(dst, src, n, first, last, table, stride, entry); break;
    case FD_I16: apply_i16(dst, src, n, first, last, table, stride, entry); break;
    case FD_U32: apply_u32(dst, src, n, first, last, table, stride, entry); break;
    case FD_I32: apply_i32(dst, src, n, first, last, table, stride, entry); break;
    case FD_U64: apply_u64(dst, src, n, first, last, table, stride, entry); break;
    case FD_I64: apply_i64(dst, src, n, first, last, table, stride, entry); break;
    case FD_F32: apply_f32(dst, src, n, first, last, table, stride, entry); break;
    case FD_F64: apply_f64(dst, src, n, first, last, table, stride, entry); break;
    }
    return FD_OK;
}

FD_INLINE size_t place_p8(const uint8_t *p, int64_t first, int64_t last)
{
    (void)first;
    (void)last;
    return *p;
}

FD_INLINE size_t place_p16(const uint8_t *p, int64_t first, int64_t last)
{
    uint16_t v;
    (void)first;
    (void)last;
    memcpy(&v, p, sizeof v);
    return v;
}

FD_APPLY(p8, 1)
FD_APPLY(p16, 2)

fd_status fd_lut_map(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, const uint8_t *table,
                     size_t table_size, unsigned stride, unsigned entry)
{
    if ((bytes != 1 && bytes != 2) || !fits(dst_size, src_size, bytes, table_size, stride, entry)) return FD_INVALID;
    if (table_size / stride != (size_t)1 << 8 * bytes) return FD_INVALID;
    if (dst_size == 0) return FD_OK;
    if (bytes == 1)
        apply_p8(dst, src, dst_size / entry, 0, 0, table, stride, entry);
    else
        apply_p16(dst, src, dst_size / entry, 0, 0, table, stride, entry);
    return FD_OK;
}

/* Numbers */

#define FD_EACH(DO)        \
    DO(U8, uint8_t, u8)    \
    DO(I8, int8_t, i8)     \
    DO(U16, uint16_t, u16) \
    DO(I16, int16_t, i16)  \
    DO(U32, uint32_t, u32) \
    DO(I32, int32_t, i32)  \
    DO(U64, uint64_t, u64) \
    DO(I64, int64_t, i64)  \
    DO(F32, float, f32)    \
    DO(F64, double, f64)

/* Two statements, so that no compiler makes one fused operation of them: the result is that of NumPy. */
#define FD_RESCALE(kind, type, name)                                                                       \
    static void rescale_##name(uint8_t *dst, const uint8_t *src, size_t n, double slope, double intercept) \
    {                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                   \
            type v;                                                                                        \
            memcpy(&v, src + i * sizeof v, sizeof v);                                                      \
            double product = (double)v * slope;                                                            \
            double sum = product + intercept;                                                              \
            memcpy(dst + 8 * i, &sum, sizeof sum);                                                         \
        }                                                                                                  \
    }
FD_EACH(FD_RESCALE)

fd_status fd_lut_rescale(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned kind, double slope,
                         double intercept)
{
    unsigned bytes = fd_sample_size(kind);
    if (bytes == 0 || src_size % bytes || dst_size % 8 || dst_size / 8 != src_size / bytes) return FD_INVALID;
    size_t n = dst_size / 8;
#define FD_CASE(KIND, type, name) \
    case FD_##KIND: rescale_##name(dst, src, n, slope, intercept); break;
    switch ((fd_sample)kind) {
        FD_EACH(FD_CASE)
    }
#undef FD_CASE
    return FD_OK;
}

FD_INLINE double window_value(double x, double center, double width, double y_min, double y_max, double low, double high)
{
    if (x <= low) return y_min;
    if (x > high) return y_max;
    double part = (x - center) / width;
    part = part + 0.5;
    double scaled = part * (y_max - y_min);
    return scaled + y_min;
}

FD_INLINE uint8_t to_byte(double y)
{
    if (!(y > 0)) return 0;
    return y >= 255 ? 255 : (uint8_t)(y + 0.5);
}

fd_status fd_lut_window(uint8_t *dst, size_t dst_size, unsigned bytes, const uint8_t *src, size_t src_size, double center,
                        double width, double y_min, double y_max)
{
    if ((bytes != 1 && bytes != 8) || src_size % 8 || dst_size % bytes || dst_size / bytes != src_size / 8) return FD_INVALID;
    if (!(width >= 0)) return FD_INVALID;
    double low = center - width / 2, high = center + width / 2;
    size_t n = src_size / 8;
    for (size_t i = 0; i < n; i++) {
        double x;
        memcpy(&x, src + 8 * i, sizeof x);
        double y = window_value(x, center, width, y_min, y_max, low, high);
        if (bytes == 1)
            dst[i] = to_byte(y);
        else
            memcpy(dst + 8 * i, &y, sizeof y);
    }
    return FD_OK;
}

/* The least and the greatest, of those that count. The loop without padding is one that compilers vectorise for whole numbers. */
#define FD_RANGE(kind, type, name)                                                                                     \
    static bool range_##name(const uint8_t *src, size_t n, double pad_low, double pad_high, double *low, double *high) \
    {                                                                                                                  \
        bool found = false, padded = pad_low <= pad_high;                                                              \
        type least = 0, most = 0;                                                                                      \
        size_t i = 0;                                                                                                  \
        for (; i < n && !found; i++) {                                                                                 \
            memcpy(&least, src + i * sizeof least, sizeof least);                                                      \
            double x = (double)least;                                                                                  \
            found = x - x == 0 && !(padded && x >= pad_low && x <= pad_high);                                          \
        }                                                                                                              \
        most = least;                                                                                                  \
        if (found && !padded && kind < FD_F32) {                                                                       \
            for (; i < n; i++) {                                                                                       \
                type v;                                                                                                \
                memcpy(&v, src + i * sizeof v, sizeof v);                                                              \
                least = v < least ? v : least;                                                                         \
                most = v > most ? v : most;                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            type v;                                                                                                    \
            memcpy(&v, src + i * sizeof v, sizeof v);                                                                  \
            double x = (double)v;                                                                                      \
            bool counts = x - x == 0 && !(padded && x >= pad_low && x <= pad_high);                                    \
            least = counts && v < least ? v : least;                                                                   \
            most = counts && v > most ? v : most;                                                                      \
        }                                                                                                              \
        *low = (double)least;                                                                                          \
        *high = (double)most;                                                                                          \
        return found;                                                                                                  \
    }
#define FD_RANGE_OF(KIND, type, name) FD_RANGE(FD_##KIND, type, name)
FD_EACH(FD_RANGE_OF)

fd_status fd_lut_range(const uint8_t *src, size_t src_size, unsigned kind, double pad_low, double pad_high, double *low,
                       double *high, bool *found)
{
    unsigned bytes = fd_sample_size(kind);
    if (bytes == 0 || src_size % bytes) return FD_INVALID;
    size_t n = src_size / bytes;
    *found = false;
#define FD_CASE(KIND, type, name) \
    case FD_##KIND: *found = range_##name(src, n, pad_low, pad_high, low, high); break;
    switch ((fd_sample)kind) {
        FD_EACH(FD_CASE)
    }
#undef FD_CASE
    return FD_OK;
}

/* Segments */

typedef struct segments {
    const uint8_t *src;
    size_t size; /* in entries, as all places here */
    unsigned bytes;
    bool big;
    uint8_t *dst;
    size_t made, wanted;
    fd_error *error;
} segments;

static unsigned entry_at(const segments *s, size_t at) { return s->bytes == 1 ? s->src[at] : fd_load16(s->src + 2 * at, s->big); }

static fd_status refuse(segments *s, size_t at, const char *reason, uint64_t found, uint64_t expected)
{
    *s->error = (fd_error){.status = FD_INVALID, .offset = at * s->bytes, .found = found, .expected = expected, .reason = reason};
    return FD_INVALID;
}

static void emit(segments *s, unsigned value)
{
    uint16_t v = (uint16_t)value;
    if (s->made < s->wanted) memcpy(s->dst + 2 * s->made++, &v, sizeof v);
}

/* How many entries the segment at a place takes; 0 when it is cut off. */
static size_t extent(const segments *s, size_t at)
{
    if (s->size - at < 2) return 0;
    unsigned opcode = entry_at(s, at), length = entry_at(s, at + 1);
    size_t n = 2 + (opcode == 0 ? length : opcode == 1 ? 1 : 4 / s->bytes);
    return n <= s->size - at ? n : 0;
}

/* PS3.3 C.7.9.2.2: from the entry before in equal steps to the value given, which is the last of `length` entries. */
static void emit_line(segments *s, unsigned length, unsigned end)
{
    uint16_t start;
    memcpy(&start, s->dst + 2 * (s->made - 1), sizeof start);
    int64_t delta = (int64_t)end - start, n = length;
    for (int64_t i = 1; i <= n && s->made < s->wanted; i++) {
        int64_t twice = 2 * delta * i + n; /* start + delta * i / n, rounded half up */
        int64_t step = twice >= 0 ? twice / (2 * n) : -((-twice + 2 * n - 1) / (2 * n));
        emit(s, (unsigned)(start + step));
    }
}

static fd_status emit_segment(segments *s, size_t at)
{
    unsigned opcode = entry_at(s, at);
    if (opcode > 1) return refuse(s, at, "a segment of the palette has an unknown type", opcode, 1);
    if (extent(s, at) == 0) return refuse(s, at, "a segment of the palette is cut off", s->size - at, 3);
    unsigned length = entry_at(s, at + 1);
    if (length == 0) return refuse(s, at, "a segment of the palette is empty", 0, 1);
    if (opcode == 0) {
        for (unsigned i = 0; i < length; i++) emit(s, entry_at(s, at + 2 + i));
        return FD_OK;
    }
    if (s->made == 0) return refuse(s, at, "the first segment of the palette cannot be linear", opcode, 0);
    emit_line(s, length, entry_at(s, at + 2));
    return FD_OK;
}

/* PS3.3 C.7.9.2.3: segments from a place are copied; the offset is in bytes, in two halves of 16 bits, and of segments of 8 bits
 * in four bytes. An indirect segment shall not lead to another. A place where no segment begins is refused: some writers count
 * the offset in entries. */
static fd_status emit_indirect(segments *s, size_t at)
{
    if (extent(s, at) == 0) return refuse(s, at, "a segment of the palette is cut off", s->size - at, 4);
    unsigned count = entry_at(s, at + 1);
    size_t p = (at + 2) * s->bytes;
    uint64_t offset = (uint64_t)fd_load16(s->src + p, s->big) | (uint64_t)fd_load16(s->src + p + 2, s->big) << 16;
    size_t from = (size_t)(offset / s->bytes), start = 0;
    while (start < from && start < at) start += extent(s, start);
    if (offset % s->bytes || start != from || from >= at)
        return refuse(s, at, "an indirect segment of the palette refers to a place where no segment begins", offset, 0);
    if (count == 0) return refuse(s, at, "a segment of the palette is empty", 0, 1);
    for (; count && s->made < s->wanted; count--) {
        if (from >= at) return refuse(s, at, "an indirect segment of the palette copies itself", from * s->bytes, at * s->bytes);
        fd_status status = emit_segment(s, from);
        if (status != FD_OK) return status;
        from += extent(s, from);
    }
    return FD_OK;
}

fd_status fd_lut_expand(uint8_t *dst, size_t entries, const uint8_t *src, size_t src_size, unsigned bytes, bool big_endian,
                        fd_error *error)
{
    segments s = {.src = src, .bytes = bytes, .big = big_endian, .dst = dst, .wanted = entries, .error = error};
    if ((bytes != 1 && bytes != 2) || entries == 0 || entries > 65536) return refuse(&s, 0, "no such palette", entries, 65536);
    s.size = src_size / bytes;
    size_t at = 0;
    while (s.made < entries && at < s.size) {
        if (s.size - at == 1 && bytes == 1 && src[at] == 0) break; /* padding to even length */
        fd_status status = entry_at(&s, at) == 2 ? emit_indirect(&s, at) : emit_segment(&s, at);
        if (status != FD_OK) return status;
        at += extent(&s, at);
    }
    if (s.made < entries) return refuse(&s, at, "the segments of the palette make too few entries", s.made, entries);
    return FD_OK;
}
