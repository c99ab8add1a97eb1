//! dtypes: f32 f64
/* Images brought to another size; see c_kernels/resize.c. A work-item is one pixel of what is written. */

typedef struct {
    long from, to;
} resize_range;

static inline resize_range resize_window(long i, long n, long m) {
    return (resize_range){i * m / n, ((i + 1) * m + n - 1) / n};
}

#define RESIZE_PIXEL(height, width, from_height, from_width)                                                 \
    const long at = get_global_id(0);                                                                        \
    if (at >= items * (width))                                                                               \
        return;                                                                                              \
    const long row = at / (width) % (height), col = at % (width), plane = at / ((width) * (height));         \
    const long to = plane / channels * to_batch + (plane % channels * (height) + row) * (width) + col;       \
    const long from = plane / channels * from_batch + plane % channels * (from_height) * (from_width)

//! grid adaptive_pool: items * ow, local 64
// ptr: y, x   ints: channels, image, result, batch strides   items: images * channels * oh
__kernel void adaptive_pool(OUT(y), IN(x), INT(channels), INT(ih), INT(iw), INT(oh), INT(ow), INT(to_batch),
                            INT(from_batch), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    RESIZE_PIXEL(oh, ow, ih, iw);
    const resize_range h = resize_window(row, oh, ih), w = resize_window(col, ow, iw);
    real sum = 0;
    for (long i = h.from; i < h.to; i++) {
        real part = 0;
        for (long j = w.from; j < w.to; j++)
            part += x[from + i * iw + j];
        sum += part;
    }
    y[to] = sum / K((h.to - h.from) * (w.to - w.from));
}

//! grid adaptive_pool_grad: items * iw, local 64
// ptr: dx, dy   ints: as adaptive_pool, batch strides of dx and dy   items: images * channels * ih
__kernel void adaptive_pool_grad(OUT(dx), IN(dy), INT(channels), INT(ih), INT(iw), INT(oh), INT(ow),
                                 INT(to_batch), INT(from_batch), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    RESIZE_PIXEL(ih, iw, oh, ow);
    const resize_range h = resize_window(row, ih, oh), w = resize_window(col, iw, ow);
    real sum = 0;
    for (long i = h.from; i < h.to; i++) {
        const resize_range rows = resize_window(i, oh, ih);
        real part = 0;
        for (long j = w.from; j < w.to; j++) {
            const resize_range cols = resize_window(j, ow, iw);
            part += dy[from + i * ow + j] / K((rows.to - rows.from) * (cols.to - cols.from));
        }
        sum += part;
    }
    dx[to] = sum;
}

/* Place of output o in units of 1 / q pixels, moved to the nearest edge. */
static inline long resize_place(long o, long a, long b, long q, long size) {
    return clamp(o * a + b, 0L, (size - 1) * q);
}

//! grid bilinear_resize: items * ow, local 64
// ptr: y, x   ints: as adaptive_pool, then a, b, q of each direction   items: images * channels * oh
__kernel void bilinear_resize(OUT(y), IN(x), INT(channels), INT(ih), INT(iw), INT(oh), INT(ow), INT(to_batch),
                              INT(from_batch), INT(ah), INT(bh), INT(qh), INT(aw), INT(bw), INT(qw), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    RESIZE_PIXEL(oh, ow, ih, iw);
    const long h = resize_place(row, ah, bh, qh, ih), w = resize_place(col, aw, bw, qw, iw);
    const long top = h / qh, left = w / qw, next = min(left + 1, iw - 1);
    const real down = K(h % qh) / K(qh), right = K(w % qw) / K(qw);
    x += from;
    __global const real *below = x + min(top + 1, ih - 1) * iw;
    x += top * iw;
    y[to] = (1 - down) * ((1 - right) * x[left] + right * x[next]) +
            down * ((1 - right) * below[left] + right * below[next]);
}

/* Outputs less than a pixel away from position i. */
static inline resize_range resize_near(long i, long a, long b, long q, long size, long out) {
    const long low = (i - 1) * q - b, high = max((i + 1) * q - b, 0L);
    return (resize_range){a && i > 0 && low > 0 ? low / a : 0,
                          a && i + 1 < size ? min((high + a - 1) / a, out) : out};
}

/* Share of position i in output o: 1 at its place, falling to 0 a pixel away. */
static inline real resize_share(long i, long o, long a, long b, long q, long size) {
    const long away = resize_place(o, a, b, q, size) - i * q;
    return K(max(q - (away < 0 ? -away : away), 0L)) / K(q);
}

//! grid bilinear_resize_grad: items * iw, local 64
// ptr: dx, dy   ints: as bilinear_resize, batch strides of dx and dy   items: images * channels * ih
__kernel void bilinear_resize_grad(OUT(dx), IN(dy), INT(channels), INT(ih), INT(iw), INT(oh), INT(ow),
                                   INT(to_batch), INT(from_batch), INT(ah), INT(bh), INT(qh), INT(aw),
                                   INT(bw), INT(qw), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    RESIZE_PIXEL(ih, iw, oh, ow);
    const resize_range h = resize_near(row, ah, bh, qh, ih, oh), w = resize_near(col, aw, bw, qw, iw, ow);
    real sum = 0;
    for (long i = h.from; i < h.to; i++) {
        const real share = resize_share(row, i, ah, bh, qh, ih);
        real part = 0;
        for (long j = share > 0 ? w.from : w.to; j < w.to; j++) {
            const real s = resize_share(col, j, aw, bw, qw, iw);
            part += s > 0 ? s * dy[from + i * ow + j] : 0;
        }
        sum += share > 0 ? share * part : 0;
    }
    dx[to] = sum;
}
