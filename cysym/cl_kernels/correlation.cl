//! dtypes: f32 f64
/* Likeness of patches; see c_kernels/correlation.c. */

static inline real correlation_at(__global const real *plane, long y, long x, long h, long w) {
    return y >= 0 && y < h && x >= 0 && x < w ? plane[y * w + x] : K(0);
}

// ptr: out, data1, data2   items: images * displacements * out height
//! grid correlation: items * out_w
__kernel void correlation(OUT(out), IN(data1), IN(data2), INT(channels), INT(h), INT(w), INT(out_ch),
                          INT(out_h), INT(out_w), INT(side), INT(far), INT(stride), INT(stride2), INT(pad),
                          INT(radius), INT(multiply), ITEMS) {
    USE_OUT(out);
    USE_IN(data1);
    USE_IN(data2);
    const long at = get_global_id(0);
    if (at >= items * out_w)
        return;
    const long j = at % out_w, i = at / out_w % out_h, way = at / out_w / out_h % out_ch;
    const long n = at / out_w / out_h / out_ch, across = 2 * radius + 1;
    const long dx = (way % across - radius) * stride2, dy = (way / across - radius) * stride2;
    const long y0 = i * stride + far - pad, x0 = j * stride + far - pad;
    real sum = 0;
    for (long ch = 0; ch < channels; ch++) {
        __global const real *a = data1 + (n * channels + ch) * h * w;
        __global const real *b = data2 + (n * channels + ch) * h * w;
        for (long y = y0; y < y0 + side; y++)
            for (long x = x0; x < x0 + side; x++) {
                const real p = correlation_at(a, y, x, h, w), q = correlation_at(b, y + dy, x + dx, h, w);
                sum += multiply ? p * q : p > q ? p - q : q - p;
            }
    }
    out[at] = sum / (real)(side * side * channels);
}

// ptr: grad, dout, data1, data2   items: images * channels
__kernel void correlation_grad(OUT(grad), IN(dout), IN(data1), IN(data2), INT(channels), INT(h), INT(w),
                               INT(out_ch), INT(out_h), INT(out_w), INT(side), INT(far), INT(stride),
                               INT(stride2), INT(pad), INT(radius), INT(multiply), INT(second), ITEMS) {
    USE_OUT(grad);
    USE_IN(dout);
    USE_IN(data1);
    USE_IN(data2);
    const long item = get_global_id(0), across = 2 * radius + 1;
    if (item >= items)
        return;
    __global const real *a = data1 + item * h * w, *b = data2 + item * h * w;
    __global const real *g = dout + item / channels * out_ch * out_h * out_w;
    __global real *to = grad + item * h * w;
    const real count = (real)(side * side * channels);
    for (long i = 0; i < h * w; i++)
        to[i] = 0;
    for (long at = 0; at < out_ch * out_h * out_w; at++) {
        const long j = at % out_w, i = at / out_w % out_h, way = at / out_w / out_h;
        const long dx = (way % across - radius) * stride2, dy = (way / across - radius) * stride2;
        const long y0 = i * stride + far - pad, x0 = j * stride + far - pad;
        for (long y = y0; y < y0 + side; y++)
            for (long x = x0; x < x0 + side; x++) {
                const long ty = second ? y + dy : y, tx = second ? x + dx : x;
                if (ty < 0 || ty >= h || tx < 0 || tx >= w)
                    continue;
                const real p = correlation_at(a, y, x, h, w), q = correlation_at(b, y + dy, x + dx, h, w);
                const real slope = multiply ? (second ? p : q) : ((p >= q) != (second != 0) ? K(1) : K(-1));
                to[ty * w + tx] += g[at] * slope / count;
            }
    }
}
