//! dtypes: f32 f64
/* Triangular matrices; see c_kernels/linalg_tri.c. A right-hand side is a work-item. */

// ptr: y, x   ints: n, lower   items: rows of all n x n matrices; y may be x
//! grid tri_keep: items * n, local 64
__kernel void tri_keep(OUT(y), IN(x), INT(n), INT(lower), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0), i = at / n % n, j = at % n;
    if (at >= items * n)
        return;
    y[at] = (lower ? j <= i : j >= i) ? x[at] : K(0);
}

// ptr: x, x, t   ints: see linalg_tri.c   floats: alpha   items: blocks of the CPU kernel, not used here
// X = T^-1 alpha X for an n x n triangular T and m right-hand sides, with as many matrices as items tell.
//! grid trsm: items * 32, local 32
__kernel void trsm(OUT(x), IN(x0), IN(t), INT(n), INT(m), INT(ti), INT(tj), INT(xi), INT(xj), INT(tbatch),
                   INT(xbatch), INT(lower), INT(unit), FLOAT(alpha), ITEMS) {
    USE_OUT(x);
    USE_IN(t);
    const long chunks = (m + 31) / 32, item = get_global_id(0) / 32;
    const long batch = item / chunks, j = item % chunks * 32 + get_local_id(0);
    if (item >= items || j >= m)
        return;
    t += batch * tbatch;
    x += batch * xbatch + j * xj;
    for (long q = 0; q < n; q++) {
        const long i = lower ? q : n - 1 - q, from = lower ? 0 : i + 1, to = lower ? i : n;
        real sum = alpha * x[i * xi];
        for (long k = from; k < to; k++)
            sum -= t[i * ti + k * tj] * x[k * xi];
        x[i * xi] = unit ? sum : sum / t[i * ti + i * tj];
    }
}
