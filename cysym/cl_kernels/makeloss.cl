//! dtypes: f32 f64
/* Gradients of loss heads that are one number for all elements. */

#define MAKELOSS_GROUP 64

// ptr: y   floats: value   items: elements
__kernel void makeloss_fill(OUT(y), FLOAT(value), ITEMS) {
    USE_OUT(y);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = value;
}

//! grid makeloss_count: items * 64, local 64
// ptr: norm, x   ints: size   floats: thresh   items: 1
__kernel void makeloss_count(OUT(norm), IN(x), INT(size), FLOAT(thresh), ITEMS) {
    USE_OUT(norm);
    USE_IN(x);
    __local int box[MAKELOSS_GROUP];
    const int me = get_local_id(0);
    int count = 0;
    for (long i = me; i < size; i += MAKELOSS_GROUP)
        count += x[i] > thresh;
    box[me] = count;
    for (int half_ = MAKELOSS_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    if (me == 0)
        norm[0] = K(max(box[0], 1));
}

// ptr: y, norm   floats: value   items: elements
__kernel void makeloss_share(OUT(y), IN(norm), FLOAT(value), ITEMS) {
    USE_OUT(y);
    USE_IN(norm);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = value / norm[0];
}
