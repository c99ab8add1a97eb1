//! dtypes: f32 f64
/* Pooling over planes of up to three axes. Forward, a work-item is one output; backward it is one input
 * element, which gathers from the outputs whose window covers it, in their order: no atomics, the same sums
 * every time. */

#if CS_DT_f64
#define POOL_LOWEST -1.7976931348623157e308
#else
#define POOL_LOWEST -3.40282347e38f
#endif

typedef struct {
    long from, to;
} pool_range;

/* Input positions under the window of output o, along one axis. */
static inline pool_range pool_window(long o, long k, long s, long p, long size) {
    const long start = o * s - p;
    return (pool_range){max(start, 0L), min(start + k, size)};
}

/* Outputs whose window covers input position i. */
static inline pool_range pool_cover(long i, long k, long s, long p, long count) {
    const long first = i + p - k;
    return (pool_range){first < 0 ? 0 : first / s + 1, min((i + p) / s + 1, count)};
}

/* What an average divides by, along one axis: mode 1 counts padding, 2 does not, 3 always takes the
 * whole window. */
static inline long pool_count(long o, long k, long s, long p, long size, long mode) {
    const long start = o * s - p;
    if (mode == 3)
        return k;
    return mode == 2 ? max(min(start + k, size) - max(start, 0L), 0L)
                     : max(min(start + k, size + p) - start, 0L);
}

static inline int pool_is_max(real x, real m) { return x == m || (x != x && m != m); }

/* Coordinates of work-item `at` among planes of a x b x c elements. */
#define POOL_PLACE(at, a, b, c)                                                                              \
    const long zz = (at) / ((b) * (c)) % (a), yy = (at) / (c) % (b), xx = (at) % (c);                        \
    const long plane = (at) / ((a) * (b) * (c)), image = plane / channels, channel = plane % channels;       \
    const long in_at = image * xb + channel * id * ih * iw, out_at = image * yb + channel * od * oh * ow

#define POOL_WINDOWS                                                                                         \
    const pool_range d = pool_window(zz, kd, sd, pd, id), h = pool_window(yy, kh, sh, ph, ih);               \
    const pool_range w = pool_window(xx, kw, sw, pw, iw)

#define POOL_COVERS                                                                                          \
    const pool_range d = pool_cover(zz, kd, sd, pd, od), h = pool_cover(yy, kh, sh, ph, oh);                 \
    const pool_range w = pool_cover(xx, kw, sw, pw, ow)

//! grid pool_max: items * od * oh * ow, local 64
// ptr: y, x   ints: channels, batch strides, in, out, kernel, stride, pad, mode   items: planes
__kernel void pool_max(OUT(y), IN(x), INT(channels), INT(xb), INT(yb), INT(id), INT(ih), INT(iw), INT(od),
                       INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(pd),
                       INT(ph), INT(pw), INT(mode), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0);
    if (at >= items * od * oh * ow)
        return;
    POOL_PLACE(at, od, oh, ow);
    POOL_WINDOWS;
    const int is_empty = d.from >= d.to || h.from >= h.to || w.from >= w.to;
    real m = is_empty ? POOL_LOWEST : -INFINITY;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const real v = x[in_at + (i * ih + j) * iw + k];
                m = v > m || v != v ? v : m;
            }
    y[out_at + (zz * oh + yy) * ow + xx] = m;
}

//! grid pool_sum: items * od * oh * ow, local 64
// ptr: y, x   ints: channels, batch strides, in, out, kernel, stride, pad, mode   items: planes
__kernel void pool_sum(OUT(y), IN(x), INT(channels), INT(xb), INT(yb), INT(id), INT(ih), INT(iw), INT(od),
                       INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(pd),
                       INT(ph), INT(pw), INT(mode), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0);
    if (at >= items * od * oh * ow)
        return;
    POOL_PLACE(at, od, oh, ow);
    POOL_WINDOWS;
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++) {
            real part = 0; /* rows first: large windows keep their digits */
            for (long k = w.from; k < w.to; k++)
                part += x[in_at + (i * ih + j) * iw + k];
            sum += part;
        }
    const long size = pool_count(zz, kd, sd, pd, id, mode) * pool_count(yy, kh, sh, ph, ih, mode) *
                      pool_count(xx, kw, sw, pw, iw, mode);
    y[out_at + (zz * oh + yy) * ow + xx] = mode == 0 ? sum : size > 0 ? sum / K(size) : 0;
}

//! grid pool_norm: items * od * oh * ow, local 64
// ptr: y, x   ints: channels, batch strides, in, out, kernel, stride, pad, mode   items: planes
__kernel void pool_norm(OUT(y), IN(x), INT(channels), INT(xb), INT(yb), INT(id), INT(ih), INT(iw), INT(od),
                        INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(pd),
                        INT(ph), INT(pw), INT(mode), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long at = get_global_id(0);
    if (at >= items * od * oh * ow)
        return;
    POOL_PLACE(at, od, oh, ow);
    POOL_WINDOWS;
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const real v = x[in_at + (i * ih + j) * iw + k];
                sum += mode == 1 ? v : mode == 2 ? v * v : v * v * v;
            }
    y[out_at + (zz * oh + yy) * ow + xx] = mode == 1 ? sum : mode == 2 ? SQRT(sum) : CBRT(sum);
}

