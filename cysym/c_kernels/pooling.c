//! dtypes: f32 f64
/* Pooling over planes of up to three axes; an item is a plane.
 *
 * Small windows go row by row: for each place in the window, one vectorised pass over a row of outputs. Large
 * ones, and rows of a single output, go window by window, as runs of contiguous elements. The choice depends
 * on shapes only. */
#include "cysym.h"

enum { BLOCK = 256, SMALL = 64, LANES = 16, EXTRA = 19 };

typedef struct {
    int64_t channels, xb, yb, in[3], out[3], k[3], s[3], p[3], mode;
} pool;

typedef struct {
    int64_t from, to;
} range;

#if CS_DT_f32
typedef int32_t place;
static const real pool_lowest = -3.4028234663852886e38f;
#else
typedef int64_t place;
static const real pool_lowest = -1.7976931348623157e308;
#endif

static inline pool pool_of(const cs_call *c) {
    pool v;
    memcpy(&v, c->ints, sizeof v);
    return v;
}

static inline const real *pool_in(const void *base, const pool *v, int64_t plane, int64_t batch,
                                  const int64_t *dims) {
    return (const real *)base + plane / v->channels * batch +
           plane % v->channels * dims[0] * dims[1] * dims[2];
}

static inline real *pool_out(void *base, const pool *v, int64_t plane, int64_t batch, const int64_t *dims) {
    return (real *)(uintptr_t)pool_in(base, v, plane, batch, dims);
}

/* Input positions under the window of output o. */
static inline range pool_window(const pool *v, int axis, int64_t o) {
    const int64_t start = o * v->s[axis] - v->p[axis];
    return (range){cs_max(start, 0), cs_min(start + v->k[axis], v->in[axis])};
}

/* Outputs whose window has a real element at place k. */
static inline range pool_outputs(const pool *v, int axis, int64_t k) {
    const int64_t s = v->s[axis], first = v->p[axis] - k, last = v->in[axis] - 1 + first;
    return (range){first > 0 ? cs_div_up(first, s) : 0, last < 0 ? 0 : cs_min(last / s + 1, v->out[axis])};
}

/* How many elements an average divides by, along one axis: mode 1 counts padding, 2 does not, 3
 * always takes the whole window. */
static inline int64_t pool_count(const pool *v, int axis, int64_t o) {
    const int64_t start = o * v->s[axis] - v->p[axis];
    if (v->mode == 3)
        return v->k[axis];
    if (v->mode == 2)
        return cs_max(cs_min(start + v->k[axis], v->in[axis]) - cs_max(start, 0), 0);
    return cs_max(cs_min(start + v->k[axis], v->in[axis] + v->p[axis]) - start, 0);
}

static inline int pool_is_small(const pool *v) {
    return v->out[2] > 1 && v->k[0] * v->k[1] * v->k[2] <= SMALL;
}

static inline real pool_larger(real x, real m) { return x > m || x != x ? x : m; } /* the first NaN stays */

/* One output and the input positions under its window; walks all outputs of a plane in order. */
typedef struct {
    int64_t o, at[3];
    range d, h, w;
} window;

static inline window pool_first(const pool *v) {
    return (window){-1, {0, 0, -1}, pool_window(v, 0, 0), pool_window(v, 1, 0), {0, 0}};
}

static inline int pool_next(const pool *v, window *w) {
    w->o++;
    if (++w->at[2] == v->out[2]) {
        w->at[2] = 0;
        if (++w->at[1] == v->out[1]) {
            w->at[1] = 0;
            if (++w->at[0] == v->out[0])
                return 0;
            w->d = pool_window(v, 0, w->at[0]);
        }
        w->h = pool_window(v, 1, w->at[1]);
    }
    w->w = pool_window(v, 2, w->at[2]);
    return 1;
}

/* Contiguous elements [from, to) of a window; walks all of them in order. Whole rows make one run. */
typedef struct {
    int64_t from, to, d, h, step;
} run;

