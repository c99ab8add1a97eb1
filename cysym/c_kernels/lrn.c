//! dtypes: f32 f64
/* Local response normalisation. Data is (batch, channels, inner); an item is a block of neighbouring
 * positions of one sample, all its channels. Each window is summed anew: sliding sums would lose digits. */
#include "vmath.h"

enum { BLOCK = 64 };

/* p = v ^ -beta; the usual exponent needs two roots and no logarithm. */
static inline void lrn_powers(real *p, const real *v, int64_t k, real beta) {
    if (beta == K(0.75))
        for (int64_t j = 0; j < k; j++) {
            const real root = SQRT(v[j]);
            p[j] = 1 / (root * SQRT(root));
        }
    else
        for (int64_t j = 0; j < k; j++)
            p[j] = EXP(-beta * LOG(v[j]));
}

/* ptr: y, norm, x   ints: channels, inner, half   floats: alpha / nsize, knorm, beta   items: batch * blocks
 */
CS_KERNEL(lrn) {
    const int64_t channels = c->ints[0], inner = c->ints[1], half = c->ints[2];
    const int64_t blocks = cs_div_up(inner, BLOCK);
    const real factor = K(c->floats[0]), knorm = K(c->floats[1]), beta = K(c->floats[2]);
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item / blocks * channels * inner + item % blocks * BLOCK;
        const int64_t k = cs_min(BLOCK, inner - item % blocks * BLOCK);
        const real *x = (const real *)c->ptr[2] + first;
        real *y = (real *)c->ptr[0] + first, *norm = (real *)c->ptr[1] + first;
        for (int64_t ch = 0; ch < channels; ch++) {
            real sum[BLOCK] = {0};
            for (int64_t w = cs_max(ch - half, 0); w < cs_min(ch + half + 1, channels); w++)
                for (int64_t j = 0; j < k; j++)
                    sum[j] += x[w * inner + j] * x[w * inner + j];
            real power[BLOCK];
            for (int64_t j = 0; j < k; j++)
                norm[ch * inner + j] = sum[j] = knorm + factor * sum[j];
            lrn_powers(power, sum, k, beta);
            for (int64_t j = 0; j < k; j++)
                y[ch * inner + j] = x[ch * inner + j] * power[j];
        }
    }
}

/* ptr: dx, dy, x, y, norm   ints: channels, inner, half   floats: 2 alpha beta / nsize, beta
 * items: batch * blocks */
CS_KERNEL(lrn_grad) {
    const int64_t channels = c->ints[0], inner = c->ints[1], half = c->ints[2];
    const int64_t blocks = cs_div_up(inner, BLOCK);
    const real factor = K(c->floats[0]), beta = K(c->floats[1]);
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item / blocks * channels * inner + item % blocks * BLOCK;
        const int64_t k = cs_min(BLOCK, inner - item % blocks * BLOCK);
        const real *dy = (const real *)c->ptr[1] + first, *x = (const real *)c->ptr[2] + first;
        const real *y = (const real *)c->ptr[3] + first, *norm = (const real *)c->ptr[4] + first;
        real *dx = (real *)c->ptr[0] + first;
        for (int64_t ch = 0; ch < channels; ch++) {
            real sum[BLOCK] = {0};
            for (int64_t w = cs_max(ch - half, 0); w < cs_min(ch + half + 1, channels); w++)
                for (int64_t j = 0; j < k; j++)
                    sum[j] += dy[w * inner + j] * y[w * inner + j] / norm[w * inner + j];
            real power[BLOCK];
            lrn_powers(power, norm + ch * inner, k, beta);
            for (int64_t j = 0; j < k; j++) {
                const int64_t at = ch * inner + j;
                dx[at] = dy[at] * power[j] - factor * x[at] * sum[j];
            }
        }
    }
}
