//! dtypes: f32 f64
/* Layer, group and instance normalisation of dense rows.
 *
 * Statistics take two passes, the second of which corrects the mean by what is left over. Sums run in lanes
 * and short chunks, totals in double: neither long rows nor far means cost digits. */
#include "cysym.h"

enum { LANES = 2 * CS_VEC_BYTES / sizeof(real), CHUNK = 32 };

typedef struct {
    double a, b;
} pair;

static inline double layernorm_sum(const real *x, int64_t n) {
    double total = 0;
    int64_t i = 0;
    while (i + LANES <= n) {
        real a[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + (CHUNK - 1) * LANES); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++)
                a[j] += x[i + j];
        for (int j = 0; j < LANES; j++)
            total += a[j];
    }
    for (; i < n; i++)
        total += x[i];
    return total;
}

/* Sums of x - mean and of its square. */
static inline pair layernorm_deviations(const real *x, int64_t n, real mean) {
    pair total = {0, 0};
    int64_t i = 0;
    while (i + LANES <= n) {
        real a[LANES] = {0}, b[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + (CHUNK - 1) * LANES); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++) {
                const real d = x[i + j] - mean;
                a[j] += d;
                b[j] += d * d;
            }
        for (int j = 0; j < LANES; j++) {
            total.a += a[j];
            total.b += b[j];
        }
    }
    for (; i < n; i++) {
        const real d = x[i] - mean;
        total.a += d;
        total.b += (double)d * d;
    }
    return total;
}

/* ptr: y, mean, std, x, gamma, beta   ints: n, groups   floats: eps   items: rows; y may be x
 * groups: row r has gamma[r % groups]; 0: each element has its own */
CS_KERNEL(layernorm) {
    const int64_t n = c->ints[0], groups = c->ints[1];
    const real *gamma = c->ptr[4], *beta = c->ptr[5];
    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)c->ptr[3] + row * n;
        real *y = (real *)c->ptr[0] + row * n;
        const real near = K(layernorm_sum(x, n) / (double)n);
        const pair s = layernorm_deviations(x, n, near);
        const real mean = K(near + s.a / (double)n);
        const double std = sqrt((s.b - s.a * s.a / (double)n) / (double)n + c->floats[0]);
        const real r = K(1 / std);
        ((real *)c->ptr[1])[row] = mean;
        ((real *)c->ptr[2])[row] = K(std);
        if (groups) {
            const real scale = r * gamma[row % groups], shift = beta[row % groups];
            for (int64_t i = 0; i < n; i++)
                y[i] = (x[i] - mean) * scale + shift;
        } else
            for (int64_t i = 0; i < n; i++)
                y[i] = (x[i] - mean) * r * gamma[i] + beta[i];
    }
}

/* One row: adds dy h to `dgamma` and dy to `dbeta`, and returns the sums of w = dy gamma and w h. */
static inline pair layernorm_grad_sums(real *dgamma, real *dbeta, const real *dy, const real *x,
                                       const real *gamma, int64_t n, real mean, real r) {
    pair total = {0, 0};
    int64_t i = 0;
    while (i + LANES <= n) {
        real a[LANES] = {0}, b[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + (CHUNK - 1) * LANES); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++) {
                const real h = (x[i + j] - mean) * r, g = dy[i + j], w = g * gamma[i + j];
                dgamma[i + j] += g * h;
                dbeta[i + j] += g;
                a[j] += w;
                b[j] += w * h;
            }
        for (int j = 0; j < LANES; j++) {
            total.a += a[j];
            total.b += b[j];
        }
    }
    for (; i < n; i++) {
        const real h = (x[i] - mean) * r, g = dy[i], w = g * gamma[i];
        dgamma[i] += g * h;
        dbeta[i] += g;
        total.a += w;
        total.b += (double)w * h;
    }
    return total;
}