static inline run pool_runs(const pool *v, const window *w) {
    const int is_whole = w->w.to - w->w.from == v->in[2] && w->h.from < w->h.to;
    const int64_t step = is_whole ? w->h.to - w->h.from : 1;
    return (run){0, 0, w->w.from < w->w.to ? w->d.from : w->d.to, w->h.from - step, step};
}

static inline int pool_next_run(const pool *v, const window *w, run *r) {
    r->h += r->step;
    if (r->h >= w->h.to) {
        r->d++;
        r->h = w->h.from;
    }
    if (r->d >= w->d.to || r->h >= w->h.to)
        return 0;
    r->from = (r->d * v->in[1] + r->h) * v->in[2] + w->w.from;
    r->to = r->from + (r->step - 1) * v->in[2] + w->w.to - w->w.from;
    return 1;
}

/* What an average over this window divides by. */
static inline int64_t pool_size(const pool *v, const window *w) {
    return pool_count(v, 0, w->at[0]) * pool_count(v, 1, w->at[1]) * pool_count(v, 2, w->at[2]);
}

static inline real pool_run_max(const real *x, int64_t n, real m) {
    int64_t i = 0;
    if (n >= LANES) {
        real part[LANES];
        for (int j = 0; j < LANES; j++)
            part[j] = m;
        for (; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++)
                part[j] = pool_larger(x[i + j], part[j]);
        for (int j = 0; j < LANES; j++)
            m = pool_larger(part[j], m);
    }
    for (; i < n; i++)
        m = pool_larger(x[i], m);
    return m;
}

static inline double pool_run_sum(const real *x, int64_t n) {
    double total = 0;
    int64_t i = 0;
    while (i + LANES <= n) {
        real part[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + LANES * SMALL); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++)
                part[j] += x[i + j];
        for (int j = 0; j < LANES; j++)
            total += part[j];
    }
    for (; i < n; i++)
        total += x[i];
    return total;
}

/* y = max(y, x) or y + x over n outputs, x stepping s; inlined with a constant s where that pays. */
static inline void pool_pass(real *y, const real *x, int64_t n, int64_t s, int is_max) {
    if (is_max)
        for (int64_t o = 0; o < n; o++)
            y[o] = pool_larger(x[o * s], y[o]);
    else
        for (int64_t o = 0; o < n; o++)
            y[o] += x[o * s];
}

static inline void pool_row(real *y, const real *x, int64_t n, int64_t s, int is_max) {
    if (s == 1)
        pool_pass(y, x, n, 1, is_max);
    else if (s == 2)
        pool_pass(y, x, n, 2, is_max);
    else
        pool_pass(y, x, n, s, is_max);
}

/* Where the outputs of a row begin and end for each place of a small window along it, and which of them
 * (inner) are divided by the whole window. */
typedef struct {
    range outputs[SMALL], inner;
} row_plan;

static inline row_plan pool_plan(const pool *v) {
    row_plan plan = {.inner = {0, v->out[2]}};
    for (int64_t k = 0; k < v->k[2]; k++)
        plan.outputs[k] = pool_outputs(v, 2, k);
    while (plan.inner.from < plan.inner.to && pool_count(v, 2, plan.inner.from) != v->k[2])
        plan.inner.from++;
    while (plan.inner.from < plan.inner.to && pool_count(v, 2, plan.inner.to - 1) != v->k[2])
        plan.inner.to--;
    return plan;
}

/* y = x / size of the window, for the row of outputs (od, oh). */
static inline void pool_divide(real *y, const real *x, const pool *v, const row_plan *plan, int64_t od,
                               int64_t oh) {
    const int64_t size = pool_count(v, 0, od) * pool_count(v, 1, oh);
    const real factor = size > 0 ? 1 / K(size * v->k[2]) : 0;
    for (int64_t o = 0; o < v->out[2]; o++) {
        if (o == plan->inner.from && plan->inner.from < plan->inner.to) {
            for (; o < plan->inner.to; o++)
                y[o] = x[o] * factor;
            if (o == v->out[2])
                break;
        }
        const int64_t all = size * pool_count(v, 2, o);
        y[o] = all > 0 ? x[o] / K(all) : 0;
    }
}

