/* One blocked matrix product for every kernel that multiplies matrices: dot, FullyConnected, Convolution.
 *
 * `gemm_block` computes one m x n block of a product over all of k into a thread's scratch memory; the kernel
 * then stores the finished block wherever it likes (bias, layout, strides are its own business). Operands
 * come through *packers*, inlined callbacks that lay a slice of k out in panels: A in panels of GEMM_MR rows,
 * [k][GEMM_PA], B in panels of GEMM_NR columns, [k][GEMM_NR]. k is cut into slices of at most GEMM_KC whose
 * partial sums are added in order, which bounds the rounding error and keeps a slice of both operands in the
 * second-level cache. A block depends on nothing but its shape, so a call gives the same bits for any number
 * of threads. No file but kernels includes it. */
#ifndef CYSYM_GEMM_H
#define CYSYM_GEMM_H
#include "cysym.h"
#if CS_ISA_avx512
#include <immintrin.h>
#endif

#define GEMM_INLINE static inline __attribute__((always_inline))

/* Register tile: MR broadcast rows times NV vectors. 28, 12 and 8 accumulators are what 32 and 16 registers
 * hold without spilling; MID and SMALL serve the rows that are left at the end of a block. */
#if CS_ISA_avx512
enum { GEMM_MR = 14, GEMM_MID = 8, GEMM_SMALL = 4 };
#elif CS_ISA_avx2
enum { GEMM_MR = 6, GEMM_MID = 4, GEMM_SMALL = 2 };
#else
enum { GEMM_MR = 4, GEMM_MID = 2, GEMM_SMALL = 1 };
#endif
enum {
    GEMM_VL = CS_VEC_BYTES / (int)sizeof(real),
    GEMM_NV = 2,
    GEMM_NR = GEMM_NV * GEMM_VL,
    GEMM_PA = (GEMM_MR + GEMM_VL - 1) / GEMM_VL * GEMM_VL, /* A panels are padded to whole vectors */
    GEMM_KC = 256,
    GEMM_MB = 168, /* largest block: `lower` obeys it (ops/dot.py) */
    GEMM_NB = 384,
};

typedef real gemm_vec __attribute__((vector_size(CS_VEC_BYTES)));
typedef real gemm_vecu __attribute__((vector_size(CS_VEC_BYTES), aligned(sizeof(real)), may_alias));

GEMM_INLINE gemm_vec gemm_load(const real *p) { return *(const gemm_vecu *)p; }
GEMM_INLINE void gemm_store(real *p, gemm_vec v) { *(gemm_vecu *)p = v; }

/* --- register tile
 * ---------------------------------------------------------------------------------------------- */
/* c[rows][NR] (+)= a . b over kc steps. `a[i] - 0` is the form GCC turns into one broadcast load. */
GEMM_INLINE void gemm_tile(int rows, int vectors, int64_t kc, const real *a, const real *b, real *c,
                           int64_t ldc, int first) {
    gemm_vec t[GEMM_MR][GEMM_NV];
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++)
            t[i][j] = (gemm_vec){0};
    for (int64_t k = 0; k < kc; k++, a += GEMM_PA, b += GEMM_NR) {
        gemm_vec b0 = gemm_load(b), b1 = vectors > 1 ? gemm_load(b + GEMM_VL) : b0;
#pragma GCC unroll 32
        for (int i = 0; i < rows; i++) {
            gemm_vec x = a[i] - (gemm_vec){0};
            t[i][0] += x * b0;
            if (vectors > 1)
                t[i][1] += x * b1;
        }
    }
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) {
            real *p = c + i * ldc + j * GEMM_VL;
            gemm_store(p, first ? t[i][j] : gemm_load(p) + t[i][j]);
        }
}

#define GEMM_TILE(name, rows, vectors)                                                                       \
    static __attribute__((noinline, unused)) void name(int64_t kc, const real *a, const real *b, real *c,    \
                                                       int64_t ldc, int first) {                             \
        if (first)                                                                                           \
            gemm_tile(rows, vectors, kc, a, b, c, ldc, 1);                                                   \
        else                                                                                                 \
            gemm_tile(rows, vectors, kc, a, b, c, ldc, 0);                                                   \
    }
