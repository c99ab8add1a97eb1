//! dtypes: f32 f64
/* Likeness of patches. Coordinates are of the padded images; a pixel of the padding is zero. */
#include "cysym.h"

enum { CH, H, W, OUT_CH, OUT_H, OUT_W, SIDE, FAR, STEP, STEP2, PAD, RADIUS, MULTIPLY, SECOND };

static inline real correlation_at(const real *plane, int64_t y, int64_t x, int64_t h, int64_t w) {
    return y >= 0 && y < h && x >= 0 && x < w ? plane[y * w + x] : 0;
}

/* ptr: out, data1, data2   ints: see the enum, up to MULTIPLY   items: images * displacements * out height */
CS_KERNEL(correlation) {
    const int64_t *s = c->ints, h = s[H], w = s[W], k = s[SIDE], across = 2 * s[RADIUS] + 1;
    const real count = K(k * k * s[CH]);
    for (int64_t item = begin; item < end; item++) {
        const int64_t i = item % s[OUT_H], way = item / s[OUT_H] % s[OUT_CH], n = item / s[OUT_H] / s[OUT_CH];
        const int64_t dx = (way % across - s[RADIUS]) * s[STEP2], dy = (way / across - s[RADIUS]) * s[STEP2];
        real *out = (real *)c->ptr[0] + item * s[OUT_W];
        for (int64_t j = 0; j < s[OUT_W]; j++) {
            const int64_t y0 = i * s[STEP] + s[FAR] - s[PAD], x0 = j * s[STEP] + s[FAR] - s[PAD];
            const real *a = (const real *)c->ptr[1] + n * s[CH] * h * w;
            const real *b = (const real *)c->ptr[2] + n * s[CH] * h * w;
            double sum = 0;
            for (int64_t ch = 0; ch < s[CH]; ch++, a += h * w, b += h * w)
                for (int64_t y = y0; y < y0 + k; y++)
                    for (int64_t x = x0; x < x0 + k; x++) {
                        const real p = correlation_at(a, y, x, h, w),
                                   q = correlation_at(b, y + dy, x + dx, h, w);
                        sum += (double)(s[MULTIPLY] ? p * q : p > q ? p - q : q - p);
                    }
            out[j] = K(sum) / count;
        }
    }
}

/* ptr: grad, dout, data1, data2   ints: see the enum (SECOND: gradient of data2)   items: images * channels
 */
CS_KERNEL(correlation_grad) {
    const int64_t *s = c->ints, h = s[H], w = s[W], k = s[SIDE], across = 2 * s[RADIUS] + 1;
    const real count = K(k * k * s[CH]);
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / s[CH];
        const real *a = (const real *)c->ptr[2] + item * h * w, *b = (const real *)c->ptr[3] + item * h * w;
        const real *g = (const real *)c->ptr[1] + n * s[OUT_CH] * s[OUT_H] * s[OUT_W];
        real *grad = (real *)c->ptr[0] + item * h * w;
        for (int64_t i = 0; i < h * w; i++)
            grad[i] = 0;
        for (int64_t way = 0; way < s[OUT_CH]; way++) {
            const int64_t dx = (way % across - s[RADIUS]) * s[STEP2],
                          dy = (way / across - s[RADIUS]) * s[STEP2];
            for (int64_t i = 0; i < s[OUT_H]; i++)
                for (int64_t j = 0; j < s[OUT_W]; j++, g++) {
                    const int64_t y0 = i * s[STEP] + s[FAR] - s[PAD], x0 = j * s[STEP] + s[FAR] - s[PAD];
                    for (int64_t y = y0; y < y0 + k; y++)
                        for (int64_t x = x0; x < x0 + k; x++) {
                            const int64_t ty = s[SECOND] ? y + dy : y, tx = s[SECOND] ? x + dx : x;
                            if (ty < 0 || ty >= h || tx < 0 || tx >= w)
                                continue;
                            const real p = correlation_at(a, y, x, h, w);
                            const real q = correlation_at(b, y + dy, x + dx, h, w);
                            const real slope =
                                s[MULTIPLY] ? (s[SECOND] ? p : q) : ((p >= q) != s[SECOND] ? 1 : -1);
                            grad[ty * w + tx] += *g * slope / count;
                        }
                }
        }
    }
}
