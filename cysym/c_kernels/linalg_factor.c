//! dtypes: f32 f64
/* Factorisations of a panel or a small matrix: Cholesky, and LU with partial pivoting.
 *
 * An item is a matrix. ops/linalg_factor.py puts panels together with triangular solves and products. A
 * kernel cannot fail: what has no factor becomes NaN. */
#include "cysym.h"

enum { POTRF_ROWS = 64 };

/* ptr: y, x   ints: n, ldy, ybatch, ldx, xbatch   items: matrices; y may be x
 * Lower triangular L with L L^T = X and zeros above, n <= POTRF_ROWS; X is read below its diagonal only. The
 * factor is built in scratch memory as L^T, whose rows are the columns of L. */
CS_KERNEL(potrf_block) {
    enum { N, LDY, YBATCH, LDX, XBATCH };
    const int64_t *p = c->ints, n = p[N];
    real(*u)[POTRF_ROWS] = cs_scratch();
    for (int64_t item = begin; item < end; item++) {
        const real *x = (const real *)c->ptr[1] + item * p[XBATCH];
        real *y = (real *)c->ptr[0] + item * p[YBATCH];
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k <= i; k++)
                u[k][i] = x[i * p[LDX] + k];
        for (int64_t k = 0; k < n; k++) {
            const real pivot = u[k][k] > 0 ? K(sqrt(u[k][k])) : K(NAN);
            u[k][k] = pivot;
            for (int64_t i = k + 1; i < n; i++)
                u[k][i] /= pivot;
            for (int64_t r = k + 1; r < n; r++) {
                const real f = u[k][r];
                for (int64_t i = r; i < n; i++)
                    u[r][i] -= f * u[k][i];
            }
        }
        const int failed = n > 0 && isnan(u[n - 1][n - 1]); /* NaN spreads to the last pivot */
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < n; k++)
                y[i * p[LDY] + k] = k > i ? 0 : failed ? K(NAN) : u[k][i];
    }
}

/* ptr: y, y   ints: n   items: rows of all n x n matrices
 * Zeros above the diagonal; NaN below it where the last pivot is NaN. That one is only read. */
CS_KERNEL(potrf_finish) {
    const int64_t n = c->ints[0];
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % n;
        real *y = (real *)c->ptr[0] + row * n;
        const int failed = isnan(y[(n - i) * n - 1]);
        if (failed)
            for (int64_t j = 0; j < cs_min(i + 1, n - 1); j++)
                y[j] = K(NAN);
        for (int64_t j = i + 1; j < n; j++)
            y[j] = 0;
    }
}

/* ptr: y   ints: n   items: rows of all n x n matrices */
CS_KERNEL(identity_matrix) {
    const int64_t n = c->ints[0];
    for (int64_t row = begin; row < end; row++) {
        real *y = (real *)c->ptr[0] + row * n;
        memset(y, 0, (size_t)n * sizeof(real));
        y[row % n] = 1;
    }
}

/* ptr: lu, pivots, lu, pivots   ints: n, k0, nb   items: matrices
 * Columns k0 .. k0 + nb of rows k0 .. n become L and U; rows are exchanged inside the panel only. pivots[k]
 * is the row exchanged with row k, pivots[n + i] the original row that is now row i. */
CS_KERNEL(lu_panel) {
    const int64_t n = c->ints[0], k0 = c->ints[1], nb = c->ints[2];
    for (int64_t item = begin; item < end; item++) {
        real *a = (real *)c->ptr[0] + item * n * n + k0;
        int32_t *pivots = (int32_t *)c->ptr[1] + item * 2 * n, *origin = pivots + n;
        if (k0 == 0)
            for (int64_t i = 0; i < n; i++)
                origin[i] = (int32_t)i;
        for (int64_t j = 0; j < nb; j++) {
            const int64_t k = k0 + j;
            int64_t best = k;
            for (int64_t i = k + 1; i < n; i++)
                if (fabs(a[i * n + j]) > fabs(a[best * n + j]))
                    best = i;
            pivots[k] = (int32_t)best;
            if (best != k) {
                const int32_t row = origin[k];
                origin[k] = origin[best], origin[best] = row;
                for (int64_t q = 0; q < nb; q++) {
                    const real x = a[k * n + q];
                    a[k * n + q] = a[best * n + q], a[best * n + q] = x;
                }
            }
            const real pivot = a[k * n + j];
            if (pivot == 0)
                continue; /* the whole column is zero already */
            for (int64_t i = k + 1; i < n; i++) {
                const real f = a[i * n + j] /= pivot;
                for (int64_t q = j + 1; q < nb; q++)
                    a[i * n + q] -= f * a[k * n + q];
            }
        }
    }
}

