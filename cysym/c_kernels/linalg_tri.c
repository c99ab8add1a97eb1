//! dtypes: f32 f64
/* Triangular matrices: one triangle of a matrix, and substitution with a diagonal block.
 *
 * A solve gathers TRSM_COLS right-hand sides in scratch memory, where the unknowns of a row lie side by side
 * whichever way X is stored. `lower` of ops/linalg_tri.py cuts larger systems into such blocks. */
#include "cysym.h"

enum { TRSM_ROWS = 64, TRSM_COLS = 32 };

/* ptr: y, x   ints: n, lower   items: rows of all n x n matrices; y may be x
 * The triangle asked for, diagonal included, and zeros. */
CS_KERNEL(tri_keep) {
    const int64_t n = c->ints[0], lower = c->ints[1];
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % n, from = lower ? 0 : i, to = lower ? i + 1 : n;
        const real *x = (const real *)c->ptr[1] + row * n;
        real *y = (real *)c->ptr[0] + row * n;
        for (int64_t j = 0; j < from; j++)
            y[j] = 0;
        for (int64_t j = from; j < to; j++)
            y[j] = x[j];
        for (int64_t j = to; j < n; j++)
            y[j] = 0;
    }
}

/* x[i] = (x[i] - sum over k in [from, to) of t[k] x[k]) / pivot for one row of the unknowns in scratch. */
static void trsm_row(real *x, int64_t i, int64_t from, int64_t to, const real *t, int64_t step, real pivot) {
    real sum[TRSM_COLS];
    for (int j = 0; j < TRSM_COLS; j++)
        sum[j] = x[i * TRSM_COLS + j];
    for (int64_t k = from; k < to; k++) {
        const real f = t[k * step];
        for (int j = 0; j < TRSM_COLS; j++)
            sum[j] -= f * x[k * TRSM_COLS + j];
    }
    for (int j = 0; j < TRSM_COLS; j++)
        x[i * TRSM_COLS + j] = sum[j] / pivot;
}

/* ptr: x, x, t   ints: see the enum   floats: alpha   items: batch * blocks of TRSM_COLS right-hand sides
 * X = T^-1 alpha X for an n x n triangular T, n <= TRSM_ROWS; T[i][j] = t[i * ti + j * tj], X alike, n x m.
 */
CS_KERNEL(trsm) {
    enum { N, M, TI, TJ, XI, XJ, TBATCH, XBATCH, LOWER, UNIT };
    const int64_t *p = c->ints, n = p[N], chunks = cs_div_up(p[M], TRSM_COLS);
    const real alpha = K(c->floats[0]);
    real *box = cs_scratch();
    for (int64_t item = begin; item < end; item++) {
        const int64_t batch = item / chunks, j0 = item % chunks * TRSM_COLS, m = cs_min(TRSM_COLS, p[M] - j0);
        const real *t = (const real *)c->ptr[2] + batch * p[TBATCH];
        real *x = (real *)c->ptr[0] + batch * p[XBATCH] + j0 * p[XJ];
        memset(box, 0, (size_t)(n * TRSM_COLS) * sizeof(real));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++)
                box[i * TRSM_COLS + j] = alpha * x[i * p[XI] + j * p[XJ]];
        for (int64_t q = 0; q < n; q++) {
            const int64_t i = p[LOWER] ? q : n - 1 - q, from = p[LOWER] ? 0 : i + 1, to = p[LOWER] ? i : n;
            const real *row = t + i * p[TI];
            trsm_row(box, i, from, to, row, p[TJ], p[UNIT] ? 1 : row[i * p[TJ]]);
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++)
                x[i * p[XI] + j * p[XJ]] = box[i * TRSM_COLS + j];
    }
}
