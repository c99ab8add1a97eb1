//! dtypes: f32 f64
/* What the _v1 and contrib variants of layers do differently; see c_kernels/legacy_layers.c. */

typedef struct {
    long from, to;
} range_v1;

/* Window of output o along one axis, ended where the padding ends. */
static inline range_v1 pool_v1_window(long o, long k, long s, long p, long size) {
    const long from = o * s - p;
    return (range_v1){from, min(from + k, size + p)};
}

/* Outputs whose window covers input position i. */
static inline range_v1 pool_v1_cover(long i, long k, long s, long p, long count) {
    const long first = i + p - k;
    return (range_v1){first < 0 ? 0 : first / s + 1, min((i + p) / s + 1, count)};
}

//! grid pool_v1_max: items * od * oh * ow, local 64
// ptr: y, x   ints: channels, batch strides, in, out, kernel, stride, pad, mode   items: planes
__kernel void pool_v1_max(OUT(y), IN(x), INT(channels), INT(xb), INT(yb), INT(id), INT(ih), INT(iw), INT(od),
                          INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(pd),
                          INT(ph), INT(pw), INT(mode), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long outs = od * oh * ow, at = get_global_id(0);
    if (at >= items * outs)
        return;
    const long o = at % outs, plane = at / outs;
    const range_v1 d = pool_v1_window(o / (oh * ow), kd, sd, pd, id),
                   h = pool_v1_window(o / ow % oh, kh, sh, ph, ih);
    const range_v1 w = pool_v1_window(o % ow, kw, sw, pw, iw);
    const int empty = d.from >= d.to || h.from >= h.to || w.from >= w.to;
    const int padded = d.from < 0 || d.to > id || h.from < 0 || h.to > ih || w.from < 0 || w.to > iw;
    x += plane / channels * xb + plane % channels * id * ih * iw;
    real most = padded && !empty ? 0 : -INFINITY;
    for (long i = max(d.from, 0L); i < min(d.to, id); i++)
        for (long j = max(h.from, 0L); j < min(h.to, ih); j++)
            for (long k = max(w.from, 0L); k < min(w.to, iw); k++) {
                const real a = x[(i * ih + j) * iw + k];
                most = a > most || a != a ? a : most;
            }
    y[plane / channels * yb + plane % channels * outs + o] = most;
}

//! grid pool_v1_max_grad: items * id * ih * iw, local 64
// ptr: dx, dy, x, y   ints: as pool_v1_max, then batch strides of x and y   items: planes
__kernel void pool_v1_max_grad(OUT(dx), IN(dy), IN(x), IN(y), INT(channels), INT(dxb), INT(dyb), INT(id),
                               INT(ih), INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh), INT(kw),
                               INT(sd), INT(sh), INT(sw), INT(pd), INT(ph), INT(pw), INT(mode), INT(xb),
                               INT(yb), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(y);
    const long ins = id * ih * iw, at = get_global_id(0);
    if (at >= items * ins)
        return;
    const long place = at % ins, plane = at / ins, image = plane / channels, channel = plane % channels;
    const range_v1 d = pool_v1_cover(place / (ih * iw), kd, sd, pd, od);
    const range_v1 h = pool_v1_cover(place / iw % ih, kh, sh, ph, oh),
                   w = pool_v1_cover(place % iw, kw, sw, pw, ow);
    const real a = x[image * xb + channel * ins + place];
    y += image * yb + channel * od * oh * ow;
    dy += image * dyb + channel * od * oh * ow;
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const long o = (i * oh + j) * ow + k;
                sum += a == y[o] ? dy[o] : 0;
            }
    dx[image * dxb + channel * ins + place] = sum;
}

// ptr: var, scale   floats: eps   items: channels   scale = 1 / sqrt(var + eps)
__kernel void bn_variance_of(OUT(var), IN(scale), FLOAT(eps), ITEMS) {
    USE_OUT(var);
    USE_IN(scale);
    const long i = get_global_id(0);
    if (i < items)
        var[i] = max(1 / (scale[i] * scale[i]) - eps, K(0));
}

// ptr: scale, var   floats: eps   items: channels
__kernel void bn_scale_of(OUT(scale), IN(var), FLOAT(eps), ITEMS) {
    USE_OUT(scale);
    USE_IN(var);
    const long i = get_global_id(0);
    if (i < items)
        scale[i] = 1 / SQRT(var[i] + eps);
}

//! grid bn_relu: items * each, local 64
// ptr: y, x   ints: each, step   items: rows
__kernel void bn_relu(OUT(y), IN(x), INT(each), INT(step), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0), i = at / each * step + at % each;
    if (at < items * each)
        y[i] = x[i] < 0 ? 0 : x[i];
}

// ptr: g, dy, y   items: elements
__kernel void bn_relu_grad(OUT(g), IN(dy), IN(y), ITEMS) {
    USE_OUT(g);
    USE_IN(dy);
    USE_IN(y);
    const long i = get_global_id(0);
    if (i < items)
        g[i] = y[i] > 0 ? dy[i] : 0;
}