/* ptr: lu, lu, pivots   ints: n, k0, nb   items: matrices * blocks of 64 columns
 * The exchanges of a panel in the columns outside it. */
CS_KERNEL(lu_exchange) {
    const int64_t n = c->ints[0], k0 = c->ints[1], nb = c->ints[2], blocks = cs_div_up(n, 64);
    for (int64_t item = begin; item < end; item++) {
        real *a = (real *)c->ptr[0] + item / blocks * n * n;
        const int32_t *pivots = (const int32_t *)c->ptr[2] + item / blocks * 2 * n;
        const int64_t from = item % blocks * 64, to = cs_min(from + 64, n);
        for (int64_t k = k0; k < k0 + nb; k++)
            for (int64_t j = from; j < to && pivots[k] != k; j++)
                if (j < k0 || j >= k0 + nb) {
                    const real x = a[k * n + j];
                    a[k * n + j] = a[pivots[k] * n + j], a[pivots[k] * n + j] = x;
                }
    }
}

/* ptr: y, lu, pivots   ints: n   items: matrices
 * The identity with its rows exchanged like those of A; NaN where U has a zero on its diagonal. */
CS_KERNEL(lu_identity) {
    const int64_t n = c->ints[0];
    for (int64_t item = begin; item < end; item++) {
        real *y = (real *)c->ptr[0] + item * n * n;
        const real *lu = (const real *)c->ptr[1] + item * n * n;
        const int32_t *origin = (const int32_t *)c->ptr[2] + item * 2 * n + n;
        int singular = 0;
        for (int64_t i = 0; i < n; i++)
            singular |= lu[i * n + i] == 0;
        for (int64_t i = 0; i < n * n; i++)
            y[i] = singular ? K(NAN) : 0;
        for (int64_t i = 0; i < n && !singular; i++)
            y[i * n + origin[i]] = 1;
    }
}

/* -1 where P is an odd permutation. */
static inline int lu_sign(const int32_t *pivots, int64_t n) {
    int odd = 0;
    for (int64_t i = 0; i < n; i++)
        odd ^= pivots[i] != i;
    return odd ? -1 : 1;
}

/* ptr: det, lu, pivots   ints: n   items: matrices */
CS_KERNEL(lu_det) {
    const int64_t n = c->ints[0];
    for (int64_t item = begin; item < end; item++) {
        const real *lu = (const real *)c->ptr[1] + item * n * n;
        real det = K(lu_sign((const int32_t *)c->ptr[2] + item * 2 * n, n));
        for (int64_t i = 0; i < n; i++)
            det *= lu[i * n + i];
        ((real *)c->ptr[0])[item] = det;
    }
}

/* ptr: sign, logarithm, lu, pivots   ints: n   items: matrices */
CS_KERNEL(lu_slogdet) {
    const int64_t n = c->ints[0];
    for (int64_t item = begin; item < end; item++) {
        const real *lu = (const real *)c->ptr[2] + item * n * n;
        real sign = K(lu_sign((const int32_t *)c->ptr[3] + item * 2 * n, n));
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            const real x = lu[i * n + i];
            sign *= isnan(x) ? x : K((x > 0) - (x < 0));
            sum += log(fabs((double)x));
        }
        ((real *)c->ptr[0])[item] = sign;
        ((real *)c->ptr[1])[item] = K(sum);
    }
}
