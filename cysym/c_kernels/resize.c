//! dtypes: f32 f64
/* Images brought to another size: averages of adaptive windows and bilinear interpolation. An item is a row
 * of a plane of what is written; sums run in double, in the order of what is read. */
#include "cysym.h"

/* Image and result are ih x iw and oh x ow pixels; the bilinear kernels know three numbers a direction. */
enum { CHANNELS, IH, IW, OH, OW, TO_BATCH, FROM_BATCH, AH, BH, QH, AW, BW, QW };

typedef struct {
    int64_t from, to;
} resize_range;

static inline real *resize_to(const cs_call *c, int64_t plane, int64_t pixels) {
    const int64_t *p = c->ints;
    return (real *)c->ptr[0] + plane / p[CHANNELS] * p[TO_BATCH] + plane % p[CHANNELS] * pixels;
}
static inline const real *resize_from(const cs_call *c, int64_t plane, int64_t pixels) {
    const int64_t *p = c->ints;
    return (const real *)c->ptr[1] + plane / p[CHANNELS] * p[FROM_BATCH] + plane % p[CHANNELS] * pixels;
}

/* Window of place i of n over m positions; of a position over the windows that hold it, with n and m swapped.
 */
static inline resize_range resize_window(int64_t i, int64_t n, int64_t m) {
    return (resize_range){i * m / n, cs_div_up((i + 1) * m, n)};
}

/* ptr: y, x   ints: channels, image, result, batch strides of y and x   items: images * channels * oh */
CS_KERNEL(adaptive_pool) {
    const int64_t *p = c->ints, ih = p[IH], iw = p[IW], oh = p[OH], ow = p[OW];
    for (int64_t item = begin; item < end; item++) {
        const resize_range h = resize_window(item % oh, oh, ih);
        const real *x = resize_from(c, item / oh, ih * iw);
        real *y = resize_to(c, item / oh, oh * ow) + item % oh * ow;
        for (int64_t o = 0; o < ow; o++) {
            const resize_range w = resize_window(o, ow, iw);
            double sum = 0;
            for (int64_t i = h.from; i < h.to; i++)
                for (int64_t j = w.from; j < w.to; j++)
                    sum += x[i * iw + j];
            y[o] = K(sum / (double)((h.to - h.from) * (w.to - w.from)));
        }
    }
}

/* ptr: dx, dy   ints: as adaptive_pool, batch strides of dx and dy   items: images * channels * ih */
CS_KERNEL(adaptive_pool_grad) {
    const int64_t *p = c->ints, ih = p[IH], iw = p[IW], oh = p[OH], ow = p[OW];
    for (int64_t item = begin; item < end; item++) {
        const resize_range h = resize_window(item % ih, ih, oh);
        const real *dy = resize_from(c, item / ih, oh * ow);
        real *dx = resize_to(c, item / ih, ih * iw) + item % ih * iw;
        for (int64_t i = 0; i < iw; i++)
            dx[i] = 0;
        for (int64_t o = 0; o < ow; o++) {
            const resize_range w = resize_window(o, ow, iw);
            double sum = 0;
            for (int64_t y = h.from; y < h.to; y++) {
                const resize_range rows = resize_window(y, oh, ih);
                sum += dy[y * ow + o] / (double)((rows.to - rows.from) * (w.to - w.from));
            }
            for (int64_t i = w.from; i < w.to; i++)
                dx[i] += K(sum);
        }
    }
}

/* Place of output o in units of 1 / q pixels, moved to the nearest edge. */
static inline int64_t resize_place(const int64_t *p, int axis, int64_t o) {
    const int64_t at = o * p[AH + 3 * axis] + p[BH + 3 * axis];
    return cs_min(cs_max(at, 0), (p[IH + axis] - 1) * p[QH + 3 * axis]);
}

/* ptr: y, x   ints: as adaptive_pool, then a, b, q of each direction   items: images * channels * oh */
CS_KERNEL(bilinear_resize) {
    const int64_t *p = c->ints, ih = p[IH], iw = p[IW], oh = p[OH], ow = p[OW];
    for (int64_t item = begin; item < end; item++) {
        const int64_t at = resize_place(p, 0, item % oh), top = at / p[QH];
        const real down = (real)(at - top * p[QH]) / (real)p[QH];
        const real *x = resize_from(c, item / oh, ih * iw) + top * iw, *below = top + 1 < ih ? x + iw : x;
        real *y = resize_to(c, item / oh, oh * ow) + item % oh * ow;
        int64_t left = 0;
        for (int64_t o = 0; o < ow; o++) {
            const int64_t place = resize_place(p, 1, o);
            while ((left + 1) * p[QW] <= place)
                left++;
            const int64_t next = left + 1 < iw ? left + 1 : left;
            const real right = (real)(place - left * p[QW]) / (real)p[QW];
            y[o] = (1 - down) * ((1 - right) * x[left] + right * x[next]) +
                   down * ((1 - right) * below[left] + right * below[next]);
        }
    }
}

/* Outputs less than a pixel away from position i. */
static inline resize_range resize_near(const int64_t *p, int axis, int64_t i) {
    const int64_t a = p[AH + 3 * axis], b = p[BH + 3 * axis], q = p[QH + 3 * axis], out = p[OH + axis];
    const int64_t low = (i - 1) * q - b, high = (i + 1) * q - b;
    const int64_t from = a && i > 0 && low > 0 ? low / a : 0;
    return (resize_range){from, a && i + 1 < p[IH + axis] ? cs_min(cs_div_up(cs_max(high, 0), a), out) : out};
}

/* Share of position i in output o: 1 at its place, falling to 0 a pixel away. */
static inline double resize_share(const int64_t *p, int axis, int64_t i, int64_t o) {
    const int64_t q = p[QH + 3 * axis], away = resize_place(p, axis, o) - i * q;
    return (double)cs_max(q - (away < 0 ? -away : away), 0) / (double)q;
}

/* ptr: dx, dy   ints: as bilinear_resize, batch strides of dx and dy   items: images * channels * ih
 * The rows' shares are made once; `lower` sees to it that there are fewer than fill the scratch. */
CS_KERNEL(bilinear_resize_grad) {
    const int64_t *p = c->ints, ih = p[IH], iw = p[IW], oh = p[OH], ow = p[OW];
    double *share = cs_scratch();
    for (int64_t item = begin; item < end; item++) {
        const resize_range h = resize_near(p, 0, item % ih);
        int64_t first = h.from, rows = 0;
        for (int64_t y = h.from; y < h.to; y++) {
            const double s = resize_share(p, 0, item % ih, y);
            if (s > 0)
                share[rows++] = s;
            else if (rows == 0)
                first = y + 1;
        }
        const real *dy = resize_from(c, item / ih, oh * ow) + first * ow;
        real *dx = resize_to(c, item / ih, ih * iw) + item % ih * iw;
        for (int64_t i = 0; i < iw; i++) {
            const resize_range w = resize_near(p, 1, i);
            double sum = 0;
            for (int64_t o = w.from; o < w.to; o++) {
                const double s = resize_share(p, 1, i, o);
                double part = 0;
                for (int64_t y = 0; s > 0 && y < rows; y++)
                    part += share[y] * dy[y * ow + o];
                sum += s * part;
            }
            dx[i] = K(sum);
        }
    }
}