GEMM_TILE(gemm_tile_full, GEMM_MR, GEMM_NV)
GEMM_TILE(gemm_tile_mid, GEMM_MID, GEMM_NV)
GEMM_TILE(gemm_tile_small, GEMM_SMALL, GEMM_NV)
GEMM_TILE(gemm_tile_narrow, GEMM_MR, 1) /* the last columns, if one vector holds them */

/* --- transposing a square of vectors
 * ---------------------------------------------------------------------------- */
/* Stage s exchanges elements s apart between vectors s apart; log2(VL) stages transpose VL x VL. */
#if CS_DT_f64
typedef int64_t gemm_index;
#else
typedef int32_t gemm_index;
#endif
typedef gemm_index gemm_mask __attribute__((vector_size(CS_VEC_BYTES)));
#define GEMM_LO(s, j) (((j) & (s)) ? GEMM_VL + (j) - (s) : (j))
#define GEMM_HI(s, j) (((j) & (s)) ? GEMM_VL + (j) : (j) + (s))
#define GEMM_MASK2(F, s, j) F(s, j), F(s, j + 1)
#define GEMM_MASK4(F, s, j) GEMM_MASK2(F, s, j), GEMM_MASK2(F, s, j + 2)
#define GEMM_MASK8(F, s, j) GEMM_MASK4(F, s, j), GEMM_MASK4(F, s, j + 4)
#define GEMM_MASK16(F, s, j) GEMM_MASK8(F, s, j), GEMM_MASK8(F, s, j + 8)
#if CS_ISA_avx512 && !CS_DT_f64
#define GEMM_MASK(F, s) ((gemm_mask){GEMM_MASK16(F, s, 0)})
#elif CS_ISA_avx512 || (CS_ISA_avx2 && !CS_DT_f64)
#define GEMM_MASK(F, s) ((gemm_mask){GEMM_MASK8(F, s, 0)})
#elif CS_ISA_avx2 || !CS_DT_f64
#define GEMM_MASK(F, s) ((gemm_mask){GEMM_MASK4(F, s, 0)})
#else
#define GEMM_MASK(F, s) ((gemm_mask){GEMM_MASK2(F, s, 0)})
#endif
#define GEMM_STAGE(v, s)                                                                                     \
    if (s < GEMM_VL) {                                                                                       \
        _Pragma("GCC unroll 32") for (int q = 0; q < GEMM_VL; q++) if (!(q & s)) {                           \
            gemm_vec x = v[q], y = v[(q + s) % GEMM_VL];                                                     \
            v[q] = __builtin_shuffle(x, y, GEMM_MASK(GEMM_LO, (s % GEMM_VL)));                               \
            v[(q + s) % GEMM_VL] = __builtin_shuffle(x, y, GEMM_MASK(GEMM_HI, (s % GEMM_VL)));               \
        }                                                                                                    \
    }
GEMM_INLINE void gemm_transpose(gemm_vec *v) {
    GEMM_STAGE(v, 1)
    GEMM_STAGE(v, 2)
    GEMM_STAGE(v, 4)
    GEMM_STAGE(v, 8)
}

/* --- packing
 * ---------------------------------------------------------------------------------------------------- */
/* dst[k * width + i] = src[i * stride + k] for i < count, else 0: a panel whose source runs along k. */
static __attribute__((unused)) void gemm_pack_across(real *dst, int width, int64_t count, int64_t kc,
                                                     const real *src, int64_t stride) {
    for (int g = 0; g < width; g += GEMM_VL) {
        int64_t n = cs_max(0, cs_min(GEMM_VL, count - g));
        const real *from = src + g * stride;
        int64_t k = 0;
        for (; k + GEMM_VL <= kc; k += GEMM_VL) {
            gemm_vec v[GEMM_VL];
            if (n == GEMM_VL) {
#pragma GCC unroll 32
                for (int q = 0; q < GEMM_VL; q++)
                    v[q] = gemm_load(from + q * stride + k);
            } else {
#pragma GCC unroll 32
                for (int q = 0; q < GEMM_VL; q++)
                    v[q] = q < n ? gemm_load(from + q * stride + k) : (gemm_vec){0};
            }
            gemm_transpose(v);
#pragma GCC unroll 32
            for (int q = 0; q < GEMM_VL; q++)
                gemm_store(dst + (k + q) * width + g, v[q]);
        }
        for (; k < kc; k++)
            for (int q = 0; q < GEMM_VL; q++)
                dst[k * width + g + q] = q < n ? from[q * stride + k] : 0;
    }
}

