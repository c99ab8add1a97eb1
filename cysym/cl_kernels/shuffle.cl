//! dtypes: any
/* Rows moved in a given order, as bytes; a work-group of 64 a row. See c_kernels/shuffle.c. */

//! grid shuffle_rows: items * 64, local 64
// ptr: y, x, order (int64)   ints: bytes of a row, back   items: rows
__kernel void shuffle_rows(OUT_T(uchar, y), IN_T(uchar, x), IN_T(long, order), INT(bytes), INT(back), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, order);
    const long i = get_group_id(0);
    if (i >= items)
        return;
    const long to = back ? order[i] : i, from = back ? i : order[i];
    for (long k = get_local_id(0); k < bytes; k += 64)
        y[to * bytes + k] = x[from * bytes + k];
}
