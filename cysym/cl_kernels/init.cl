//! dtypes: f32 f64 i64
/* What creation operators compute; see c_kernels/init.c. Fills are in copy.cl. */

// ptr: y   ints: repeat, start, step   floats: start, step   items: elements
__kernel void arange(OUT(y), INT(repeat), INT(first), INT(stride), FLOAT(start), FLOAT(step), ITEMS) {
    USE_OUT(y);
    const long i = get_global_id(0);
    if (i >= items)
        return;
#if CS_DT_i64
    y[i] = first + i / repeat * stride;
#else
    y[i] = fma((real)(i / repeat), step, start);
#endif
}
