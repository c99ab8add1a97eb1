//! dtypes: f32 f64
/* Softmax, log-softmax and their gradients, along rows (contiguous lines) and columns (lines `inner` apart).
 *
 * One vector is a stretch of a row, or one element each of neighbouring columns. Tails go through the same
 * vector code with padded lanes, so a number never depends on where a slice begins. Sums run in short chunks
 * that are then added up: error grows with the square root of the number of chunks, not with the length. */
#include "cysym.h"

enum { LANES = CS_VEC_BYTES / sizeof(real), CHUNK = 64, SHORT = 32, PLAIN = 0 };

typedef real vec __attribute__((vector_size(CS_VEC_BYTES)));
#if CS_DT_f32
typedef int32_t mask __attribute__((vector_size(CS_VEC_BYTES)));
#else
typedef int64_t mask __attribute__((vector_size(CS_VEC_BYTES)));
#endif

static inline vec softmax_all(real v) { return v - (vec){0}; }

static inline vec softmax_load(const real *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void softmax_store(real *p, vec v) { memcpy(p, &v, sizeof v); }

/* The first n lanes from memory, the others `fill`. */
static inline vec softmax_load_some(const real *p, int64_t n, real fill) {
    vec v = softmax_all(fill);
    memcpy(&v, p, (size_t)n * sizeof(real));
    return v;
}

static inline void softmax_store_some(real *p, vec v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof(real)); }

static inline vec softmax_select(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }

/* A NaN in x is passed over: it comes back through exp(NaN) and the sum. */
static inline vec softmax_max(vec x, vec m) { return softmax_select(x > m, x, m); }

/* e^x for x <= 0. f32: x = k ln 2 + r by rounding with a magic number, then 1 + r + r^2 q(r) with q a minimax
 * fit of degree 4 (1 ulp); results below the smallest normal number are 0. */
static inline vec softmax_exp(vec x) {
#if CS_DT_f32
    const vec magic = softmax_all(12582912.0f), low = softmax_all(-87.33f);
    const vec arg = softmax_select(x < low, low, x);
    const vec t = arg * 1.44269504f + magic;
    const vec k = t - magic;
    const vec r = (arg - k * 0.693359375f) + k * 0.00021219444f;
    vec q = r * 0.00138145383f + 0.00836874545f;
    q = q * r + 0.0416683890f;
    q = q * r + 0.166665211f;
    q = q * r + 0.49999994f;
    const vec scale = (vec)(((mask)t << 23) + 0x3F800000);
    return softmax_select(x < low, (vec){0}, ((q * r) * r + r + 1.0f) * scale);
#else
    vec y;
    for (int j = 0; j < LANES; j++)
        y[j] = exp(x[j]);
    return y;
#endif
}

static inline real softmax_widest(vec v) {
    real m = v[0];
    for (int j = 1; j < LANES; j++)
        m = v[j] > m ? v[j] : m;
    return m;
}

static inline double softmax_total(vec v) {
    double s = 0;
    for (int j = 0; j < LANES; j++)
        s += v[j];
    return s;
}

static inline real softmax_log(double v) {
#if CS_DT_f32
    return logf((float)v);
#else
    return log(v);
#endif
}

static inline real softmax_row_max(const real *x, int64_t n, real scale) {
    vec m = softmax_all(-INFINITY);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        m = softmax_max(softmax_load(x + i) * scale, m);
    if (i < n) /* the padding is NaN, which never wins */
        m = softmax_max(softmax_load_some(x + i, n - i, NAN) * scale, m);
    return softmax_widest(m);
}

/* Up to LANES lines side by side, `k` of them real, their elements `gap` apart. */
static inline vec softmax_get(const real *p, int64_t k) {
    return k == LANES ? softmax_load(p) : softmax_load_some(p, k, K(0));
}

static inline void softmax_put(real *p, vec v, int64_t k) {
    if (k == LANES)
        softmax_store(p, v);
    else
        softmax_store_some(p, v, k);
}

