//! dtypes: f32 f64
/* MXNet's random stream: 1,024 Mersenne twisters (MT19937), one item each, and what is drawn from them.
 *
 * A generator is 624 words and the position of the next one. No multiplication here may be fused with an
 * addition: the polar method accepts or refuses a pair by its last bit, and the stream must be the same on
 * every device. */
#include "cysym.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

enum { WORDS = 624, MIDDLE = 397, STATE = WORDS + 1 };

static inline uint32_t random_mix(uint32_t a, uint32_t b, uint32_t far) {
    const uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return far ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
}

static inline uint32_t random_temper(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* Makes the next 624 words when all are used; returns the position. */
static inline uint32_t random_refill(uint32_t *s) {
    if (s[WORDS] < WORDS)
        return s[WORDS];
    for (int i = 0; i < WORDS - MIDDLE; i++)
        s[i] = random_mix(s[i], s[i + 1], s[i + MIDDLE]);
    for (int i = WORDS - MIDDLE; i < WORDS - 1; i++)
        s[i] = random_mix(s[i], s[i + 1], s[i + MIDDLE - WORDS]);
    s[WORDS - 1] = random_mix(s[WORDS - 1], s[0], s[MIDDLE - 1]);
    return s[WORDS] = 0;
}

static inline uint32_t random_next(uint32_t *s) {
    const uint32_t at = random_refill(s);
    s[WORDS] = at + 1;
    return random_temper(s[at]);
}

#if CS_DT_f32
#define ALMOST_ONE 0.99999994f
#define LOG logf
#define SQRT sqrtf
static inline real random_unit(uint32_t u) {
    const real v = (real)u * 0x1p-32f;
    return v < 1 ? v : ALMOST_ONE;
}
static inline real random_uniform01(uint32_t *s) { return random_unit(random_next(s)); }
#else
#define ALMOST_ONE 0.99999999999999989
#define LOG log
#define SQRT sqrt
static inline real random_uniform01(uint32_t *s) {
    const real low = random_next(s), v = (low + random_next(s) * 0x1p32) * 0x1p-64;
    return v < 1 ? v : ALMOST_ONE;
}
#endif

/* ptr: state   ints: seed   items: generators */
CS_KERNEL(random_seed) {
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = (uint32_t *)c->ptr[0] + g * STATE;
        s[0] = (uint32_t)((uint64_t)c->ints[0] * 127 + (uint64_t)g);
        for (uint32_t i = 1; i < WORDS; i++)
            s[i] = 1812433253u * (s[i - 1] ^ (s[i - 1] >> 30)) + i;
        s[WORDS] = WORDS;
    }
}

/* ptr: y, state, state   ints: size, step   floats: low, span   items: generators */
CS_KERNEL(random_uniform) {
    const int64_t size = c->ints[0], step = c->ints[1];
    const real low = K(c->floats[0]), span = K(c->floats[1]);
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = (uint32_t *)c->ptr[1] + g * STATE;
        real *y = (real *)c->ptr[0] + g * step;
        const int64_t n = cs_min(step, size - g * step);
#if CS_DT_f32
        for (int64_t i = 0; i < n;) {
            const uint32_t at = random_refill(s);
            const int64_t k = cs_min(n - i, WORDS - at);
            for (int64_t j = 0; j < k; j++)
                y[i + j] = low + span * random_unit(random_temper(s[at + j]));
            s[WORDS] = at + (uint32_t)k;
            i += k;
        }
#else
        for (int64_t i = 0; i < n; i++)
            y[i] = low + span * random_uniform01(s);
#endif
    }
}

/* ptr: y, state, state   ints: size, step   floats: loc, scale   items: generators */
CS_KERNEL(random_normal) {
    const int64_t size = c->ints[0], step = c->ints[1];
    const real loc = K(c->floats[0]), scale = K(c->floats[1]);
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = (uint32_t *)c->ptr[1] + g * STATE;
        real *y = (real *)c->ptr[0] + g * step;
        const int64_t n = cs_min(step, size - g * step);
        for (int64_t i = 0; i < n; i++) {
            real a, b, r2;
            do {
                a = 2 * random_uniform01(s) - 1;
                b = 2 * random_uniform01(s) - 1;
                r2 = a * a + b * b;
            } while (r2 > 1 || r2 == 0);
            y[i] = b * SQRT(-2 * LOG(r2) / r2) * scale + loc;
        }
    }
}

/* Dropout's mask: `value` where a uniform number is below `keep`, else 0.
 * ptr: mask, state, state   ints: size, step   floats: keep, value   items: generators */
CS_KERNEL(random_mask) {
    const int64_t size = c->ints[0], step = c->ints[1];
    const real keep = K(c->floats[0]), value = K(c->floats[1]);
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = (uint32_t *)c->ptr[1] + g * STATE;
        real *y = (real *)c->ptr[0] + g * step;
        const int64_t n = cs_min(step, size - g * step);
#if CS_DT_f32
        for (int64_t i = 0; i < n;) {
            const uint32_t at = random_refill(s);
            const int64_t k = cs_min(n - i, WORDS - at);
            for (int64_t j = 0; j < k; j++)
                y[i + j] = random_unit(random_temper(s[at + j])) < keep ? value : 0;
            s[WORDS] = at + (uint32_t)k;
            i += k;
        }
#else
        for (int64_t i = 0; i < n; i++) /* MXNet compares in float32 */
            y[i] = (float)random_uniform01(s) < (float)keep ? value : 0;
#endif
    }
}
