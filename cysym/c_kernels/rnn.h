/* The recurrent product of rnn.c: a block of rows times packed weights, both read where they lie.
 *
 * A step of a recurrent layer multiplies few rows (the batch) by a matrix that stays the same from step to
 * step: the matrix is packed once a run, the rows are too few to be worth packing. So the register tile reads
 * rows with broadcast loads, and the packed weights in panels of RNN_UNITS units: for every k the units'
 * columns, one gate after the other. k is cut into slices whose sums are added in order, which bounds the
 * rounding error. Only rnn.c includes it. */
#ifndef CYSYM_RNN_H
#define CYSYM_RNN_H
#include "gemm.h"

#define RNN_INLINE static inline __attribute__((always_inline))

enum {
    RNN_UNITS = 16, /* of an item; ops/rnn.py knows it */
    RNN_ROWS = 64,  /* most rows of an item; ops/rnn.py obeys it */
    RNN_SLICE = 256,
    RNN_VL = GEMM_VL,
};

typedef gemm_vec rnn_vec;
typedef gemm_vecu rnn_vecu;

/* Row i of five is reached from the row `at` with a factor the processor's addresses know: 0, s, 2 s, 3 s, 4
 * s. */
RNN_INLINE real rnn_row(const char *at, int64_t s, int64_t s3, int i) {
    return *(const real *)(at + (i == 3 ? s3 : i * s));
}

/* c[rows][nv vectors] (+)= sum_k a[row * lda + k] * b[k * ldb + j * step], a vector each j. Opaque addresses:
 * the compiler would keep a pointer a row otherwise, and run out of registers. */
RNN_INLINE void rnn_tile(int rows, int nv, int64_t kc, const real *a, int64_t lda, const real *b, int64_t ldb,
                         int64_t step, real *c, int64_t ldc, int first) {
    rnn_vec t[24][4];
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            t[i][j] = (rnn_vec){0};
    const int64_t s = lda * (int64_t)sizeof(real), s3 = 3 * s;
    const int64_t w1 = step * (int64_t)sizeof(real), w3 = 3 * w1;
    const char *q = (const char *)b;
    const char *p0 = (const char *)a, *p1 = p0 + 5 * s, *p2 = p0 + 10 * s, *p3 = p0 + 15 * s;
    for (int64_t k = 0; k < kc; k++, q += ldb * (int64_t)sizeof(real)) {
        __asm__("" : "+r"(p0));
        __asm__("" : "+r"(q));
        if (rows > 5)
            __asm__("" : "+r"(p1));
        if (rows > 10)
            __asm__("" : "+r"(p2));
        if (rows > 15)
            __asm__("" : "+r"(p3));
        rnn_vec w[4];
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            w[j] = *(const rnn_vecu *)(q + (j == 3 ? w3 : j * w1));
#pragma GCC unroll 32
        for (int i = 0; i < rows; i++) {
            const char *p = i < 5 ? p0 : i < 10 ? p1 : i < 15 ? p2 : p3;
            rnn_vec x = rnn_row(p, s, s3, i % 5) - (rnn_vec){0};
#pragma GCC unroll 4
            for (int j = 0; j < nv; j++)
                t[i][j] += x * w[j];
        }
        p0 += sizeof(real), p1 += sizeof(real), p2 += sizeof(real), p3 += sizeof(real);
    }
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            rnn_vecu *to = (rnn_vecu *)(c + i * ldc + j * RNN_VL);
            rnn_vec sum = t[i][j];
            if (!first)
                sum += *to;
            *to = sum;
        }
}

#define RNN_TILE(rows, nv)                                                                                   \
    static __attribute__((noinline, unused)) void rnn_tile_##rows##_##nv(                                    \
        int64_t kc, const real *a, int64_t lda, const real *b, int64_t ldb, int64_t step, real *c,           \
        int64_t ldc, int first) {                                                                            \
        rnn_tile(rows, nv, kc, a, lda, b, ldb, step, c, ldc, first);                                         \
    }
/* What 32 and 16 registers hold without spilling: rows by vectors of accumulators. */
#if CS_ISA_avx512
#define RNN_EACH_4(F) F(1, 4) F(2, 4) F(3, 4) F(4, 4) F(5, 4) F(6, 4) F(7, 4)
#define RNN_EACH_3(F) F(1, 3) F(2, 3) F(3, 3) F(4, 3) F(5, 3) F(6, 3) F(7, 3) F(8, 3) F(9, 3)
#define RNN_EACH_2(F)                                                                                        \
    F(1, 2) F(2, 2) F(3, 2) F(4, 2) F(5, 2) F(6, 2) F(7, 2) F(8, 2) F(9, 2) F(10, 2) F(11, 2) F(12, 2)
