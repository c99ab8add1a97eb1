//! dtypes: f32 f64 i32 i64
/* Gradients of lookups; see c_kernels/index_grad.c. */

// ptr: ga, ograd, flat (int64, inside)   ints: n, inner, count (of indices)   items: outer * inner
__kernel void take_grad(OUT(y), IN(x), IN_T(long, flat), INT(n), INT(inner), INT(count), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN_T(long, flat);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long column = i % inner, top = i / inner * n * inner + column,
               from = i / inner * count * inner + column;
    for (long k = 0; k < n; k++)
        y[top + k * inner] = 0;
    for (long k = 0; k < count; k++)
        y[top + flat[k] * inner] += x[from + k * inner];
}

// ptr: ga (zeros), ga again, ograd, flat (int64, inside), order (int32)   ints: n, inner, count
// items: outer * count * inner
__kernel void take_grad_sorted(OUT(y), IN(zeros), IN(x), IN_T(long, flat), IN_T(int, order), INT(n),
                               INT(inner), INT(count), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN_T(long, flat);
    USE_IN_T(int, order);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long at = i % inner, first = i / inner % count, outer = i / inner / count;
    const long place = flat[order[first]];
    if (first && flat[order[first - 1]] == place)
        return;
    real sum = 0;
    for (long k = first; k < count && flat[order[k]] == place; k++)
        sum += x[(outer * count + order[k]) * inner + at];
    y[(outer * n + place) * inner + at] = sum;
}
