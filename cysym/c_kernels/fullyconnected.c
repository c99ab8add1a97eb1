//! dtypes: f32 f64
/* FullyConnected by a weight that is kept packed from run to run. The plain product is `gemm` in dot.c.
 *
 * The packed weight is what gemm_block reads of B: panels of GEMM_NR hidden units, [width][GEMM_NR], the last
 * ones filled up with zeros to a multiple of 32 units. Only this file knows the order. */
#include "gemm.h"

/* ptr: packed, w   items: panels of 32 hidden units; w[h * ldw + k] */
CS_KERNEL(fc_pack) {
    enum { HIDDEN, WIDTH, LDW };
    const int64_t *p = c->ints;
    for (int64_t item = begin; item < end; item++)
        for (int64_t h = item * 32; h < item * 32 + 32; h += GEMM_NR)
            gemm_pack_across((real *)c->ptr[0] + h * p[WIDTH], GEMM_NR, p[HIDDEN] - h, p[WIDTH],
                             (const real *)c->ptr[1] + h * p[LDW], p[LDW]);
}

typedef struct fc_weight {
    const real *first;
    int64_t width;
} fc_weight;

GEMM_INLINE gemm_panels fc_panels(real *room, const void *context, int64_t k0, int64_t kc) {
    (void)room, (void)kc;
    const fc_weight *w = context;
    return (gemm_panels){w->first + k0 * GEMM_NR, w->width * GEMM_NR};
}

/* ptr: y, x, packed, bias (read only if has_bias)   items: row blocks * column blocks
 * y[i * ldy + h] = sum_k x[i * ldx + k] w[h][k] (+ bias[h]); mb, nb: block size, nb a multiple of 32. */
CS_KERNEL(fc_packed) {
    enum { ROWS, HIDDEN, WIDTH, LDX, LDY, HAS_BIAS, MB, NB };
    const int64_t *p = c->ints;
    int64_t cols = cs_div_up(p[HIDDEN], p[NB]);
    for (int64_t item = begin; item < end; item++) {
        int64_t i0 = item / cols * p[MB], j0 = item % cols * p[NB];
        int64_t m = cs_min(p[MB], p[ROWS] - i0), n = cs_min(p[NB], p[HIDDEN] - j0);
        gemm_matrix x = {(const real *)c->ptr[1] + i0 * p[LDX], p[LDX], 1, m};
        fc_weight w = {(const real *)c->ptr[2] + j0 * p[WIDTH], p[WIDTH]};
        gemm_result r = gemm_block(m, n, p[WIDTH], 1, gemm_pack_a, &x, fc_panels, &w);
        gemm_put_rows(&r, m, n, (real *)c->ptr[0] + i0 * p[LDY] + j0, p[LDY],
                      p[HAS_BIAS] ? (const real *)c->ptr[3] + j0 : 0);
    }
}
