//! dtypes: f32 f64 i64
/* What creation operators compute; fills are in copy.c. */
#include "cysym.h"

/* ptr: y   ints: repeat, start, step   floats: start, step   items: elements
 * y[i] = start + (i / repeat) * step, in whole numbers where the type is int64 */
CS_KERNEL(arange) {
    const int64_t repeat = c->ints[0];
    real *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
#if CS_DT_i64
        y[i] = c->ints[1] + i / repeat * c->ints[2];
#else
        y[i] = (real)(c->floats[0] + (double)(i / repeat) * c->floats[1]);
#endif
}
