//! dtypes: any
/* Writes through arrays of indices; see c_kernels/assign.c. One work-item an element. */

// ptr: data, data, at (int64), value   ints: itemsize, value step, start, which dimension `at` indexes,
// dims[8], strides[8] in data   items: elements of the part
__kernel void scatter(OUT_T(uchar, data), IN_T(uchar, same), IN_T(long, at), IN_T(uchar, value), INTS,
                      ITEMS) {
    USE_OUT_T(uchar, data);
    USE_IN_T(long, at);
    USE_IN_T(uchar, value);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    long rest = i, to = ints[2], place = 0;
    for (int d = 7; d >= 0; d--) {
        const long k = rest % ints[4 + d];
        rest /= ints[4 + d];
        if (d == ints[3])
            place = at[k];
        else
            to += k * ints[12 + d];
    }
    if (place < 0)
        return;
    to += place;
    const long from = i * ints[1];
    if (ints[0] == 4)
        ((__global uint *)data)[to] = ((__global const uint *)value)[from];
    else if (ints[0] == 8)
        ((__global ulong *)data)[to] = ((__global const ulong *)value)[from];
    else if (ints[0] == 2)
        ((__global ushort *)data)[to] = ((__global const ushort *)value)[from];
    else
        data[to] = value[from];
}
