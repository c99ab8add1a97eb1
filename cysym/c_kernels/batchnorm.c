//! dtypes: f32 f64
/* Batch normalisation. Data is `outer` rows of channels x inner, rows `step` elements apart; an item is a
 * channel, or one channel of a part (`rows` rows) or of a row.
 *
 * A part's statistics are made in two passes, the second of which corrects the mean by what is left over.
 * Sums run in lanes and short chunks, totals in double, so that neither long planes nor far means cost
 * digits. */
#include "cysym.h"

enum { LANES = 16, CHUNK = 64, BLOCK = 64 };

#if CS_DT_f32
#define SQRT sqrtf
#else
#define SQRT sqrt
#endif

typedef struct {
    double a, b;
} pair;

/* Sums over n contiguous elements: of x - mean and its square (dy NULL), or of dy and dy (x - mean). */
static inline pair bn_sums(const real *x, const real *dy, int64_t n, real mean) {
    pair total = {0, 0};
    int64_t i = 0;
    while (i + LANES <= n) {
        real a[LANES] = {0}, b[LANES] = {0};
        for (const int64_t stop = cs_min(n - LANES, i + (CHUNK - 1) * LANES); i <= stop; i += LANES)
            for (int j = 0; j < LANES; j++) {
                const real d = x[i + j] - mean, g = dy ? dy[i + j] : d;
                a[j] += g;
                b[j] += g * d;
            }
        for (int j = 0; j < LANES; j++) {
            total.a += a[j];
            total.b += b[j];
        }
    }
    for (; i < n; i++) {
        const real d = x[i] - mean, g = dy ? dy[i] : d;
        total.a += g;
        total.b += (double)g * d;
    }
    return total;
}

