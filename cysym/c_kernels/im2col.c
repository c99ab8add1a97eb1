//! dtypes: f32 f64
/* Patches as columns and back, in up to three dimensions. Both kernels walk the same rows of places: one row
 * is one tap over one row of the image. */
#include "cysym.h"

typedef struct {
    int64_t channels, in[3], out[3], k[3], s[3], d[3], p[3], to_batch, from_batch;
} patches;

static inline patches patches_of(const cs_call *c) {
    patches v;
    memcpy(&v, c->ints, sizeof v);
    return v;
}

/* Places o in [from, to) whose tap at `tap` (in pixels) lies inside, along the last dimension. */
typedef struct {
    int64_t from, to;
} patches_range;

static inline patches_range patches_inside(const patches *v, int axis, int64_t tap) {
    const int64_t first = v->p[axis] - tap, s = v->s[axis], last = v->in[axis] - 1 + first;
    const int64_t from = first > 0 ? cs_min(cs_div_up(first, s), v->out[axis]) : 0;
    return (patches_range){from, last < 0 ? from : cs_max(from, cs_min(last / s + 1, v->out[axis]))};
}

/* Image row of place row (d, h) under tap (td, th), or -1 in the padding. */
static inline int64_t patches_row(const patches *v, int64_t d, int64_t h, int64_t td, int64_t th) {
    const int64_t z = d * v->s[0] - v->p[0] + td * v->d[0], y = h * v->s[1] - v->p[1] + th * v->d[1];
    return z < 0 || z >= v->in[0] || y < 0 || y >= v->in[1] ? -1 : (z * v->in[1] + y) * v->in[2];
}

/* ptr: columns, image   ints: channels, in x3, out x3, kernel x3, stride x3, dilate x3, pad x3, batch strides
 * of columns and image   items: images * channels * taps */
CS_KERNEL(im2col) {
    const patches v = patches_of(c);
    const int64_t taps = v.k[0] * v.k[1] * v.k[2], pixels = v.in[0] * v.in[1] * v.in[2];
    const int64_t places = v.out[0] * v.out[1] * v.out[2];
    for (int64_t item = begin; item < end; item++) {
        const int64_t tap = item % taps, plane = item / taps, channel = plane % v.channels;
        const int64_t tw = tap % v.k[2] * v.d[2], th = tap / v.k[2] % v.k[1], td = tap / (v.k[2] * v.k[1]);
        const real *x = (const real *)c->ptr[1] + plane / v.channels * v.from_batch + channel * pixels;
        real *y = (real *)c->ptr[0] + plane / v.channels * v.to_batch + (channel * taps + tap) * places;
        const patches_range w = patches_inside(&v, 2, tw);
        for (int64_t row = 0; row < v.out[0] * v.out[1]; row++, y += v.out[2]) {
            const int64_t at = patches_row(&v, row / v.out[1], row % v.out[1], td, th);
            const patches_range in = at < 0 ? (patches_range){v.out[2], v.out[2]} : w;
            const int64_t shift = at - v.p[2] + tw;
            for (int64_t o = 0; o < in.from; o++)
                y[o] = 0;
            if (v.s[2] == 1)
                for (int64_t o = in.from; o < in.to; o++)
                    y[o] = x[shift + o];
            else
                for (int64_t o = in.from; o < in.to; o++)
                    y[o] = x[shift + o * v.s[2]];
            for (int64_t o = in.to; o < v.out[2]; o++)
                y[o] = 0;
        }
    }
}

/* ptr: image, columns   ints: as im2col, batch strides of image and columns   items: images * channels */
CS_KERNEL(col2im) {
    const patches v = patches_of(c);
    const int64_t taps = v.k[0] * v.k[1] * v.k[2], pixels = v.in[0] * v.in[1] * v.in[2];
    const int64_t places = v.out[0] * v.out[1] * v.out[2];
    for (int64_t plane = begin; plane < end; plane++) {
        const int64_t channel = plane % v.channels;
        real *y = (real *)c->ptr[0] + plane / v.channels * v.to_batch + channel * pixels;
        const real *x = (const real *)c->ptr[1] + plane / v.channels * v.from_batch + channel * taps * places;
        for (int64_t i = 0; i < pixels; i++)
            y[i] = 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t tw = tap % v.k[2] * v.d[2], th = tap / v.k[2] % v.k[1],
                          td = tap / (v.k[2] * v.k[1]);
            const patches_range w = patches_inside(&v, 2, tw);
            for (int64_t row = 0; row < v.out[0] * v.out[1]; row++, x += v.out[2]) {
                const int64_t at = patches_row(&v, row / v.out[1], row % v.out[1], td, th);
                if (at < 0)
                    continue;
                const int64_t shift = at - v.p[2] + tw;
                if (v.s[2] == 1)
                    for (int64_t o = w.from; o < w.to; o++)
                        y[shift + o] += x[o];
                else
                    for (int64_t o = w.from; o < w.to; o++)
                        y[shift + o * v.s[2]] += x[o];
            }
        }
    }
}