static inline void pool_rows(real *y, const real *x, const pool *v, const row_plan *plan, int is_max) {
    for (int64_t od = 0; od < v->out[0]; od++)
        for (int64_t oh = 0; oh < v->out[1]; oh++, y += v->out[2]) {
            const range d = pool_window(v, 0, od), h = pool_window(v, 1, oh);
            for (int64_t o = 0; o < v->out[2]; o++)
                y[o] = is_max ? -INFINITY : 0;
            for (int64_t id = d.from; id < d.to; id++)
                for (int64_t ih = h.from; ih < h.to; ih++)
                    for (int64_t k = 0; k < v->k[2]; k++) {
                        const range o = plan->outputs[k];
                        const int64_t at = (id * v->in[1] + ih) * v->in[2] + o.from * v->s[2] - v->p[2] + k;
                        if (o.from < o.to)
                            pool_row(y + o.from, x + at, o.to - o.from, v->s[2], is_max);
                    }
            if (!is_max && v->mode != 0)
                pool_divide(y, y, v, plan, od, oh);
        }
}

/* ptr: y, x   ints: channels, xb, yb, in x3, out x3, kernel x3, stride x3, pad x3, mode   items: planes */
CS_KERNEL(pool_max) {
    const pool v = pool_of(c);
    const int is_small = pool_is_small(&v);
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    int has_empty = 0;
    for (int axis = 0; axis < 3; axis++)
        has_empty |= (v.out[axis] - 1) * v.s[axis] - v.p[axis] >= v.in[axis] || v.p[axis] >= v.k[axis];
    for (int64_t plane = begin; plane < end; plane++) {
        const real *x = pool_in(c->ptr[1], &v, plane, v.xb, v.in);
        real *y = pool_out(c->ptr[0], &v, plane, v.yb, v.out);
        if (is_small)
            pool_rows(y, x, &v, &plan, 1);
        if (is_small && !has_empty)
            continue;
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            if (w.d.from >= w.d.to || w.h.from >= w.h.to || w.w.from >= w.w.to) {
                y[w.o] = pool_lowest; /* wholly in the padding: MXNet's lowest number */
                continue;
            }
            if (is_small)
                continue;
            real m = -INFINITY;
            for (run r = pool_runs(&v, &w); pool_next_run(&v, &w, &r);)
                m = pool_run_max(x + r.from, r.to - r.from, m);
            y[w.o] = m;
        }
    }
}

/* ptr: y, x   ints: channels, xb, yb, in x3, out x3, kernel x3, stride x3, pad x3, mode   items: planes
 * mode: 0 sum, 1 average counting padding, 2 average of the real elements, 3 sum by the window's size */
CS_KERNEL(pool_sum) {
    const pool v = pool_of(c);
    const int is_small = pool_is_small(&v);
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    for (int64_t plane = begin; plane < end; plane++) {
        const real *x = pool_in(c->ptr[1], &v, plane, v.xb, v.in);
        real *y = pool_out(c->ptr[0], &v, plane, v.yb, v.out);
        if (is_small) {
            pool_rows(y, x, &v, &plan, 0);
            continue;
        }
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            double sum = 0;
            for (run r = pool_runs(&v, &w); pool_next_run(&v, &w, &r);)
                sum += pool_run_sum(x + r.from, r.to - r.from);
            const int64_t size = v.mode == 0 ? 1 : pool_size(&v, &w);
            y[w.o] = K(size > 0 ? sum / (double)size : 0);
        }
    }
}

