//! dtypes: f32 f64 u8 i8 i32 i64
/* Running sums, a work-item a column; see c_kernels/cumsum.c. */

// ptr: y, x   ints: n, inner, reverse   items: outer * blocks of 64 columns
//! grid cumsum: items * 64
__kernel void cumsum(OUT(y), IN(x), INT(n), INT(inner), INT(reverse), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long blocks = (inner + 63) / 64, item = get_global_id(0) / 64;
    const long column = item % blocks * 64 + get_global_id(0) % 64;
    if (item >= items || column >= inner)
        return;
    long at = item / blocks * n * inner + column + (reverse ? (n - 1) * inner : 0);
    real sum = 0;
#if CS_IS_FLOATING
    real lost = 0; // what rounding took from the sum so far (Kahan)
#endif
    for (long i = 0; i < n; i++, at += reverse ? -inner : inner) {
#if CS_IS_FLOATING
        const real add = x[at] - lost, next = sum + add;
        lost = isfinite(next) ? (next - sum) - add : K(0);
        sum = next;
#else
        sum += x[at];
#endif
        y[at] = sum;
    }
}
