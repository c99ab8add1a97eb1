//! dtypes: f32 f64
/* Pooling over planes of up to three axes; an item is a plane.
 *
 * Small windows are folded in two steps, first the rows under a row of outputs, then their neighbours; where
 * outputs lie as inputs do ("same" pooling), many rows are one long loop. Large windows, and rows of a single
 * output, go window by window, as runs of contiguous elements. The choice depends on shapes only. */
#include "cysym.h"

enum { BLOCK = 256, SMALL = 64, LANES = 16, EXTRA = 19, BAND = 4096, WIDE = 1 << 16 };

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
    return v->out[2] > 1 && v->k[0] * v->k[1] * v->k[2] <= SMALL && cs_max(v->in[2], v->out[2]) <= WIDE;
}

/* Whether output o of a plane is centred on input o, so that rows can be joined. */
static inline int pool_is_same(const pool *v) {
    return v->in[0] == 1 && v->out[0] == 1 && v->k[0] == 1 && v->out[1] == v->in[1] &&
           v->out[2] == v->in[2] && v->s[1] == 1 && v->s[2] == 1 && v->k[1] == 2 * v->p[1] + 1 &&
           v->k[2] == 2 * v->p[2] + 1;
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

static inline real pool_fold(real m, real x, int is_max) { return is_max ? pool_larger(x, m) : m + x; }

/* y[o] = fold of x[o * s + i * step] over i < count; inlined with constants where that pays. */
static inline void pool_fold_run(real *y, const real *x, int64_t n, int64_t s, int64_t count, int64_t step,
                                 int is_max) {
    if (count == 3)
        for (int64_t o = 0; o < n; o++)
            y[o] = pool_fold(pool_fold(x[o * s], x[o * s + step], is_max), x[o * s + 2 * step], is_max);
    else if (count == 2)
        for (int64_t o = 0; o < n; o++)
            y[o] = pool_fold(x[o * s], x[o * s + step], is_max);
    else {
        for (int64_t o = 0; o < n; o++)
            y[o] = x[o * s];
        for (int64_t i = 1; i < count; i++)
            for (int64_t o = 0; o < n; o++)
                y[o] = pool_fold(y[o], x[o * s + i * step], is_max);
    }
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

/* First step: folds the rows under output rows [oh, last) of plane od, each into one of the input's width. */
static inline void pool_down(real *to, const real *x, const pool *v, int64_t od, int64_t oh, int64_t last,
                             int is_max) {
    const range d = pool_window(v, 0, od);
    const int64_t width = v->in[2];
    for (int64_t joined; oh < last; oh += joined, to += joined * width) {
        const range h = pool_window(v, 1, oh);
        const int64_t count = h.to - h.from;
        joined = 1;
        if (d.to <= d.from || count <= 0) {
            for (int64_t u = 0; u < width; u++)
                to[u] = is_max ? -INFINITY : 0;
            continue;
        }
        if (v->s[1] == 1 && count == v->k[1] && d.to - d.from == 1)
            joined = cs_max(1, cs_min(last, v->in[1] + v->p[1] - v->k[1] + 1) - oh);
        pool_fold_run(to, x + (d.from * v->in[1] + h.from) * width, joined * width, 1, count, width, is_max);
        for (int64_t id = d.from + 1; id < d.to; id++)
            for (int64_t ih = h.from; ih < h.to; ih++)
                for (int64_t u = 0; u < width; u++)
                    to[u] = pool_fold(to[u], x[(id * v->in[1] + ih) * width + u], is_max);
    }
}

/* Second step: folds neighbours in `rows` rows. Outputs whose window is whole come in long runs, the others
 * one by one. */
static inline void pool_across(real *y, const real *x, const pool *v, const row_plan *plan, int64_t rows,
                               int is_max) {
    const int64_t k = v->k[2], s = v->s[2], in = v->in[2], out = v->out[2];
    const range inner = {plan->outputs[0].from, cs_max(plan->outputs[0].from, plan->outputs[k - 1].to)};
    const int is_joined = s == 1 && in == out && inner.to > inner.from;
    const int64_t n = (is_joined ? (rows - 1) * out : 0) + inner.to - inner.from;
    for (int64_t r = 0; r < (is_joined ? 1 : rows); r++) {
        const real *from = x + r * in + inner.from * s - v->p[2];
        if (n > 0 && s == 1)
            pool_fold_run(y + r * out + inner.from, from, n, 1, k, 1, is_max);
        else if (n > 0 && s == 2)
            pool_fold_run(y + r * out + inner.from, from, n, 2, k, 1, is_max);
        else if (n > 0)
            pool_fold_run(y + r * out + inner.from, from, n, s, k, 1, is_max);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++) {
            if (o == inner.from)
                o = inner.to;
            if (o >= out)
                break;
            const range w = pool_window(v, 2, o);
            real m = is_max ? -INFINITY : 0;
            for (int64_t i = w.from; i < w.to; i++)
                m = pool_fold(m, x[r * in + i], is_max);
            y[r * out + o] = m;
        }
}

static inline void pool_rows(real *y, const real *x, const pool *v, const row_plan *plan, int is_max) {
    real *down = cs_scratch();
    const int64_t band = cs_max(1, BAND / v->in[2]);
    for (int64_t od = 0; od < v->out[0]; od++)
        for (int64_t oh = 0, last; oh < v->out[1]; y += (last - oh) * v->out[2], oh = last) {
            last = cs_min(oh + band, v->out[1]);
            pool_down(down, x, v, od, oh, last, is_max);
            pool_across(y, down, v, plan, last - oh, is_max);
            for (int64_t r = oh; r < last && !is_max && v->mode != 0; r++)
                pool_divide(y + (r - oh) * v->out[2], y + (r - oh) * v->out[2], v, plan, od, r);
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

/* first[i] = code where the element of output i is its maximum; inlined with a constant s where that pays. */
static inline void pool_match(place *first, const real *x, const real *y, int64_t n, int64_t s, place code) {
    for (int64_t i = 0; i < n; i++) {
        const real a = x[i * s], m = y[i];
        first[i] = a == m || (a != a && m != m) ? code : first[i];
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
                const real *a = x + corner + offset[code] + from * s;
                if (s == 2)
                    pool_match(first + from, a, y + at + from, to - from, 2, (place)code);
                else
                    pool_match(first + from, a, y + at + from, to - from, s, (place)code);
            }
            for (int64_t o = 0; o < width; o++)
                if (first[o] >= 0)
                    dx[corner + o * v->s[2] + offset[first[o]]] += dy[at + o];
        }
}

/* Outputs of the plane, counted through all rows, that have a real element at place (kh, kw) - and some at
 * the ends of rows that have not: pool_columns tells. */
static inline range pool_same_outputs(const pool *v, int64_t kh, int64_t kw) {
    const int64_t up = v->p[1] - kh, left = v->p[2] - kw, width = v->in[2];
    return (range){cs_max(up, 0) * width + cs_max(left, 0),
                   (v->in[1] + cs_min(up, 0)) * width + cs_min(left, 0)};
}

/* ok[kw][u]: all bits, or none where output u has no element at place kw of its row. */
static void pool_columns(place *ok, const pool *v) {
    const int64_t n = v->in[1] * v->in[2];
    for (int64_t kw = 0; kw < v->k[2]; kw++) {
        const range o = pool_outputs(v, 2, kw);
        for (int64_t u = 0; u < n; u++)
            ok[kw * n + u] = u % v->in[2] >= o.from && u % v->in[2] < o.to ? -1 : 0;
    }
}

/* As pool_max_rows_grad for "same" pooling of a plane of up to BAND elements: every loop runs through all of
 * it, first to find the places, then to add what belongs to each. */
static inline void pool_max_same_grad(real *dx, const real *dy, const real *x, const real *y, const pool *v,
                                      const place *ok, place *first) {
    const int64_t n = v->in[1] * v->in[2], kw = v->k[2], codes = v->k[1] * kw;
    for (int64_t u = 0; u < n; u++)
        first[u] = -1;
    for (int64_t code = codes - 1; code >= 0; code--) {
        const range o = pool_same_outputs(v, code / kw, code % kw);
        const int64_t shift = (code / kw - v->p[1]) * v->in[2] + code % kw - v->p[2];
        const place *is_real = ok + code % kw * n;
        for (int64_t u = o.from; u < o.to; u++) {
            const real a = x[u + shift], m = y[u];
            const place hit = (a == m || (a != a && m != m) ? -1 : 0) & is_real[u];
            first[u] = hit ? (place)code : first[u];
        }
    }
    for (int64_t code = 0; code < codes; code++) {
        const range o = pool_same_outputs(v, code / kw, code % kw);
        real *to = dx + (code / kw - v->p[1]) * v->in[2] + code % kw - v->p[2];
        for (int64_t u = o.from; u < o.to; u++)
            to[u] += first[u] == (place)code ? dy[u] : 0;
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
    const int is_same = is_small && pool_is_same(&v) && v.in[1] * v.in[2] <= BAND && v.k[2] <= LANES;
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    place *first = cs_scratch(), *ok = first + BAND;
    if (is_same)
        pool_columns(ok, &v);
    for (int64_t plane = begin; plane < end; plane++) {
        real *dx = pool_out(c->ptr[0], &v, plane, v.xb, v.in);
        const real *dy = pool_in(c->ptr[1], &v, plane, v.yb, v.out);
        const real *x = pool_in(c->ptr[2], &v, plane, c->ints[EXTRA], v.in);
        const real *y = pool_in(c->ptr[3], &v, plane, c->ints[EXTRA + 1], v.out);
        memset(dx, 0, (size_t)(v.in[0] * v.in[1] * v.in[2]) * sizeof(real));
        if (is_same) {
            pool_max_same_grad(dx, dy, x, y, &v, ok, first);
            continue;
        }
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

/* The same for "same" pooling: a window is its own mirror image, so the gradient is the sum over the windows
 * of the divided head gradients. */
static inline void pool_sum_same_grad(real *dx, const real *dy, const pool *v, const row_plan *plan,
                                      real *divided) {
    const pool sum = {.in = {1, v->in[1], v->in[2]},
                      .out = {1, v->in[1], v->in[2]},
                      .k = {1, v->k[1], v->k[2]},
                      .s = {1, 1, 1},
                      .p = {0, v->p[1], v->p[2]}};
    if (v->mode != 0) {
        for (int64_t oh = 0; oh < v->out[1]; oh++)
            pool_divide(divided + oh * v->out[2], dy + oh * v->out[2], v, plan, 0, oh);
        dy = divided;
    }
    pool_rows(dx, dy, &sum, plan, 0);
}

/* ptr: dx, dy   ints: as pool_sum, with dx for x and dy for y   items: planes */
CS_KERNEL(pool_sum_grad) {
    const pool v = pool_of(c);
    const int is_small = pool_is_small(&v);
    const int is_same = is_small && pool_is_same(&v) && v.in[1] * v.in[2] <= WIDE;
    const row_plan plan = is_small ? pool_plan(&v) : (row_plan){0};
    real *row = (real *)cs_scratch() + WIDE;
    for (int64_t plane = begin; plane < end; plane++) {
        real *dx = pool_out(c->ptr[0], &v, plane, v.xb, v.in);
        const real *dy = pool_in(c->ptr[1], &v, plane, v.yb, v.out);
        if (is_same) {
            pool_sum_same_grad(dx, dy, &v, &plan, row);
            continue;
        }
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
