//! dtypes: f32 f64
/* What the _v1 and contrib variants of layers do differently. */
#include "cysym.h"

typedef struct {
    int64_t channels, xb, yb, in[3], out[3], k[3], s[3], p[3], mode;
} pool_v1;

/* Window of output o along one axis: positions from .. to, of which [0, in) are real and the rest zeros. */
static inline void pool_v1_window(const pool_v1 *v, int axis, int64_t o, int64_t *from, int64_t *to) {
    *from = o * v->s[axis] - v->p[axis];
    *to = cs_min(*from + v->k[axis], v->in[axis] + v->p[axis]);
}

/* One output's window, cut to the real elements; `padded` if it holds others. */
typedef struct {
    int64_t from[3], to[3];
    int padded, empty;
} window_v1;

static inline window_v1 pool_v1_cut(const pool_v1 *v, int64_t o) {
    const int64_t at[3] = {o / (v->out[1] * v->out[2]), o / v->out[2] % v->out[1], o % v->out[2]};
    window_v1 w = {{0}, {0}, 0, 0};
    for (int i = 0; i < 3; i++) {
        int64_t from, to;
        pool_v1_window(v, i, at[i], &from, &to);
        w.empty |= from >= to;
        w.padded |= from < 0 || to > v->in[i];
        w.from[i] = cs_max(from, 0), w.to[i] = cs_min(to, v->in[i]);
    }
    return w;
}

static inline int64_t pool_v1_pixels(const int64_t *d) { return d[0] * d[1] * d[2]; }

/* ptr: y, x   ints: channels, xb, yb, in x3, out x3, kernel x3, stride x3, pad x3, mode   items: planes */
CS_KERNEL(pool_v1_max) {
    pool_v1 v;
    memcpy(&v, c->ints, sizeof v);
    for (int64_t plane = begin; plane < end; plane++) {
        const int64_t image = plane / v.channels, channel = plane % v.channels;
        const real *x = (const real *)c->ptr[1] + image * v.xb + channel * pool_v1_pixels(v.in);
        real *y = (real *)c->ptr[0] + image * v.yb + channel * pool_v1_pixels(v.out);
        for (int64_t o = 0; o < pool_v1_pixels(v.out); o++) {
            const window_v1 w = pool_v1_cut(&v, o);
            real most = w.padded && !w.empty ? 0 : -(real)INFINITY;
            for (int64_t i = w.from[0]; i < w.to[0]; i++)
                for (int64_t j = w.from[1]; j < w.to[1]; j++)
                    for (int64_t k = w.from[2]; k < w.to[2]; k++) {
                        const real a = x[(i * v.in[1] + j) * v.in[2] + k];
                        most = a > most || a != a ? a : most;
                    }
            y[o] = most;
        }
    }
}

/* ptr: dx, dy, x, y   ints: as pool_v1_max with dx, dy for x, y; then batch strides of x and y   items:
 * planes */
CS_KERNEL(pool_v1_max_grad) {
    pool_v1 v;
    memcpy(&v, c->ints, sizeof v);
    const int64_t xb = c->ints[19], yb = c->ints[20];
    for (int64_t plane = begin; plane < end; plane++) {
        const int64_t image = plane / v.channels, channel = plane % v.channels;
        const int64_t in = channel * pool_v1_pixels(v.in), out = channel * pool_v1_pixels(v.out);
        real *dx = (real *)c->ptr[0] + image * v.xb + in;
        const real *dy = (const real *)c->ptr[1] + image * v.yb + out;
        const real *x = (const real *)c->ptr[2] + image * xb + in,
                   *y = (const real *)c->ptr[3] + image * yb + out;
        for (int64_t i = 0; i < pool_v1_pixels(v.in); i++)
            dx[i] = 0;
        for (int64_t o = 0; o < pool_v1_pixels(v.out); o++) {
            const window_v1 w = pool_v1_cut(&v, o);
            for (int64_t i = w.from[0]; i < w.to[0]; i++)
                for (int64_t j = w.from[1]; j < w.to[1]; j++)
                    for (int64_t k = w.from[2]; k < w.to[2]; k++) {
                        const int64_t at = (i * v.in[1] + j) * v.in[2] + k;
                        if (x[at] == y[o])
                            dx[at] += dy[o];
                    }
        }
    }
}

/* ptr: var, scale   floats: eps   items: channels   scale = 1 / sqrt(var + eps) */
CS_KERNEL(bn_variance_of) {
    const real *scale = c->ptr[1];
    for (int64_t i = begin; i < end; i++) {
        const double s = scale[i], var = 1 / (s * s) - c->floats[0];
        ((real *)c->ptr[0])[i] = K(var < 0 ? 0 : var);
    }
}

/* ptr: scale, var   floats: eps   items: channels */
CS_KERNEL(bn_scale_of) {
    const real *var = c->ptr[1];
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[i] = K(1 / sqrt(var[i] + c->floats[0]));
}

/* ptr: y, y   ints: each, step   items: rows */
CS_KERNEL(bn_relu) {
    const int64_t each = c->ints[0], step = c->ints[1];
    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)c->ptr[1] + row * step;
        real *y = (real *)c->ptr[0] + row * step;
        for (int64_t i = 0; i < each; i++)
            y[i] = x[i] < 0 ? 0 : x[i];
    }
}

/* ptr: g, dy, y   items: elements */
CS_KERNEL(bn_relu_grad) {
    real *g = c->ptr[0];
    const real *dy = c->ptr[1], *y = c->ptr[2];
    for (int64_t i = begin; i < end; i++)
        g[i] = y[i] > 0 ? dy[i] : 0;
}
