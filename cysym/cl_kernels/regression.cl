//! dtypes: f32 f64
/* Regression heads: the logistic function, and the gradient all heads share. */

// ptr: y, x   items: elements
__kernel void regression_logistic(OUT(y), IN(x), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = K(1) / (K(1) + EXP(-x[i]));
}

// ptr: dx, y, label   ints: is_absolute   floats: scale   items: elements
__kernel void regression_grad(OUT(dx), IN(y), IN(label), INT(is_absolute), FLOAT(scale), ITEMS) {
    USE_OUT(dx);
    USE_IN(y);
    USE_IN(label);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real d = y[i] - label[i];
    dx[i] = (!is_absolute ? d : d > 0 ? K(1) : d <= 0 ? K(-1) : d) * scale; /* the last d is NaN */
}
