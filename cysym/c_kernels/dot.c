//! dtypes: f32 f64
/* The matrix product of strided matrices, and sums of columns (the gradient of a bias over rows).
 *
 * Used by dot, batch_dot and FullyConnected. Layout of the work: gemm.h. */
#include "gemm.h"

/* ptr: c, a, b, bias (read only if has_bias)   floats: none   items: batch * row blocks * column blocks
 * C[i][j] = sum_k A[i][k] B[k][j] (+ bias[j]); A[i][k] = a[i * ai + k * ak], B[k][j] = b[k * bk + j * bj],
 * C[i][j] = c[i * ci + j]; matrices of one batch lie abatch, bbatch, cbatch elements apart; mb, nb: block
 * size. */
CS_KERNEL(gemm) {
    enum { M, N, KK, AI, AK, BK, BJ, CI, ABATCH, BBATCH, CBATCH, HAS_BIAS, MB, NB, BATCH };
    const int64_t *p = c->ints;
    int64_t rows = cs_div_up(p[M], p[MB]), cols = cs_div_up(p[N], p[NB]);
    for (int64_t item = begin; item < end; item++) {
        int64_t batch = item / (rows * cols), i0 = item / cols % rows * p[MB], j0 = item % cols * p[NB];
        int64_t m = cs_min(p[MB], p[M] - i0), n = cs_min(p[NB], p[N] - j0);
        gemm_matrix a = {(const real *)c->ptr[1] + batch * p[ABATCH] + i0 * p[AI], p[AI], p[AK], m};
        gemm_matrix b = {(const real *)c->ptr[2] + batch * p[BBATCH] + j0 * p[BJ], p[BJ], p[BK], n};
        gemm_result r = gemm_block(m, n, p[KK], 1, gemm_pack_a, &a, gemm_pack_b, &b);
        real *out = (real *)c->ptr[0] + batch * p[CBATCH] + i0 * p[CI] + j0;
        gemm_put_rows(&r, m, n, out, p[CI], p[HAS_BIAS] ? (const real *)c->ptr[3] + j0 : 0);
    }
}

/* ptr: y, x   ints: rows, cols, ldx   items: blocks of 64 columns
 * y[j] = sum_i x[i * ldx + j]. Runs of 64 rows are added plainly, their sums in double. */
CS_KERNEL(sum_rows) {
    enum { ROWS, COLS, LDX };
    const int64_t *p = c->ints;
    real *y = c->ptr[0];
    for (int64_t item = begin; item < end; item++) {
        int64_t j0 = item * 64, n = cs_min(64, p[COLS] - j0);
        const real *x = (const real *)c->ptr[1] + j0;
        double total[64] = {0};
        for (int64_t i0 = 0; i0 < p[ROWS]; i0 += 64) {
            real part[64] = {0};
            for (int64_t i = i0; i < cs_min(i0 + 64, p[ROWS]); i++)
                for (int64_t j = 0; j < n; j++)
                    part[j] += x[i * p[LDX] + j];
            for (int64_t j = 0; j < n; j++)
                total[j] += part[j];
        }
        for (int64_t j = 0; j < n; j++)
            y[j0 + j] = (real)total[j];
    }
}
