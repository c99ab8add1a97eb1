//! dtypes: f32 f64
/* Applies dropout's mask. The mask itself is drawn in random.cl. */

// ptr: y, x, mask   ints: rank, dims..., mask strides...   items: elements
__kernel void dropout_times(OUT(y), IN(x), IN(mask), INTS, ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(mask);
    const long i = get_global_id(0), rank = ints[0];
    if (i >= items)
        return;
    long rest = i, at = 0;
    for (long d = rank; d > 0; d--) {
        at += rest % ints[d] * ints[rank + d];
        rest /= ints[d];
    }
    y[i] = x[i] * mask[at];
}

// ptr: y   items: elements
__kernel void dropout_ones(OUT(y), ITEMS) {
    USE_OUT(y);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = 1;
}
