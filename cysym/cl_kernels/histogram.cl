//! dtypes: f32 f64 u8 i8 i32 i64
/* Counting elements between bounds; see c_kernels/histogram.c. Whole numbers may be added in any order. */

// ptr: edges   ints: the bits of each   items: edges
__kernel void histogram_edges(OUT(edges), INTS, ITEMS) {
    USE_OUT(edges);
    const long i = get_global_id(0);
    if (i >= items)
        return;
#if CS_DT_f32
    edges[i] = as_float((int)ints[i]);
#elif CS_DT_f64
    edges[i] = as_double(ints[i]);
#else
    edges[i] = (real)ints[i];
#endif
}

//! grid histogram: items * count, local 64
// ptr: counts (int32, zeros), counts again, x, edges   ints: count, n   items: 1
__kernel void histogram(OUT_T(int, found), IN_T(int, zeros), IN(x), IN(edges), INT(count), INT(n), ITEMS) {
    USE_OUT_T(int, found);
    USE_IN(x);
    USE_IN(edges);
    const long i = get_global_id(0);
    if (i >= count)
        return;
    const real v = x[i];
    if (!(v >= edges[0] && v <= edges[n]))
        return;
    long low = 0, high = n;
    while (high - low > 1) {
        const long middle = low + (high - low) / 2;
        if (edges[middle] <= v)
            low = middle;
        else
            high = middle;
    }
    atomic_inc(found + low);
}
