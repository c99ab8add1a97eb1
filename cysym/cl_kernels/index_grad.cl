//! dtypes: f32 f64 i32 i64
/* The gradient of take; see c_kernels/index_grad.c. A work-item owns one column of the table. */

// ptr: ga, ograd, indices (int64)   ints: n, inner, count (of indices), wraps   items: outer * inner
__kernel void take_grad(OUT(y), IN(x), IN_T(long, index), INT(n), INT(inner), INT(count), INT(wraps), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN_T(long, index);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long column = i % inner, top = i / inner * n * inner + column,
               from = i / inner * count * inner + column;
    for (long k = 0; k < n; k++)
        y[top + k * inner] = 0;
    for (long k = 0; k < count; k++) {
        const long row = wraps ? (index[k] % n + n) % n : clamp(index[k], (long)0, n - 1);
        y[top + row * inner] += x[from + k * inner];
    }
}