/* The first n <= VL elements of a vector, zeros behind. */
GEMM_INLINE gemm_vec gemm_load_part(const real *p, int64_t n) {
#if CS_ISA_avx512 && CS_DT_f32
    return (gemm_vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif CS_ISA_avx512 && CS_DT_f64
    return (gemm_vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#else
    gemm_vec v = {0};
    for (int64_t q = 0; q < n; q++)
        v[q] = p[q];
    return v;
#endif
}

/* Stores the first n <= VL elements of a vector. */
GEMM_INLINE void gemm_store_part(real *p, gemm_vec v, int64_t n) {
#if CS_ISA_avx512 && CS_DT_f32
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif CS_ISA_avx512 && CS_DT_f64
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#else
    for (int64_t q = 0; q < n; q++)
        p[q] = v[q];
#endif
}

/* Of all panels of `step` rows: dst[panel][k][i] = src[k * stride + panel * step + i], for a source that runs
 * along the panels. Every k is one stretch of memory, read at one go. No tile reads what stands past the
 * step, so whole vectors are copied where there are as many elements. */
static __attribute__((unused)) void gemm_pack_along(real *dst, int step, int width, int64_t count, int64_t kc,
                                                    const real *src, int64_t stride) {
    for (int64_t k = 0; k < kc; k++) {
        const real *from = src + k * stride;
        real *to = dst + k * width;
        for (int64_t i = 0; i < count;
             i += 64 / (int64_t)sizeof(real)) /* rows lie too far apart for the processor to guess */
            __builtin_prefetch(from + 8 * stride + i);
        int64_t i = 0;
        for (; i + width <= count; i += step, to += width * kc)
            for (int g = 0; g < width; g += GEMM_VL)
                gemm_store(to + g, gemm_load(from + i + g));
        for (; i < count; i += step, to += width * kc)
            for (int g = 0; g < width; g += GEMM_VL)
                gemm_store(to + g, gemm_load_part(from + i + g, cs_max(0, cs_min(GEMM_VL, count - i - g))));
    }
}

/* A matrix somewhere in memory: element (i, k) at base[i * is + k * ks], i < count. */
typedef struct gemm_matrix {
    const real *base;
    int64_t is, ks, count;
} gemm_matrix;

/* Slices k0 .. k0 + kc of all panels; `step` rows each, stored `width` wide. */
GEMM_INLINE void gemm_pack_panels(real *dst, const gemm_matrix *m, int step, int width, int64_t k0,
                                  int64_t kc) {
    if (m->is == 1 && m->ks != 1) {
        gemm_pack_along(dst, step, width, m->count, kc, m->base + k0 * m->ks, m->ks);
        return;
    }
    for (int64_t i = 0; i < m->count; i += step, dst += width * kc) {
        int64_t n = cs_min(step, m->count - i);
        const real *src = m->base + i * m->is + k0 * m->ks;
        if (m->ks == 1)
            gemm_pack_across(dst, width, n, kc, src, m->is);
        else
            for (int64_t k = 0; k < kc; k++)
                for (int q = 0; q < width; q++)
                    dst[k * width + q] = q < n ? src[q * m->is + k * m->ks] : 0;
    }
}

/* What a packer hands back: the first panel and the distance to the next. It may ignore `room` and point
 * elsewhere. */
typedef struct gemm_panels {
    const real *first;
    int64_t step;
} gemm_panels;
typedef gemm_panels gemm_packer(real *room, const void *context, int64_t k0, int64_t kc);

GEMM_INLINE gemm_panels gemm_pack_a(real *room, const void *context, int64_t k0, int64_t kc) {
    gemm_pack_panels(room, context, GEMM_MR, GEMM_PA, k0, kc);
    return (gemm_panels){room, GEMM_PA * kc};
}
GEMM_INLINE gemm_panels gemm_pack_b(real *room, const void *context, int64_t k0, int64_t kc) {
    gemm_pack_panels(room, context, GEMM_NR, GEMM_NR, k0, kc);
    return (gemm_panels){room, GEMM_NR * kc};
}

/* --- the block
 * -------------------------------------------------------------------------------------------------- */
typedef struct gemm_result {
    real *c;    /* m rows of n finished sums */
    int64_t ld; /* elements from row to row */
    real *rest; /* scratch memory nobody uses: packers may stage in it, GEMM_REST elements */
} gemm_result;

#define GEMM_ROUND(n, to) (cs_div_up(n, to) * (to))
enum {
    GEMM_ROOM_C = (GEMM_MB + GEMM_MR) * GEMM_NB,
    GEMM_ROOM_A = (GEMM_MB + GEMM_MR) / GEMM_MR * GEMM_PA * GEMM_KC,
    GEMM_ROOM_B = GEMM_NB * GEMM_KC,
    GEMM_REST = CS_SCRATCH_BYTES / (int)sizeof(real) - GEMM_ROOM_C - GEMM_ROOM_A - GEMM_ROOM_B,
};
_Static_assert(GEMM_REST >= 16384, "no room left for staging");

GEMM_INLINE gemm_result gemm_scratch(int64_t n) {
    real *c = cs_scratch();
    return (gemm_result){c, GEMM_ROUND(n, GEMM_NR), c + GEMM_ROOM_C + GEMM_ROOM_A + GEMM_ROOM_B};
}

/* m <= GEMM_MB, n <= GEMM_NB. `multiple`: slices of k are multiples of it (1, or the taps of a convolution).
 */
GEMM_INLINE gemm_result gemm_block(int64_t m, int64_t n, int64_t k, int64_t multiple, gemm_packer *pack_a,
                                   const void *a_context, gemm_packer *pack_b, const void *b_context) {
    gemm_result r = gemm_scratch(n);
    real *room_a = r.c + GEMM_ROOM_C, *room_b = room_a + GEMM_ROOM_A;
    if (k == 0) { /* an empty sum */
        for (int64_t i = 0; i < m; i++)
            memset(r.c + i * r.ld, 0, (size_t)n * sizeof(real));
        return r;
    }
    int64_t slices = cs_div_up(k, GEMM_KC), unit = multiple <= GEMM_KC ? multiple : 1;
    unit = unit == 1 && k > 64 ? 16 : unit;
    int64_t slice = cs_min(GEMM_ROUND(cs_div_up(k, slices), unit), GEMM_KC / unit * unit);
    for (int64_t k0 = 0; k0 < k; k0 += slice) {
        int64_t kc = cs_min(slice, k - k0);
        gemm_panels a = pack_a(room_a, a_context, k0, kc), b = pack_b(room_b, b_context, k0, kc);
        const real *bp = b.first;
        for (int64_t j = 0; j < n; j += GEMM_NR, bp += b.step) {
            const real *ap = a.first;
            for (int64_t i = 0; i < m; i += GEMM_MR, ap += a.step) {
                real *c = r.c + i * r.ld + j;
                int64_t left = m - i;
                if (n - j <= GEMM_VL && left > GEMM_SMALL)
                    gemm_tile_narrow(kc, ap, bp, c, r.ld, k0 == 0);
                else if (left > GEMM_MID)
                    gemm_tile_full(kc, ap, bp, c, r.ld, k0 == 0);
                else if (left > GEMM_SMALL)
                    gemm_tile_mid(kc, ap, bp, c, r.ld, k0 == 0);
                else
                    gemm_tile_small(kc, ap, bp, c, r.ld, k0 == 0);
            }
        }
    }
    return r;
}

/* Stores a finished block as rows `ld` apart, adding bias[j] unless it is NULL. */
GEMM_INLINE void gemm_put_rows(const gemm_result *r, int64_t m, int64_t n, real *out, int64_t ld,
                               const real *bias) {
    for (int64_t i = 0; i < m; i++) {
        const real *from = r->c + i * r->ld;
        real *to = out + i * ld;
        if (bias)
            for (int64_t j = 0; j < n; j++)
                to[j] = from[j] + bias[j];
        else
            memcpy(to, from, (size_t)n * sizeof(real));
    }
}
#endif
