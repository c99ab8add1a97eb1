//! dtypes: f32 f64
/* The gradient of the hinge loss, one class against the rest. Labels are class numbers held as floats, cut
 * towards zero; one that names no class (NaN included) has no class on its side. */
#include "cysym.h"

#if CS_DT_f32
#define TRUNC truncf
#else
#define TRUNC trunc
#endif

/* ptr: dx, x, label   ints: n, is_linear   floats: margin, coefficient   items: elements; dx may be x */
CS_KERNEL(svmoutput_grad) {
    const int64_t n = c->ints[0], is_linear = c->ints[1];
    const real margin = K(c->floats[0]), factor = K(is_linear ? c->floats[1] : 2 * c->floats[1]);
    const real *x = c->ptr[1], *labels = c->ptr[2];
    real *dx = c->ptr[0];
    for (int64_t at = begin, stop; at < end; at = stop) { /* the elements of one row at a time */
        const int64_t row = at / n;
        const real label = TRUNC(labels[row]);
        stop = cs_min((row + 1) * n, end);
        for (int64_t i = at; i < stop; i++) {
            const real side = label == K(i - row * n) ? K(-1) : K(1), m = margin + side * x[i];
            dx[i] = m > 0 ? side * factor * (is_linear ? K(1) : m) : m == m ? K(0) : m;
        }
    }
}
