//! dtypes: f32 f64
/* Packed triangles and logarithms of diagonals; see c_kernels/linalg_diag.c. */

/* Place of (row, col) in the packed triangle, -1 outside. */
static inline long linalg_diag_place(long row, long col, long offset, long lower) {
    const long i = lower ? row + offset : col - offset, k = lower ? col : row;
    return k <= i ? i * (i + 1) / 2 + k : -1;
}

// ptr: y, x   ints: n, offset, lower, length   items: rows of all n x n matrices
//! grid trian_pack: items * n, local 64
__kernel void trian_pack(OUT(y), IN(x), INT(n), INT(offset), INT(lower), INT(length), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0);
    if (at >= items * n)
        return;
    const long place = linalg_diag_place(at / n % n, at % n, offset, lower);
    if (place >= 0)
        y[at / (n * n) * length + place] = x[at];
}

// ptr: y, x   ints: n, offset, lower, length   items: rows of all n x n matrices
//! grid trian_unpack: items * n, local 64
__kernel void trian_unpack(OUT(y), IN(x), INT(n), INT(offset), INT(lower), INT(length), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0);
    if (at >= items * n)
        return;
    const long place = linalg_diag_place(at / n % n, at % n, offset, lower);
    y[at] = place >= 0 ? x[at / (n * n) * length + place] : K(0);
}

// ptr: y, x   ints: n   items: n x n matrices
__kernel void sumlogdiag(OUT(y), IN(x), INT(n), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    real sum = 0;
    for (long i = 0; i < n; i++)
        sum += LOG(x[item * n * n + i * n + i]);
    y[item] = sum;
}