#define RNN_EACH_1(F) F(1, 1) F(2, 1) F(4, 1) F(8, 1) F(12, 1) F(16, 1) F(20, 1)
RNN_EACH_4(RNN_TILE)
RNN_EACH_3(RNN_TILE)
RNN_EACH_1(RNN_TILE)
#else
#define RNN_EACH_2(F) F(1, 2) F(2, 2) F(3, 2) F(4, 2) F(5, 2) F(6, 2)
#endif
RNN_EACH_2(RNN_TILE)

typedef void rnn_tile_fn(int64_t, const real *, int64_t, const real *, int64_t, int64_t, real *, int64_t,
                         int);
typedef struct rnn_choice {
    int rows;
    rnn_tile_fn *run;
} rnn_choice;

#define RNN_CHOICE(rows, nv) {rows, rnn_tile_##rows##_##nv},
#define RNN_CHOICES(nv) static const rnn_choice rnn_choices_##nv[] = {RNN_EACH_##nv(RNN_CHOICE){0, NULL}};
#if CS_ISA_avx512
RNN_CHOICES(4)
RNN_CHOICES(3)
RNN_CHOICES(1)
#endif
RNN_CHOICES(2)

/* The tile for n rows: of the sizes that need fewest passes the smallest, but none above n. */
RNN_INLINE const rnn_choice *rnn_choose(const rnn_choice *of, int64_t n) {
    int64_t most = 1;
    for (const rnn_choice *q = of; q->rows; q++)
        most = q->rows;
    const int64_t even = cs_div_up(n, cs_div_up(n, most));
    const rnn_choice *best = of;
    for (const rnn_choice *q = of; q->rows && q->rows <= n; q++) {
        best = q;
        if (q->rows >= even)
            break;
    }
    return best;
}

/* nv vectors of all rows; `step` elements apart in b, side by side in sums. The last tile of rows overlaps
 * the one before it, so that all tiles are whole; a sum does not depend on its tile. */
RNN_INLINE void rnn_strip(int nv, real *sums, int64_t ld, int64_t n, int64_t k, const real *a, int64_t lda,
                          const real *b, int64_t ldb, int64_t step) {
#if CS_ISA_avx512
    const rnn_choice *tile = rnn_choose(nv == 4   ? rnn_choices_4
                                        : nv == 3 ? rnn_choices_3
                                        : nv == 2 ? rnn_choices_2
                                                  : rnn_choices_1,
                                        n);
#else
    (void)nv; /* always 2 */
    const rnn_choice *tile = rnn_choose(rnn_choices_2, n);
#endif
    for (int64_t i = 0; i < n; i += tile->rows) {
        const int64_t i0 = cs_min(i, n - tile->rows);
        for (int64_t k0 = 0; k0 < k; k0 += RNN_SLICE)
            tile->run(cs_min(RNN_SLICE, k - k0), a + i0 * lda + k0, lda, b + k0 * ldb, ldb, step,
                      sums + i0 * ld, ld, k0 == 0);
    }
}

/* sums[i][gate * RNN_UNITS + u] = sum_k a[i * lda + k] * panel[(k * gates + gate) * RNN_UNITS + u], i < n <=
 * RNN_ROWS */
RNN_INLINE void rnn_product(int gates, real *sums, int64_t n, int64_t k, const real *a, int64_t lda,
                            const real *panel) {
    const int vectors = gates * RNN_UNITS / RNN_VL, ld = gates * RNN_UNITS;
#if CS_ISA_avx512
    const int nv = vectors % 4 == 0 ? 4 : vectors % 3 == 0 ? 3 : vectors;
#else
    const int nv = 2;
#endif
    for (int j = 0; j < vectors; j += nv)
        rnn_strip(nv, sums + j * RNN_VL, ld, n, k, a, lda, panel + j * RNN_VL, ld, RNN_VL);
}

/* sums[i][u] for the units of `many` <= 4 panels with one gate, all at once where the registers allow it. */
RNN_INLINE void rnn_product_wide(int64_t many, real *sums, int64_t n, int64_t k, const real *a, int64_t lda,
                                 const real *panels) {
    const int64_t ld = many * RNN_UNITS, step = k * RNN_UNITS;
#if CS_ISA_avx512
    if (RNN_VL == RNN_UNITS) {
        if (many == 4)
            rnn_strip(4, sums, ld, n, k, a, lda, panels, RNN_UNITS, step);
        else if (many == 3)
            rnn_strip(3, sums, ld, n, k, a, lda, panels, RNN_UNITS, step);
        else if (many == 2)
            rnn_strip(2, sums, ld, n, k, a, lda, panels, RNN_UNITS, step);
        else
            rnn_strip(1, sums, ld, n, k, a, lda, panels, RNN_UNITS, step);
        return;
    }
#endif
    for (int64_t m = 0; m < many; m++)
        for (int j = 0; j < RNN_UNITS; j += 2 * RNN_VL)
            rnn_strip(2, sums + m * RNN_UNITS + j, ld, n, k, a, lda, panels + m * step + j, RNN_UNITS,
                      RNN_VL);
}
#endif
