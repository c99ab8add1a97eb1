//! dtypes: f32 f64
/* What the gradient of Pad computes; see c_kernels/pad.c. */

// ptr: y, x   ints: n, before, after, inner, is_reflect   items: elements of y
__kernel void pad_fold(OUT(y), IN(x), INT(n), INT(before), INT(after), INT(inner), INT(is_reflect), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long row = item / inner, i = row % n;
    x += (row / n * (before + n + after) + before) * inner + item % inner;
    real sum = x[i * inner];
    if (is_reflect) {
        if (i > 0 && i <= before)
            sum += x[-i * inner];
        if (i < n - 1 && n - 1 - i <= after)
            sum += x[(2 * (n - 1) - i) * inner];
    } else {
        for (long k = 1; i == 0 && k <= before; k++)
            sum += x[-k * inner];
        for (long k = 0; i == n - 1 && k < after; k++)
            sum += x[(n + k) * inner];
    }
    y[item] = sum;
}