/* Whether input (z, y, x) is the first maximum m of the window of output (i, j, k): nothing before it equals
 * m. */
static inline int pool_is_first(__global const real *x, real m, pool_range d, pool_range h, pool_range w,
                                long ih, long iw, long zz, long yy, long xx) {
    for (long i = d.from; i <= zz; i++)
        for (long j = h.from; j < (i == zz ? yy + 1 : h.to); j++)
            for (long k = w.from; k < (i == zz && j == yy ? xx : w.to); k++)
                if (pool_is_max(x[(i * ih + j) * iw + k], m))
                    return 0;
    return 1;
}

//! grid pool_max_grad: items * id * ih * iw, local 64
// ptr: dx, dy, x, y   ints: channels, batch strides, in, out, kernel, stride, pad, mode, batch strides of x,
// y   items: planes
__kernel void pool_max_grad(OUT(dx), IN(dy), IN(x), IN(y), INT(channels), INT(xb), INT(yb), INT(id), INT(ih),
                            INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh),
                            INT(sw), INT(pd), INT(ph), INT(pw), INT(mode), INT(xb2), INT(yb2), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(y);
    const long at = get_global_id(0);
    if (at >= items * id * ih * iw)
        return;
    POOL_PLACE(at, id, ih, iw);
    POOL_COVERS;
    x += image * xb2 + channel * id * ih * iw;
    y += image * yb2 + channel * od * oh * ow;
    const real v = x[(zz * ih + yy) * iw + xx];
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const long o = (i * oh + j) * ow + k;
                const real m = y[o];
                if (!pool_is_max(v, m))
                    continue;
                const pool_range dd = pool_window(i, kd, sd, pd, id), hh = pool_window(j, kh, sh, ph, ih);
                const pool_range ww = pool_window(k, kw, sw, pw, iw);
                if (pool_is_first(x, m, dd, hh, ww, ih, iw, zz, yy, xx))
                    sum += dy[out_at + o];
            }
    dx[in_at + (zz * ih + yy) * iw + xx] = sum;
}

//! grid pool_sum_grad: items * id * ih * iw, local 64
// ptr: dx, dy   ints: channels, batch strides, in, out, kernel, stride, pad, mode   items: planes
__kernel void pool_sum_grad(OUT(dx), IN(dy), INT(channels), INT(xb), INT(yb), INT(id), INT(ih), INT(iw),
                            INT(od), INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw),
                            INT(pd), INT(ph), INT(pw), INT(mode), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    const long at = get_global_id(0);
    if (at >= items * id * ih * iw)
        return;
    POOL_PLACE(at, id, ih, iw);
    POOL_COVERS;
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const long o = (i * oh + j) * ow + k;
                const long size = mode == 0 ? 1
                                            : pool_count(i, kd, sd, pd, id, mode) *
                                                  pool_count(j, kh, sh, ph, ih, mode) *
                                                  pool_count(k, kw, sw, pw, iw, mode);
                sum += dy[out_at + o] / K(size);
            }
    dx[in_at + (zz * ih + yy) * iw + xx] = sum;
}

//! grid pool_norm_grad: items * id * ih * iw, local 64
// ptr: dx, dy, x, y   ints: channels, batch strides, in, out, kernel, stride, pad, mode, batch strides of x,
// y   items: planes
__kernel void pool_norm_grad(OUT(dx), IN(dy), IN(x), IN(y), INT(channels), INT(xb), INT(yb), INT(id), INT(ih),
                             INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd), INT(sh),
                             INT(sw), INT(pd), INT(ph), INT(pw), INT(mode), INT(xb2), INT(yb2), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(y);
    const long at = get_global_id(0);
    if (at >= items * id * ih * iw)
        return;
    POOL_PLACE(at, id, ih, iw);
    POOL_COVERS;
    x += image * xb2 + channel * id * ih * iw;
    y += image * yb2 + channel * od * oh * ow;
    const real v = x[(zz * ih + yy) * iw + xx];
    real sum = 0;
    for (long i = d.from; i < d.to; i++)
        for (long j = h.from; j < h.to; j++)
            for (long k = w.from; k < w.to; k++) {
                const long o = (i * oh + j) * ow + k;
                const real g = dy[out_at + o], ratio = y[o] == 0 ? K(0) : v / y[o];
                sum += mode == 1 ? g : mode == 2 ? g * ratio : g * ratio * ratio;
            }
    dx[in_at + (zz * ih + yy) * iw + xx] = sum;
}