/* ptr: dx, sums, dy, x, gamma, mean, std   ints: rows, n, height   items: parts of `height` rows
 * sums: (parts, 2, n), what the part adds to dgamma and dbeta; dx may be dy or x */
CS_KERNEL(layernorm_grad) {
    const int64_t rows = c->ints[0], n = c->ints[1], height = c->ints[2];
    const real *gamma = c->ptr[4], *means = c->ptr[5], *stds = c->ptr[6];
    for (int64_t part = begin; part < end; part++) {
        real *restrict dgamma = (real *)c->ptr[1] + part * 2 * n, *restrict dbeta = dgamma + n;
        for (int64_t i = 0; i < 2 * n; i++)
            dgamma[i] = 0;
        for (int64_t row = part * height; row < cs_min(rows, (part + 1) * height); row++) {
            const real *dy = (const real *)c->ptr[2] + row * n, *x = (const real *)c->ptr[3] + row * n;
            real *dx = (real *)c->ptr[0] + row * n;
            const real mean = means[row], r = 1 / stds[row];
            const pair s = layernorm_grad_sums(dgamma, dbeta, dy, x, gamma, n, mean, r);
            const real a = K(s.a / (double)n), b = K(s.b / (double)n);
            for (int64_t i = 0; i < n; i++)
                dx[i] = (dy[i] * gamma[i] - a - (x[i] - mean) * r * b) * r;
        }
    }
}

/* Sums of dy and dy h. */
static inline pair layernorm_group_sums(const real *dy, const real *x, int64_t n, real mean, real r) {
    pair total = {0, 0};
    int64_t i = 0;
    while (i + LANES <= n) {
        real a[LANES] = {0}, b[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + (CHUNK - 1) * LANES); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++) {
                a[j] += dy[i + j];
                b[j] += dy[i + j] * ((x[i + j] - mean) * r);
            }
        for (int j = 0; j < LANES; j++) {
            total.a += a[j];
            total.b += b[j];
        }
    }
    for (; i < n; i++) {
        total.a += dy[i];
        total.b += (double)dy[i] * ((x[i] - mean) * r);
    }
    return total;
}

/* ptr: dx, sums, dy, x, gamma, mean, std   ints: n, groups   items: rows (batch * groups)
 * sums: (batch, 2, groups), what the row adds to dgamma and dbeta; dx may be dy or x */
CS_KERNEL(layernorm_group_grad) {
    const int64_t n = c->ints[0], groups = c->ints[1];
    const real *gamma = c->ptr[4], *means = c->ptr[5], *stds = c->ptr[6];
    for (int64_t row = begin; row < end; row++) {
        const real *dy = (const real *)c->ptr[2] + row * n, *x = (const real *)c->ptr[3] + row * n;
        real *dx = (real *)c->ptr[0] + row * n;
        real *sums = (real *)c->ptr[1] + row / groups * 2 * groups + row % groups;
        const real mean = means[row], r = 1 / stds[row], scale = gamma[row % groups] * r;
        const pair s = layernorm_group_sums(dy, x, n, mean, r);
        sums[0] = K(s.b);
        sums[groups] = K(s.a);
        const real a = K(s.a / (double)n), b = K(s.b / (double)n) * r;
        for (int64_t i = 0; i < n; i++)
            dx[i] = (dy[i] - a - (x[i] - mean) * b) * scale;
    }
}

/* ptr: dgamma, dbeta, sums   ints: parts, n   items: n */
CS_KERNEL(layernorm_merge) {
    const int64_t parts = c->ints[0], n = c->ints[1];
    for (int64_t i = begin; i < end; i++) {
        const real *sums = (const real *)c->ptr[2] + i;
        double a = 0, b = 0;
        for (int64_t p = 0; p < parts; p++) {
            a += sums[2 * p * n];
            b += sums[(2 * p + 1) * n];
        }
        ((real *)c->ptr[0])[i] = K(a);
        ((real *)c->ptr[1])[i] = K(b);
    }
}
