//! dtypes: f32 f64
/* The gradient of the hinge loss, a work-item an element; see c_kernels/svmoutput.c. */

// ptr: dx, x, label   ints: n, is_linear   floats: margin, coefficient   items: elements
__kernel void svmoutput_grad(OUT(dx), IN(x), IN(label), INT(n), INT(is_linear), FLOAT(margin),
                             FLOAT(coefficient), ITEMS) {
    USE_OUT(dx);
    USE_IN(x);
    USE_IN(label);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real side = TRUNC(label[i / n]) == K(i % n) ? K(-1) : K(1), m = margin + side * x[i];
    const real factor = side * coefficient * (is_linear ? K(1) : 2 * m);
    dx[i] = m > 0 ? factor : m == m ? K(0) : m;
}