static inline void softmax_lines(real *y, const real *x, int64_t mode, int64_t n, int64_t gap, int64_t k,
                                 real scale) {
    vec m = softmax_all(-INFINITY), sum = {0}, less = {0};
    for (int64_t i = 0; i < n; i++)
        m = softmax_max(softmax_get(x + i * gap, k) * scale, m);
    for (int64_t i = 0; i < n;) {
        vec part = {0};
        for (const int64_t stop = cs_min(i + CHUNK, n); i < stop; i++) {
            const vec e = softmax_exp(softmax_get(x + i * gap, k) * scale - m);
            if (mode == PLAIN)
                softmax_put(y + i * gap, e, k);
            part += e;
        }
        sum += part;
    }
    if (mode == PLAIN) {
        const vec inverse = 1 / sum;
        for (int64_t i = 0; i < n; i++)
            softmax_put(y + i * gap, softmax_get(y + i * gap, k) * inverse, k);
        return;
    }
    for (int j = 0; j < LANES; j++)
        less[j] = softmax_log(sum[j]);
    for (int64_t i = 0; i < n; i++)
        softmax_put(y + i * gap, (softmax_get(x + i * gap, k) * scale - m) - less, k);
}

static inline void softmax_lines_grad(real *dx, const real *dy, const real *y, int64_t mode, int64_t n,
                                      int64_t gap, int64_t k, real scale) {
    vec sum = {0};
    for (int64_t i = 0; i < n;) {
        vec part = {0};
        for (const int64_t stop = cs_min(i + CHUNK, n); i < stop; i++) {
            const vec g = softmax_get(dy + i * gap, k);
            part += mode == PLAIN ? g * softmax_get(y + i * gap, k) : g;
        }
        sum += part;
    }
    for (int64_t i = 0; i < n; i++) {
        const vec g = softmax_get(dy + i * gap, k), p = softmax_get(y + i * gap, k);
        softmax_put(dx + i * gap, (mode == PLAIN ? p * (g - sum) : g - softmax_exp(p) * sum) * scale, k);
    }
}

/* Short rows are turned into lines side by side: LANES of them at a time, absent ones zero. */
static inline void softmax_turn(real *to, const real *from, int64_t n, int64_t rows) {
    for (int64_t j = 0; j < LANES; j++)
        for (int64_t i = 0; i < n; i++)
            to[i * LANES + j] = j < rows ? from[j * n + i] : 0;
}

static inline void softmax_turn_back(real *to, const real *from, int64_t n, int64_t rows) {
    for (int64_t j = 0; j < rows; j++)
        for (int64_t i = 0; i < n; i++)
            to[j * n + i] = from[i * LANES + j];
}

/* ptr: y, x   ints: mode, n   floats: scale   items: rows */
CS_KERNEL(softmax_rows) {
    const int64_t mode = c->ints[0], n = c->ints[1];
    const real scale = K(c->floats[0]);
    if (n <= SHORT) {
        real x[SHORT * LANES], y[SHORT * LANES];
        for (int64_t row = begin; row < end; row += LANES) {
            const int64_t k = cs_min(LANES, end - row);
            softmax_turn(x, (const real *)c->ptr[1] + row * n, n, k);
            softmax_lines(y, x, mode, n, LANES, LANES, scale);
            softmax_turn_back((real *)c->ptr[0] + row * n, y, n, k);
        }
        return;
    }
    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)c->ptr[1] + row * n;
        real *y = (real *)c->ptr[0] + row * n;
        const real m = softmax_row_max(x, n, scale);
        double sum = 0;
        for (int64_t i = 0; i < n;) {
            vec part = {0};
            for (const int64_t stop = cs_min(i + CHUNK * LANES, n); i < stop; i += LANES) {
                const int64_t k = cs_min(stop - i, LANES);
                vec e;
                if (k == LANES) {
                    e = softmax_exp(softmax_load(x + i) * scale - m);
                    if (mode == PLAIN)
                        softmax_store(y + i, e);
                } else {
                    e = softmax_exp(softmax_load_some(x + i, k, K(0)) * scale - m);
                    for (int64_t j = k; j < LANES; j++)
                        e[j] = 0;
                    if (mode == PLAIN)
                        softmax_store_some(y + i, e, k);
                }
                part += e;
            }
            sum += softmax_total(part);
        }
        if (mode == PLAIN) {
            const real inverse = K(1 / sum);
            for (int64_t i = 0; i < n; i++)
                y[i] *= inverse;
        } else {
            const real less = softmax_log(sum);
            for (int64_t i = 0; i < n; i++)
                y[i] = (x[i] * scale - m) - less;
        }
    }
}

