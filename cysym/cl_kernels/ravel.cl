//! dtypes: any
/* Tuples of indices and places in row-major order; see c_kernels/ravel.c. */

// ptr: y, x   ints: count, m, dims[m]   items: count
__kernel void ravel(OUT_T(long, y), IN_T(long, x), INTS, ITEMS) {
    USE_OUT_T(long, y);
    USE_IN_T(long, x);
    const long i = get_global_id(0), count = ints[0], m = ints[1];
    if (i >= items)
        return;
    ulong sum = 0;
    for (long k = 0; k < m; k++)
        sum = sum * (ulong)ints[2 + k] + (ulong)x[k * count + i];
    y[i] = (long)sum;
}

// ptr: y, x   ints: count, m, dims[m]   items: count
__kernel void unravel(OUT_T(long, y), IN_T(long, x), INTS, ITEMS) {
    USE_OUT_T(long, y);
    USE_IN_T(long, x);
    const long i = get_global_id(0), count = ints[0];
    if (i >= items)
        return;
    long rest = x[i];
    for (long k = ints[1] - 1; k > 0; k--) {
        y[k * count + i] = rest % ints[2 + k];
        rest /= ints[2 + k];
    }
    y[i] = rest;
}