static inline double bn_sum(const real *x, int64_t n) {
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

/* The same sums for k <= BLOCK neighbouring channels with few elements a row: x points at the first channel
 * of the first row. `a` and `b` are overwritten. */
static inline void bn_block_sums(const real *x, const real *dy, int64_t rows, int64_t xs, int64_t ys,
                                 int64_t k, int64_t inner, const real *mean, real *a, real *b) {
    memset(a, 0, (size_t)k * sizeof *a);
    memset(b, 0, (size_t)k * sizeof *b);
    for (int64_t r = 0; r < rows; r++, x += xs, dy = dy ? dy + ys : dy)
        for (int64_t i = 0; i < inner; i++)
            for (int64_t j = 0; j < k; j++) {
                const real d = x[j * inner + i] - mean[j], g = dy ? dy[j * inner + i] : d;
                a[j] += g;
                b[j] += g * d;
            }
}

/* ptr: stats, x   ints: outer, channels, inner, rows, step   items: parts * channels
 * stats: mean and sum of squared deviations of each part and channel */
CS_KERNEL(bn_stats) {
    const int64_t outer = c->ints[0], channels = c->ints[1], inner = c->ints[2], rows = c->ints[3],
                  step = c->ints[4];
    real *stats = c->ptr[0];
    for (int64_t item = begin, k; item < end; item += k) {
        const int64_t row = item / channels * rows, channel = item % channels;
        const int64_t height = cs_min(rows, outer - row);
        const real *x = (const real *)c->ptr[1] + row * step + channel * inner;
        if (rows == 1) {
            k = 1;
            const double n = (double)inner;
            const real mean = K(bn_sum(x, inner) / n);
            const pair s = bn_sums(x, NULL, inner, mean);
            stats[2 * item] = K(mean + s.a / n);
            stats[2 * item + 1] = K(s.b - s.a * s.a / n);
            continue;
        }
        k = cs_min(cs_min(BLOCK, channels - channel), end - item);
        const real n = K(height * inner);
        real mean[BLOCK] = {0}, a[BLOCK], b[BLOCK];
        bn_block_sums(x, NULL, height, step, 0, k, inner, mean, a, b);
        for (int64_t j = 0; j < k; j++)
            mean[j] = a[j] / n;
        bn_block_sums(x, NULL, height, step, 0, k, inner, mean, a, b);
        for (int64_t j = 0; j < k; j++) {
            stats[2 * (item + j)] = mean[j] + a[j] / n;
            stats[2 * (item + j) + 1] = b[j] - a[j] * a[j] / n;
        }
    }
}

/* ptr: mean, scale, stats   ints: parts, channels, size of a part, count   floats: eps   items: channels
 * scale = 1 / sqrt(var + eps); the last part may be smaller */
CS_KERNEL(bn_merge_stats) {
    const int64_t parts = c->ints[0], channels = c->ints[1], size = c->ints[2], count = c->ints[3];
    const double n = (double)count, eps = c->floats[0];
    for (int64_t first = begin, k; first < end; first += k) {
        k = cs_min(BLOCK, end - first);
        const real *stats = (const real *)c->ptr[2] + 2 * first;
        double mean[BLOCK] = {0}, m2[BLOCK] = {0};
        for (int64_t p = 0; p < parts; p++) {
            const double share = (double)cs_min(size, count - p * size) / n;
            for (int64_t j = 0; j < k; j++)
                mean[j] += share * stats[2 * (p * channels + j)];
        }
        for (int64_t p = 0; p < parts; p++) {
            const double m = (double)cs_min(size, count - p * size);
            for (int64_t j = 0; j < k; j++) {
                const double d = stats[2 * (p * channels + j)] - mean[j];
                m2[j] += stats[2 * (p * channels + j) + 1] + m * d * d;
            }
        }
        for (int64_t j = 0; j < k; j++) {
            ((real *)c->ptr[0])[first + j] = K(mean[j]);
            ((real *)c->ptr[1])[first + j] = K(1 / sqrt(m2[j] / n + eps));
        }
    }
}

/* ptr: mean, scale, moving_mean, moving_var   ints: gaps of the states   floats: eps   items: channels */
CS_KERNEL(bn_moving) {
    const real *moving_mean = c->ptr[2], *moving_var = c->ptr[3], eps = K(c->floats[0]);
    for (int64_t i = begin; i < end; i++) {
        ((real *)c->ptr[0])[i] = moving_mean[i * c->ints[0]];
        ((real *)c->ptr[1])[i] = 1 / SQRT(moving_var[i * c->ints[1]] + eps);
    }
}

/* ptr: gamma   ints: gap   items: channels */
CS_KERNEL(bn_ones) {
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[i * c->ints[0]] = 1;
}

/* ptr: y, x, mean, scale, gamma, beta   ints: channels, inner, is_fixed, steps of y, x   items: rows *
 * channels */
CS_KERNEL(bn_apply) {
    const int64_t channels = c->ints[0], inner = c->ints[1], is_fixed = c->ints[2];
    const real *mean = c->ptr[2], *scale = c->ptr[3], *gamma = c->ptr[4], *beta = c->ptr[5];
    for (int64_t item = begin, k; item < end; item += k) {
        const int64_t row = item / channels, channel = item % channels;
        k = inner == 1 ? cs_min(channels - channel, end - item) : 1;
        real *y = (real *)c->ptr[0] + row * c->ints[3] + channel * inner;
        const real *x = (const real *)c->ptr[1] + row * c->ints[4] + channel * inner;
        if (inner == 1) {
            for (int64_t j = 0; j < k; j++) {
                const int64_t ch = channel + j;
                const real s = is_fixed ? scale[ch] : scale[ch] * gamma[ch];
                y[j] = (x[j] - mean[ch]) * s + beta[ch];
            }
            continue;
        }
        const real m = mean[channel], b = beta[channel],
                   s = is_fixed ? scale[channel] : scale[channel] * gamma[channel];
        for (int64_t i = 0; i < inner; i++)
            y[i] = (x[i] - m) * s + b;
    }
}

/* ptr: sums, dy, x, mean   ints: outer, channels, inner, rows, steps of dy, x   items: parts * channels
 * sums: of dy and of dy (x - mean) over each part and channel */
CS_KERNEL(bn_grad_sums) {
    const int64_t outer = c->ints[0], channels = c->ints[1], inner = c->ints[2], rows = c->ints[3];
    const int64_t dy_step = c->ints[4], x_step = c->ints[5];
    const real *mean = c->ptr[3];
    real *sums = c->ptr[0];
    for (int64_t item = begin, k; item < end; item += k) {
        const int64_t row = item / channels * rows, channel = item % channels;
        const real *dy = (const real *)c->ptr[1] + row * dy_step + channel * inner;
        const real *x = (const real *)c->ptr[2] + row * x_step + channel * inner;
        if (rows == 1) {
            k = 1;
            const pair s = bn_sums(x, dy, inner, mean[channel]);
            sums[2 * item] = K(s.a);
            sums[2 * item + 1] = K(s.b);
            continue;
        }
        k = cs_min(cs_min(BLOCK, channels - channel), end - item);
        real a[BLOCK], b[BLOCK];
        bn_block_sums(x, dy, cs_min(rows, outer - row), x_step, dy_step, k, inner, mean + channel, a, b);
        for (int64_t j = 0; j < k; j++) {
            sums[2 * (item + j)] = a[j];
            sums[2 * (item + j) + 1] = b[j];
        }
    }
}

/* ptr: dgamma, dbeta, factors, sums, gamma, scale   ints: parts, channels, count, is_fixed   items: channels
 * factors: gamma r, sum(dy) / m, r^2 sum(dy (x - mean)) / m */
CS_KERNEL(bn_grad_merge) {
    const int64_t parts = c->ints[0], channels = c->ints[1], is_fixed = c->ints[3];
    const double m = (double)c->ints[2];
    const real *gamma = c->ptr[4], *scale = c->ptr[5];
    for (int64_t i = begin; i < end; i++) {
        const real *sums = (const real *)c->ptr[3] + 2 * i;
        const double r = scale[i];
        double a = 0, b = 0;
        for (int64_t p = 0; p < parts; p++) {
            a += sums[2 * p * channels];
            b += sums[2 * p * channels + 1];
        }
        ((real *)c->ptr[0])[i] = is_fixed ? 0 : K(r * b);
        ((real *)c->ptr[1])[i] = K(a);
        real *factors = (real *)c->ptr[2] + 3 * i;
        factors[0] = K(is_fixed ? r : r * gamma[i]);
        factors[1] = K(a / m);
        factors[2] = K(r * r * b / m);
    }
}

/* ptr: dx, dy, x, mean, factors   ints: channels, inner, is_batch, steps of dx, dy, x   items: rows *
 * channels */
CS_KERNEL(bn_grad_data) {
    const int64_t channels = c->ints[0], inner = c->ints[1], is_batch = c->ints[2];
    const real *mean = c->ptr[3], *factors = c->ptr[4];
    for (int64_t item = begin, k; item < end; item += k) {
        const int64_t row = item / channels, channel = item % channels;
        k = inner == 1 ? cs_min(channels - channel, end - item) : 1;
        real *dx = (real *)c->ptr[0] + row * c->ints[3] + channel * inner;
        const real *dy = (const real *)c->ptr[1] + row * c->ints[4] + channel * inner;
        const real *x = (const real *)c->ptr[2] + row * c->ints[5] + channel * inner;
        if (inner == 1) {
            for (int64_t j = 0; j < k; j++) {
                const real *f = factors + 3 * (channel + j);
                dx[j] = f[0] * (is_batch ? dy[j] - f[1] - (x[j] - mean[channel + j]) * f[2] : dy[j]);
            }
            continue;
        }
        const real m = mean[channel], a = factors[3 * channel];
        const real b = factors[3 * channel + 1], f = factors[3 * channel + 2];
        if (is_batch)
            for (int64_t i = 0; i < inner; i++)
                dx[i] = a * (dy[i] - b - (x[i] - m) * f);
        else
            for (int64_t i = 0; i < inner; i++)
                dx[i] = a * dy[i];
    }
}

/* ptr: moving_mean, moving_var, mean, scale, moving_mean, moving_var   ints: gaps of the states
 * floats: momentum, eps   items: channels */
CS_KERNEL(bn_move) {
    const real *mean = c->ptr[2], *scale = c->ptr[3];
    const double momentum = c->floats[0], eps = c->floats[1];
    for (int64_t i = begin; i < end; i++) {
        real *m = (real *)c->ptr[0] + i * c->ints[0], *v = (real *)c->ptr[1] + i * c->ints[1];
        const double r = scale[i], var = 1 / (r * r) - eps;
        *m = K(*m * momentum + mean[i] * (1 - momentum));
        *v = K(*v * momentum + (var < 0 ? 0 : var) * (1 - momentum));
    }
}