/* ptr: y, x   ints: channels, xb, yb, in x3, out x3, kernel x3, stride x3, pad x3, power   items: planes */
CS_KERNEL(pool_norm) {
    const pool v = pool_of(c);
    for (int64_t plane = begin; plane < end; plane++) {
        const real *x = pool_in(c->ptr[1], &v, plane, v.xb, v.in);
        real *y = pool_out(c->ptr[0], &v, plane, v.yb, v.out);
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            double sum = 0;
            for (run r = pool_runs(&v, &w); pool_next_run(&v, &w, &r);)
                for (int64_t i = r.from; i < r.to; i++)
                    sum += v.mode == 1   ? x[i]
                           : v.mode == 2 ? (double)x[i] * x[i]
                                         : (double)x[i] * x[i] * x[i];
            y[w.o] = K(v.mode == 1 ? sum : v.mode == 2 ? sqrt(sum) : cbrt(sum));
        }
    }
}

/* Gradients of rows of maxima: where in its window the first maximum of each output lies, then one add an
 * output. */
static inline void pool_max_rows_grad(real *dx, const real *dy, const real *x, const real *y, const pool *v,
                                      const row_plan *plan) {
    int64_t offset[SMALL];
    for (int64_t kd = 0, code = 0; kd < v->k[0]; kd++)
        for (int64_t kh = 0; kh < v->k[1]; kh++)
            for (int64_t kw = 0; kw < v->k[2]; kw++)
                offset[code++] = (kd * v->in[1] + kh) * v->in[2] + kw;
    for (int64_t row = 0; row < v->out[0] * v->out[1]; row++)
        for (int64_t left = 0; left < v->out[2]; left += BLOCK) {
            const int64_t width = cs_min(BLOCK, v->out[2] - left), at = row * v->out[2] + left;
            const int64_t d0 = row / v->out[1] * v->s[0] - v->p[0], h0 = row % v->out[1] * v->s[1] - v->p[1];
            const int64_t corner = (d0 * v->in[1] + h0) * v->in[2] + left * v->s[2] - v->p[2];
            place first[BLOCK];
            for (int64_t o = 0; o < width; o++)
                first[o] = -1;
            for (int64_t code = v->k[0] * v->k[1] * v->k[2] - 1; code >= 0; code--) {
                const int64_t kw = code % v->k[2], h = h0 + code / v->k[2] % v->k[1],
                              d = d0 + code / v->k[2] / v->k[1];
                if (d < 0 || d >= v->in[0] || h < 0 || h >= v->in[1])
                    continue;
                const range o = plan->outputs[kw];
                const int64_t from = cs_max(o.from - left, 0), to = cs_min(o.to - left, width), s = v->s[2];
                for (int64_t i = from; i < to; i++) {
                    const real a = x[corner + offset[code] + i * s], m = y[at + i];
                    first[i] = a == m || (a != a && m != m) ? (place)code : first[i];
                }
            }
            for (int64_t o = 0; o < width; o++)
                if (first[o] >= 0)
                    dx[corner + o * v->s[2] + offset[first[o]]] += dy[at + o];
        }
}

/* Where in a window its maximum m first lies, -1 in an empty one. */
static inline int64_t pool_find(const real *x, real m, const pool *v, const window *w) {
    for (run r = pool_runs(v, w); pool_next_run(v, w, &r);)
        for (int64_t i = r.from; i < r.to; i++)
            if (x[i] == m || (x[i] != x[i] && m != m))
                return i;
    return -1;
}

/* ptr: dx, dy, x, y   ints: as pool_max, with dx for x and dy for y, then batch strides of x, y   items:
 * planes */
CS_KERNEL(pool_max_grad) {
    const pool v = pool_of(c);
    const int is_small = pool_is_small(&v);
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    for (int64_t plane = begin; plane < end; plane++) {
        real *dx = pool_out(c->ptr[0], &v, plane, v.xb, v.in);
        const real *dy = pool_in(c->ptr[1], &v, plane, v.yb, v.out);
        const real *x = pool_in(c->ptr[2], &v, plane, c->ints[EXTRA], v.in);
        const real *y = pool_in(c->ptr[3], &v, plane, c->ints[EXTRA + 1], v.out);
        memset(dx, 0, (size_t)(v.in[0] * v.in[1] * v.in[2]) * sizeof(real));
        if (is_small) {
            pool_max_rows_grad(dx, dy, x, y, &v, &plan);
            continue;
        }
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            const int64_t found = pool_find(x, y[w.o], &v, &w);
            if (found >= 0)
                dx[found] += dy[w.o];
        }
    }
}