/* ptr: dx, dy, y   ints: mode, n   floats: scale   items: rows */
CS_KERNEL(softmax_rows_grad) {
    const int64_t mode = c->ints[0], n = c->ints[1];
    const real scale = K(c->floats[0]);
    if (n <= SHORT) {
        real dy[SHORT * LANES], y[SHORT * LANES], dx[SHORT * LANES];
        for (int64_t row = begin; row < end; row += LANES) {
            const int64_t k = cs_min(LANES, end - row);
            softmax_turn(dy, (const real *)c->ptr[1] + row * n, n, k);
            softmax_turn(y, (const real *)c->ptr[2] + row * n, n, k);
            softmax_lines_grad(dx, dy, y, mode, n, LANES, LANES, scale);
            softmax_turn_back((real *)c->ptr[0] + row * n, dx, n, k);
        }
        return;
    }
    for (int64_t row = begin; row < end; row++) {
        const real *dy = (const real *)c->ptr[1] + row * n, *y = (const real *)c->ptr[2] + row * n;
        real *dx = (real *)c->ptr[0] + row * n;
        double total = 0;
        for (int64_t i = 0; i < n;) {
            vec part = {0};
            for (const int64_t stop = cs_min(i + CHUNK * LANES, n); i < stop; i += LANES) {
                const int64_t k = cs_min(stop - i, LANES);
                const vec g = k == LANES ? softmax_load(dy + i) : softmax_load_some(dy + i, k, K(0));
                const vec p = k == LANES ? softmax_load(y + i) : softmax_load_some(y + i, k, K(0));
                part += mode == PLAIN ? g * p : g;
            }
            total += softmax_total(part);
        }
        const real sum = K(total);
        int64_t i = 0;
        if (mode == PLAIN) {
            for (; i < n; i++)
                dx[i] = scale * (y[i] * (dy[i] - sum));
            continue;
        }
        for (; i + LANES <= n; i += LANES)
            softmax_store(dx + i, (softmax_load(dy + i) - softmax_exp(softmax_load(y + i)) * sum) * scale);
        if (i < n) {
            const int64_t k = n - i;
            const vec p = softmax_exp(softmax_load_some(y + i, k, K(0)));
            softmax_store_some(dx + i, (softmax_load_some(dy + i, k, K(0)) - p * sum) * scale, k);
        }
    }
}

/* ptr: y, x   ints: mode, n, inner   floats: scale   items: columns (outer * inner) */
CS_KERNEL(softmax_columns) {
    const int64_t mode = c->ints[0], n = c->ints[1], inner = c->ints[2];
    for (int64_t at = begin, k; at < end; at += k) {
        const int64_t column = at % inner, first = (at / inner) * n * inner + column;
        k = cs_min(cs_min(LANES, inner - column), end - at);
        softmax_lines((real *)c->ptr[0] + first, (const real *)c->ptr[1] + first, mode, n, inner, k,
                      K(c->floats[0]));
    }
}

/* ptr: dx, dy, y   ints: mode, n, inner   floats: scale   items: columns (outer * inner) */
CS_KERNEL(softmax_columns_grad) {
    const int64_t mode = c->ints[0], n = c->ints[1], inner = c->ints[2];
    for (int64_t at = begin, k; at < end; at += k) {
        const int64_t column = at % inner, first = (at / inner) * n * inner + column;
        k = cs_min(cs_min(LANES, inner - column), end - at);
        const real *dy = (const real *)c->ptr[1] + first, *y = (const real *)c->ptr[2] + first;
        softmax_lines_grad((real *)c->ptr[0] + first, dy, y, mode, n, inner, k, K(c->floats[0]));
    }
}

/* ptr: y, x, length (int64)   ints: n, inner   floats: fill   items: elements */
CS_KERNEL(softmax_mask) {
    const int64_t n = c->ints[0], inner = c->ints[1], *length = c->ptr[2];
    const real *x = c->ptr[1], fill = K(c->floats[0]);
    real *y = c->ptr[0];
    for (int64_t at = begin, stop; at < end; at = stop) { /* one row of `inner` elements at a time */
        const int64_t i = at / inner % n, first = at / inner / n * inner - at / inner * inner;
        stop = cs_min((at / inner + 1) * inner, end);
        for (int64_t k = at; k < stop; k++)
            y[k] = i < length[first + k] ? x[k] : fill;
    }
}
