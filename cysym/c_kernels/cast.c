//! dtypes: any
/* Conversion between element types, any strides on either side.
 *
 * Rows of up to TILE elements pass through stages: gather to a dense tile, widen float16 to float32, convert
 * by one of 49 dense loops, narrow, scatter; stages that have nothing to do are left out. Out of range floats
 * become what the x86 instructions give (the smallest integer), here and in cast.cl, so that devices agree.
 */
#include "cysym.h"
#ifdef __F16C__
#include <immintrin.h>
#endif

enum { F32, F64, F16, U8, I32, I8, I64, B8 }; /* MXNet's codes */
enum { DIMS = 6, ROW = DIMS - 1, TILE = 512 };

typedef void cast_fn(void *y, const void *x, int64_t n);

#define CAST_KEEP(v) (v)
#define CAST_BOOL(v) ((v) != 0)
#define CAST_INT(v) ((v) > -0x1p31f && (v) < 0x1p31f ? (int32_t)(v) : INT32_MIN)
#define CAST_LONG(v) ((v) > -0x1p63f && (v) < 0x1p63f ? (int64_t)(v) : INT64_MIN)
#define CAST_PAIR(to, D, from, S, expr)                                                                      \
    static void cast_##to##_##from(void *y, const void *x, int64_t n) {                                      \
        D *restrict d = y;                                                                                   \
        const S *restrict s = x;                                                                             \
        for (int64_t i = 0; i < n; i++)                                                                      \
            d[i] = (D)expr(s[i]);                                                                            \
    }
#define CAST_FROM_INTEGER(from, S)                                                                           \
    CAST_PAIR(f32, float, from, S, CAST_KEEP)                                                                \
    CAST_PAIR(f64, double, from, S, CAST_KEEP)                                                               \
    CAST_PAIR(b8, int8_t, from, S, CAST_KEEP)                                                                \
    CAST_PAIR(b32, int32_t, from, S, CAST_KEEP)                                                              \
    CAST_PAIR(b64, int64_t, from, S, CAST_KEEP)                                                              \
    CAST_PAIR(bool, int8_t, from, S, CAST_BOOL)
#define CAST_FROM_FLOAT(from, S, other, D)                                                                   \
    CAST_PAIR(other, D, from, S, CAST_KEEP)                                                                  \
    CAST_PAIR(b8, int8_t, from, S, CAST_INT)                                                                 \
    CAST_PAIR(b32, int32_t, from, S, CAST_INT)                                                               \
    CAST_PAIR(b64, int64_t, from, S, CAST_LONG)                                                              \
    CAST_PAIR(bool, int8_t, from, S, CAST_BOOL)
CAST_FROM_FLOAT(f32, float, f64, double)
CAST_FROM_FLOAT(f64, double, f32, float)
CAST_FROM_INTEGER(u8, uint8_t)
CAST_FROM_INTEGER(i8, int8_t)
CAST_FROM_INTEGER(i32, int32_t)
CAST_FROM_INTEGER(i64, int64_t)

