//! dtypes: f32 f64
/* Gradients of reductions that look at the elements; see c_kernels/reduce_grad.c. One work-item an element of
 * x. */

/* Offset in the small operands of element `i` of x. `p`: dims[6], strides[6]. */
static inline long reduce_spread(long i, __constant long *p) {
    long at = 0;
    for (int d = 5; d >= 0 && i; d--) {
        at += i % p[d] * p[d + 6];
        i /= p[d];
    }
    return at;
}

// ptr: gx, g, x, y   ints: dims[6], strides[6] of g and y   items: elements of x
__kernel void reduce_grad_equal(OUT(gx), IN(g), IN(x), IN(y), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    USE_IN(y);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long at = reduce_spread(i, ints);
    gx[i] = x[i] == y[at] ? g[at] : K(0);
}

// ptr: gx, g, x, y   ints and items: as above
__kernel void reduce_grad_norm(OUT(gx), IN(g), IN(x), IN(y), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    USE_IN(y);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long at = reduce_spread(i, ints);
    gx[i] = g[at] * x[i] / y[at];
}

// ptr: gx, g, x   ints and items: as above
__kernel void reduce_grad_abs(OUT(gx), IN(g), IN(x), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real head = g[reduce_spread(i, ints)];
    gx[i] = x[i] > 0 ? head : x[i] < 0 ? -head : K(0);
}

// ptr: gx, g, x   ints and items: as above
__kernel void reduce_grad_nansum(OUT(gx), IN(g), IN(x), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i < items)
        gx[i] = isnan(x[i]) ? K(0) : g[reduce_spread(i, ints)];
}

/* `others` is the product of the elements that are not zero. */
static inline real reduce_of_product(real x, real g, real others, real zeros) {
    return zeros == 0 ? g * others / x : zeros == 1 && x == 0 ? g * others : K(0);
}

// ptr: gx, g, x, product of the elements that are not zero, number of zeros   ints and items: as above
__kernel void reduce_grad_prod(OUT(gx), IN(g), IN(x), IN(others), IN(zeros), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    USE_IN(others);
    USE_IN(zeros);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long at = reduce_spread(i, ints);
    gx[i] = reduce_of_product(x[i], g[at], others[at], zeros[at]);
}

// ptr, ints and items: as reduce_grad_prod
__kernel void reduce_grad_nanprod(OUT(gx), IN(g), IN(x), IN(others), IN(zeros), INTS, ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN(x);
    USE_IN(others);
    USE_IN(zeros);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long at = reduce_spread(i, ints);
    gx[i] = isnan(x[i]) ? K(0) : reduce_of_product(x[i], g[at], others[at], zeros[at]);
}
