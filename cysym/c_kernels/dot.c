//! dtypes: f32 f64
/* The matrix product of strided matrices, and sums of columns (the gradient of a bias over rows).
 *
 * Used by dot, batch_dot and FullyConnected. Layout of the work: gemm.h. */
#include "gemm.h"

/* out = block + beta d, rows of d `ldd` apart; d may be out */
static void put_sum(const gemm_result *r, int64_t m, int64_t n, real *out, int64_t ld, const real *d,
                    real beta, int64_t ldd) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            out[i * ld + j] = r->c[i * r->ld + j] + beta * d[i * ldd + j];
}

/* ptr: c, a, b, d (not read if mode is 0)   floats: alpha, beta   items: batch * row blocks * column blocks
 * C[i][j] = alpha sum_k A[i][k] B[k][j], + beta d[j] in mode 1, + beta d[i * ci + j] in mode 2, where d lies
 * as c does and may be c; A[i][k] = a[i * ai + k * ak], B[k][j] = b[k * bk + j * bj],
 * C[i][j] = c[i * ci + j]; matrices of one batch lie abatch, bbatch, cbatch elements apart; mb, nb: block
 * size. */
CS_KERNEL(gemm) {
    enum { M, N, KK, AI, AK, BK, BJ, CI, ABATCH, BBATCH, CBATCH, MODE, MB, NB, BATCH };
    const int64_t *p = c->ints;
    const real alpha = K(c->floats[0]), beta = K(c->floats[1]), *d = c->ptr[3];
    int64_t rows = cs_div_up(p[M], p[MB]), cols = cs_div_up(p[N], p[NB]);
    for (int64_t item = begin; item < end; item++) {
        int64_t batch = item / (rows * cols), i0 = item / cols % rows * p[MB], j0 = item % cols * p[NB];
        int64_t m = cs_min(p[MB], p[M] - i0), n = cs_min(p[NB], p[N] - j0);
        gemm_matrix a = {(const real *)c->ptr[1] + batch * p[ABATCH] + i0 * p[AI], p[AI], p[AK], m};
        gemm_matrix b = {(const real *)c->ptr[2] + batch * p[BBATCH] + j0 * p[BJ], p[BJ], p[BK], n};
        gemm_result r = gemm_block(m, n, p[KK], 1, gemm_pack_a, &a, gemm_pack_b, &b);
        real *out = (real *)c->ptr[0] + batch * p[CBATCH] + i0 * p[CI] + j0;
        if (alpha != 1)
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++)
                    r.c[i * r.ld + j] *= alpha;
        if (p[MODE] == 2 || (p[MODE] == 1 && beta != 1))
            put_sum(&r, m, n, out, p[CI], d + (p[MODE] == 2 ? out - (real *)c->ptr[0] : j0), beta,
                    p[MODE] == 2 ? p[CI] : 0);
        else
            gemm_put_rows(&r, m, n, out, p[CI], p[MODE] ? d + j0 : 0);
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