/* By code of source, then destination. float16 is staged through float32, a bool is read as a uint8. */
#define CAST_ROW(from)                                                                                       \
    {cast_f32_##from, cast_f64_##from, NULL, cast_b8_##from, cast_b32_##from, cast_b8_##from,                \
     cast_b64_##from, cast_bool_##from}
static void cast_move4(void *y, const void *x, int64_t n) { memcpy(y, x, (size_t)n * 4); }
static void cast_move8(void *y, const void *x, int64_t n) { memcpy(y, x, (size_t)n * 8); }
#define cast_f32_f32 cast_move4
#define cast_f64_f64 cast_move8
static cast_fn *const cast_table[8][8] = {
    [F32] = CAST_ROW(f32), [F64] = CAST_ROW(f64), [U8] = CAST_ROW(u8), [I32] = CAST_ROW(i32),
    [I8] = CAST_ROW(i8),   [I64] = CAST_ROW(i64), [B8] = CAST_ROW(u8),
};
static const int cast_size[8] = {4, 8, 2, 1, 4, 1, 8, 1};

#ifdef __F16C__
/* Tiles are multiples of eight long; what stands past `n` is converted and never used. */
static void cast_widen(float *y, const uint16_t *x, int64_t n) {
    for (int64_t i = 0; i < n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
}

static void cast_narrow(uint16_t *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i += 8)
        _mm_storeu_si128((__m128i *)(y + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
}
#else
typedef union {
    float f;
    uint32_t u;
} cast_word;

static void cast_widen(float *y, const uint16_t *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t sign = (uint32_t)(x[i] & 0x8000) << 16, exponent = x[i] >> 10 & 31, mantissa = x[i] & 0x3ff;
        cast_word small = {.f = (float)(int32_t)mantissa * 0x1p-24f};
        uint32_t large = (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13;
        y[i] = (cast_word){.u = sign | (exponent ? large : small.u)}.f;
    }
}

/* To nearest, ties to even. Below 2^-14 adding 0.5 makes the hardware round at 2^-24. */
static void cast_narrow(uint16_t *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (cast_word){.f = x[i]}.u, sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
        uint32_t small = (cast_word){.f = (cast_word){.u = size}.f + 0.5f}.u - 0x3f000000;
        uint32_t normal = (size + 0xfff + (size >> 13 & 1) - (112u << 23)) >> 13;
        uint32_t finite = size < 0x38800000 ? small : normal < 0x7c00 ? normal : 0x7c00;
        uint32_t special = size > 0x7f800000 ? 0x7e00 | (size >> 13 & 0x3ff) : 0x7c00;
        y[i] = (uint16_t)(sign | (size < 0x47800000 ? finite : special));
    }
}
#endif

/* Gather or scatter `n` elements; steps in bytes. */
static void cast_move(char *y, int64_t ys, const char *x, int64_t xs, int64_t n, int size) {
    switch (size) {
    case 1:
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * ys, x + i * xs, 1);
        break;
    case 2:
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * ys, x + i * xs, 2);
        break;
    case 4:
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * ys, x + i * xs, 4);
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * ys, x + i * xs, 8);
    }
}

/* One row piece; `ys` and `xs` in elements. */
static void cast_tile(char *y, int64_t ys, int to, const char *x, int64_t xs, int from, int64_t n) {
    _Alignas(64) char in[TILE * 8], out[TILE * 8], half[TILE * 2];
    float wide[TILE], narrow[TILE];
    const void *source = x;
    if (xs != 1 ||
        from == F16) { /* float16 is converted in groups of eight, which may not read past the tensor */
        cast_move(in, cast_size[from], x, xs * cast_size[from], n, cast_size[from]);
        source = in;
    }
    if (from == F16 && to == F16) {
        cast_move(y, ys * 2, in, 2, n, 2);
        return;
    }
    if (from == F16) {
        cast_widen(wide, source, n);
        source = wide;
        from = F32;
    }
    char *target = ys == 1 ? y : out;
    if (to == F16) {
        cast_table[from][F32](narrow, source, n);
        cast_narrow((uint16_t *)half, narrow, n);
        target = half;
    } else {
        cast_table[from][to](target, source, n);
    }
    if (target != y)
        cast_move(y, ys * cast_size[to], target, cast_size[to], n, cast_size[to]);
}

/* ptr: y, x   ints: y type, x type, ndim, dims[6], y strides[6], x strides[6]   items: elements */
CS_KERNEL(cast) {
    int to = (int)c->ints[0], from = (int)c->ints[1];
    const int64_t *dim = c->ints + 3, *ys = dim + DIMS, *xs = ys + DIMS;
    int64_t at[DIMS], y = 0, x = 0, rest = begin;
    for (int i = ROW; i >= 0; i--) {
        at[i] = rest % dim[i];
        rest /= dim[i];
        y += at[i] * ys[i];
        x += at[i] * xs[i];
    }
    for (int64_t left = end - begin, n; left > 0; left -= n) {
        n = cs_min(cs_min(dim[ROW] - at[ROW], left), TILE);
        cast_tile((char *)c->ptr[0] + y * cast_size[to], ys[ROW], to,
                  (const char *)c->ptr[1] + x * cast_size[from], xs[ROW], from, n);
        at[ROW] += n;
        y += n * ys[ROW];
        x += n * xs[ROW];
        for (int i = ROW; i > 0 && at[i] == dim[i]; i--) {
            y += ys[i - 1] - dim[i] * ys[i];
            x += xs[i - 1] - dim[i] * xs[i];
            at[i] = 0;
            at[i - 1]++;
        }
    }
}
