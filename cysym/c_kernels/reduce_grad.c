//! dtypes: f32 f64
/* Gradients of reductions that look at the elements: max, min, norm, prod and the forms that skip NaN.
 *
 * gx and x are dense; the small operands (head gradient, result, ...) are spread over the reduced axes by
 * strides of zero. The gradients of sum and mean are plain copies and need no kernel. */
#include "cysym.h"

#define REDUCE_INLINE static inline __attribute__((always_inline))
enum { DIMS = 6, ROW = DIMS - 1 };
enum { EQUAL, RATIO, SIGN, NOT_NAN, OTHERS, OTHERS_NOT_NAN };

/* `y` is the result, or for products the product of all elements that are not zero, of which there are
 * `zeros`. */
REDUCE_INLINE real reduce_gradient(int op, real x, real g, real y, real zeros) {
    switch (op) {
    case EQUAL:
        return x == y ? g : 0;
    case RATIO:
        return g * x / y;
    case SIGN:
        return x > 0 ? g : x < 0 ? -g : 0;
    case NOT_NAN:
        return x == x ? g : 0;
    default:
        if (op == OTHERS_NOT_NAN && x != x)
            return 0;
        return zeros == 0 ? g * y / x : zeros == 1 && x == 0 ? g * y : 0;
    }
}

REDUCE_INLINE void reduce_back(int op, const cs_call *c, int64_t begin, int64_t end) {
    const int64_t *dim = c->ints, *step = dim + DIMS;
    const real *g = c->ptr[1], *x = c->ptr[2];
    const real *y = op < SIGN || op >= OTHERS ? c->ptr[3] : g, *zeros = op >= OTHERS ? c->ptr[4] : g;
    real *gx = c->ptr[0];
    for (int64_t i = begin, n; i < end; i += n) {
        int64_t at = 0, rest = i / dim[ROW], col = i % dim[ROW];
        for (int d = ROW - 1; d >= 0; d--) {
            at += rest % dim[d] * step[d];
            rest /= dim[d];
        }
        n = cs_min(dim[ROW] - col, end - i);
        if (step[ROW] == 0)
            for (int64_t k = 0; k < n; k++)
                gx[i + k] = reduce_gradient(op, x[i + k], g[at], y[at], zeros[at]);
        else
            for (int64_t k = 0, j = at + col * step[ROW]; k < n; k++, j += step[ROW])
                gx[i + k] = reduce_gradient(op, x[i + k], g[j], y[j], zeros[j]);
    }
}

/* ptr: gx, g, x, y   ints: dims[6], strides[6] of g and y   items: elements of x   gx = x == y ? g : 0 */
CS_KERNEL(reduce_grad_equal) { reduce_back(EQUAL, c, begin, end); }
/* The same operands; gx = g * x / y. */
CS_KERNEL(reduce_grad_norm) { reduce_back(RATIO, c, begin, end); }
/* ptr: gx, g, x   ints and items: as above   gx = g * sign(x) */
CS_KERNEL(reduce_grad_abs) { reduce_back(SIGN, c, begin, end); }
/* ptr: gx, g, x   ints and items: as above   gx = g where x is a number */
CS_KERNEL(reduce_grad_nansum) { reduce_back(NOT_NAN, c, begin, end); }
/* ptr: gx, g, x, product of the elements that are not zero, number of zeros   ints and items: as above */
CS_KERNEL(reduce_grad_prod) { reduce_back(OTHERS, c, begin, end); }
CS_KERNEL(reduce_grad_nanprod) { reduce_back(OTHERS_NOT_NAN, c, begin, end); }