static inline void pool_spread(real *dx, const real *g, int64_t n, int64_t s) {
    if (s == 1)
        for (int64_t o = 0; o < n; o++)
            dx[o] += g[o];
    else
        for (int64_t o = 0; o < n; o++)
            dx[o * s] += g[o];
}

/* Gradients of rows of sums: each row of head gradients is divided once, then added at each place of the
 * window. */
static inline void pool_sum_rows_grad(real *dx, const real *dy, const pool *v, const row_plan *plan,
                                      real *row) {
    for (int64_t od = 0; od < v->out[0]; od++)
        for (int64_t oh = 0; oh < v->out[1]; oh++, dy += v->out[2]) {
            const range d = pool_window(v, 0, od), h = pool_window(v, 1, oh);
            const real *g = dy;
            if (v->mode != 0) {
                pool_divide(row, dy, v, plan, od, oh);
                g = row;
            }
            for (int64_t id = d.from; id < d.to; id++)
                for (int64_t ih = h.from; ih < h.to; ih++)
                    for (int64_t k = 0; k < v->k[2]; k++) {
                        const range o = plan->outputs[k];
                        const int64_t at = (id * v->in[1] + ih) * v->in[2] + o.from * v->s[2] - v->p[2] + k;
                        if (o.from < o.to)
                            pool_spread(dx + at, g + o.from, o.to - o.from, v->s[2]);
                    }
        }
}

/* ptr: dx, dy   ints: as pool_sum, with dx for x and dy for y   items: planes */
CS_KERNEL(pool_sum_grad) {
    const pool v = pool_of(c);
    const int is_small = pool_is_small(&v) && v.out[2] * (int64_t)sizeof(real) <= CS_SCRATCH_BYTES;
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    real *row = cs_scratch();
    for (int64_t plane = begin; plane < end; plane++) {
        real *dx = pool_out(c->ptr[0], &v, plane, v.xb, v.in);
        const real *dy = pool_in(c->ptr[1], &v, plane, v.yb, v.out);
        memset(dx, 0, (size_t)(v.in[0] * v.in[1] * v.in[2]) * sizeof(real));
        if (is_small) {
            pool_sum_rows_grad(dx, dy, &v, &plan, row);
            continue;
        }
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            const int64_t size = v.mode == 0 ? 1 : pool_size(&v, &w);
            const real g = size > 0 ? dy[w.o] / K(size) : 0;
            for (run r = pool_runs(&v, &w); pool_next_run(&v, &w, &r);)
                for (int64_t i = r.from; i < r.to; i++)
                    dx[i] += g;
        }
    }
}

/* ptr: dx, dy, x, y   ints: as pool_norm, with dx for x and dy for y, then batch strides of x, y   items:
 * planes */
CS_KERNEL(pool_norm_grad) {
    const pool v = pool_of(c);
    for (int64_t plane = begin; plane < end; plane++) {
        real *dx = pool_out(c->ptr[0], &v, plane, v.xb, v.in);
        const real *dy = pool_in(c->ptr[1], &v, plane, v.yb, v.out);
        const real *x = pool_in(c->ptr[2], &v, plane, c->ints[EXTRA], v.in);
        const real *y = pool_in(c->ptr[3], &v, plane, c->ints[EXTRA + 1], v.out);
        memset(dx, 0, (size_t)(v.in[0] * v.in[1] * v.in[2]) * sizeof(real));
        for (window w = pool_first(&v); pool_next(&v, &w);) {
            const real g = dy[w.o], inverse = y[w.o] == 0 ? 0 : 1 / y[w.o];
            for (run r = pool_runs(&v, &w); pool_next_run(&v, &w, &r);)
                for (int64_t i = r.from; i < r.to; i++) {
                    const real ratio = x[i] * inverse;
                    dx[i] += v.mode == 1 ? g : v.mode == 2 ? g * ratio : g * ratio * ratio;
                }
        }
    }
}
