//! dtypes: f32 f64
/* Cholesky and LU of a panel, a work-group a matrix; see c_kernels/linalg_factor.c.
 *
 * Rows are shared out among the work-items, steps are parted by barriers; grids are exact and nobody returns
 * before a barrier. */

#define LINALG_FACTOR_GROUP 64
#define LINALG_FACTOR_BARRIER barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE)

// ptr: y, x   ints: n, ldy, ybatch, ldx, xbatch   items: matrices; y may be x
//! grid potrf_block: items * 64, local 64
__kernel void potrf_block(OUT(y), IN(x), INT(n), INT(ldy), INT(ybatch), INT(ldx), INT(xbatch), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long item = get_group_id(0), me = get_local_id(0);
    x += item * xbatch;
    y += item * ybatch;
    for (long i = me; i < n; i += LINALG_FACTOR_GROUP)
        for (long k = 0; k < n; k++)
            y[i * ldy + k] = k <= i ? x[i * ldx + k] : K(0);
    LINALG_FACTOR_BARRIER;
    for (long k = 0; k < n; k++) {
        if (me == 0)
            y[k * ldy + k] = y[k * ldy + k] > 0 ? SQRT(y[k * ldy + k]) : K(NAN);
        LINALG_FACTOR_BARRIER;
        const real pivot = y[k * ldy + k];
        for (long i = k + 1 + me; i < n; i += LINALG_FACTOR_GROUP)
            y[i * ldy + k] /= pivot;
        LINALG_FACTOR_BARRIER;
        for (long i = k + 1 + me; i < n; i += LINALG_FACTOR_GROUP) {
            const real f = y[i * ldy + k];
            for (long j = k + 1; j <= i; j++)
                y[i * ldy + j] -= f * y[j * ldy + k];
        }
        LINALG_FACTOR_BARRIER;
    }
    const int failed = isnan(y[(n - 1) * ldy + n - 1]);
    LINALG_FACTOR_BARRIER;
    for (long i = me; i < n && failed; i += LINALG_FACTOR_GROUP)
        for (long k = 0; k <= i; k++)
            y[i * ldy + k] = NAN;
}

// ptr: y, y   ints: n   items: rows of all n x n matrices
__kernel void potrf_finish(OUT(y), IN(x), INT(n), ITEMS) {
    USE_OUT(y);
    const long row = get_global_id(0), i = row % n;
    if (row >= items)
        return;
    y += row * n;
    if (isnan(y[(n - i) * n - 1]))
        for (long j = 0; j < MIN(i + 1, n - 1); j++)
            y[j] = NAN;
    for (long j = i + 1; j < n; j++)
        y[j] = 0;
}

// ptr: y   ints: n   items: rows of all n x n matrices
//! grid identity_matrix: items * n, local 64
__kernel void identity_matrix(OUT(y), INT(n), ITEMS) {
    USE_OUT(y);
    const long at = get_global_id(0);
    if (at < items * n)
        y[at] = at % n == at / n % n;
}

// ptr: lu, pivots, lu, pivots   ints: n, k0, nb   items: matrices
//! grid lu_panel: items * 64, local 64
__kernel void lu_panel(OUT(a), OUT_T(int, pivots), IN(a0), IN_T(int, pivots0), INT(n), INT(k0), INT(nb),
                       ITEMS) {
    USE_OUT(a);
    USE_OUT_T(int, pivots);
    __local int places[LINALG_FACTOR_GROUP];
    const long item = get_group_id(0), me = get_local_id(0);
    a += item * n * n + k0;
    pivots += item * 2 * n;
    for (long i = me; i < n && k0 == 0; i += LINALG_FACTOR_GROUP)
        pivots[n + i] = i;
    for (long j = 0; j < nb; j++) {
        const long k = k0 + j;
        LINALG_FACTOR_BARRIER;
        long mine = k;
        for (long i = k + me; i < n; i += LINALG_FACTOR_GROUP)
            if (fabs(a[i * n + j]) > fabs(a[mine * n + j]))
                mine = i;
        places[me] = mine;
        LINALG_FACTOR_BARRIER;
        long best = k; // of equal ones the first row, as on the CPU
        for (int q = 0; q < LINALG_FACTOR_GROUP; q++) {
            const real x = fabs(a[places[q] * n + j]), y = fabs(a[best * n + j]);
            if (x > y || (x == y && places[q] < best))
                best = places[q];
        }
        LINALG_FACTOR_BARRIER;
        if (me == 0) {
            const int row = pivots[n + k];
            pivots[k] = best;
            pivots[n + k] = pivots[n + best];
            pivots[n + best] = row;
        }
        for (long q = me; q < nb && best != k; q += LINALG_FACTOR_GROUP) {
            const real x = a[k * n + q];
            a[k * n + q] = a[best * n + q];
            a[best * n + q] = x;
        }
        LINALG_FACTOR_BARRIER;
        const real pivot = a[k * n + j];
        for (long i = k + 1 + me; i < n && pivot != 0; i += LINALG_FACTOR_GROUP) {
            const real f = a[i * n + j] / pivot;
            a[i * n + j] = f;
            for (long q = j + 1; q < nb; q++)
                a[i * n + q] -= f * a[k * n + q];
        }
    }
}

