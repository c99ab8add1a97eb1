//! dtypes: f32 f64
/* What the gradient of Pad computes; forward is copies. */
#include "cysym.h"

/* ptr: y, x   ints: n, before, after, inner, is_reflect   items: elements of y
 * y (outer, n, inner) holds x (outer, before + n + after, inner), the borders along the middle axis added to
 * the elements they were copied from: the nearest ones, or their mirror images. */
CS_KERNEL(pad_fold) {
    const int64_t n = c->ints[0], before = c->ints[1], after = c->ints[2], inner = c->ints[3];
    const int is_reflect = c->ints[4] != 0;
    real *y = c->ptr[0];
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item / inner, i = row % n;
        const real *x =
            (const real *)c->ptr[1] + (row / n * (before + n + after) + before) * inner + item % inner;
        real sum = x[i * inner];
        if (is_reflect) {
            if (i > 0 && i <= before)
                sum += x[-i * inner];
            if (i < n - 1 && n - 1 - i <= after)
                sum += x[(2 * (n - 1) - i) * inner];
        } else {
            for (int64_t k = 1; i == 0 && k <= before; k++)
                sum += x[-k * inner];
            for (int64_t k = 0; i == n - 1 && k < after; k++)
                sum += x[(n + k) * inner];
        }
        y[item] = sum;
    }
}
