//! dtypes: any
/* Places named by tuples of indices, and writing to them; see c_kernels/gather.c. */
enum { GATHER_CLIP, GATHER_WRAP, GATHER_FROM_END, GATHER_STRICT };

// ptr: flat (int64), flag (int32), flag again, indices (int64)   ints: count, m, mode, dims[m]   items: count
__kernel void flat_index(OUT_T(long, flat), OUT_T(int, flag), IN_T(int, zero), IN_T(long, index), INTS,
                         ITEMS) {
    USE_OUT_T(long, flat);
    USE_OUT_T(int, flag);
    USE_IN_T(long, index);
    const long i = get_global_id(0), count = ints[0], m = ints[1], mode = ints[2];
    if (i >= items)
        return;
    long sum = 0;
    for (long k = 0; k < m; k++) {
        const long n = ints[3 + k];
        long at = index[k * count + i];
        if (mode == GATHER_WRAP)
            at = (at % n + n) % n;
        else if (mode == GATHER_CLIP)
            at = clamp(at, 0L, n - 1);
        else {
            at += mode == GATHER_FROM_END && at < 0 ? n : 0;
            if (at < 0 || at >= n) {
                *flag = 1; /* by several work-items perhaps, but all of them write the same */
                at = 0;
            }
        }
        sum = sum * n + at;
    }
    flat[i] = sum;
}

//! grid scatter_winner: items * count, local 64
// ptr: winner (int32), winner again, flat (int64)   ints: count   items: 1
__kernel void scatter_winner(OUT_T(int, winner), IN_T(int, before), IN_T(long, flat), INT(count), ITEMS) {
    USE_OUT_T(int, winner);
    USE_IN_T(long, flat);
    const long i = get_global_id(0);
    if (i < count)
        atomic_max(winner + flat[i], (int)i);
}

// ptr: y, y again, x, flat (int64), winner (int32)   ints: itemsize, inner   items: elements of x
__kernel void scatter_put(OUT_T(uchar, y), IN_T(uchar, before), IN_T(uchar, x), IN_T(long, flat),
                          IN_T(int, winner), INT(itemsize), INT(inner), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    USE_IN_T(long, flat);
    USE_IN_T(int, winner);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long slice = i / inner, place = flat[slice], to = place * inner + i % inner;
    if (winner[place] != slice)
        return;
    if (itemsize == 4)
        ((__global uint *)y)[to] = ((__global const uint *)x)[i];
    else if (itemsize == 8)
        ((__global ulong *)y)[to] = ((__global const ulong *)x)[i];
    else if (itemsize == 2)
        ((__global ushort *)y)[to] = ((__global const ushort *)x)[i];
    else
        y[to] = x[i];
}