// ptr: lu, lu, pivots   ints: n, k0, nb   items: matrices * blocks of 64 columns; here a work-item a column
//! grid lu_exchange: items * 64, local 64
__kernel void lu_exchange(OUT(a), IN(a0), IN_T(int, pivots), INT(n), INT(k0), INT(nb), ITEMS) {
    USE_OUT(a);
    USE_IN_T(int, pivots);
    const long item = get_global_id(0) / 64, blocks = (n + 63) / 64, j = item % blocks * 64 + get_local_id(0);
    if (item >= items || j >= n || (j >= k0 && j < k0 + nb))
        return;
    a += item / blocks * n * n + j;
    pivots += item / blocks * 2 * n;
    for (long k = k0; k < k0 + nb; k++) {
        const real x = a[k * n];
        a[k * n] = a[pivots[k] * n];
        a[pivots[k] * n] = x;
    }
}

// ptr: y, lu, pivots   ints: n   items: matrices
//! grid lu_identity: items * 64, local 64
__kernel void lu_identity(OUT(y), IN(lu), IN_T(int, pivots), INT(n), ITEMS) {
    USE_OUT(y);
    USE_IN(lu);
    USE_IN_T(int, pivots);
    const long item = get_group_id(0), me = get_local_id(0);
    int singular = 0;
    for (long i = 0; i < n; i++)
        singular |= lu[(item * n + i) * n + i] == 0;
    for (long i = me; i < n; i += LINALG_FACTOR_GROUP)
        for (long j = 0; j < n; j++)
            y[(item * n + i) * n + j] = singular ? K(NAN) : K(pivots[item * 2 * n + n + i] == j);
}

static inline int linalg_factor_sign(__global const int *pivots, long n) {
    int odd = 0;
    for (long i = 0; i < n; i++)
        odd ^= pivots[i] != i;
    return odd ? -1 : 1;
}

// ptr: det, lu, pivots   ints: n   items: matrices
__kernel void lu_det(OUT(y), IN(lu), IN_T(int, pivots), INT(n), ITEMS) {
    USE_OUT(y);
    USE_IN(lu);
    USE_IN_T(int, pivots);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    real det = linalg_factor_sign(pivots + item * 2 * n, n);
    for (long i = 0; i < n; i++)
        det *= lu[(item * n + i) * n + i];
    y[item] = det;
}

// ptr: sign, logarithm, lu, pivots   ints: n   items: matrices
__kernel void lu_slogdet(OUT(y), OUT(logarithm), IN(lu), IN_T(int, pivots), INT(n), ITEMS) {
    USE_OUT(y);
    USE_OUT(logarithm);
    USE_IN(lu);
    USE_IN_T(int, pivots);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    real sign_ = linalg_factor_sign(pivots + item * 2 * n, n), sum = 0;
    for (long i = 0; i < n; i++) {
        const real x = lu[(item * n + i) * n + i];
        sign_ *= isnan(x) ? x : K((x > 0) - (x < 0));
        sum += LOG(fabs(x));
    }
    y[item] = sign_;
    logarithm[item] = sum;
}
