//! dtypes: f32 f64
/* MXNet's random stream: 1,024 Mersenne twisters (MT19937), a work-item each. See c_kernels/random.c; the
 * same words, and with contraction off the same numbers. */
#pragma OPENCL FP_CONTRACT OFF

#define RANDOM_WORDS 624
#define RANDOM_MIDDLE 397

static inline uint random_mix(uint a, uint b, uint far_) {
    const uint y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return far_ ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
}

static inline uint random_next(__global uint *s) {
    uint at = s[RANDOM_WORDS];
    if (at >= RANDOM_WORDS) {
        for (int i = 0; i < RANDOM_WORDS - RANDOM_MIDDLE; i++)
            s[i] = random_mix(s[i], s[i + 1], s[i + RANDOM_MIDDLE]);
        for (int i = RANDOM_WORDS - RANDOM_MIDDLE; i < RANDOM_WORDS - 1; i++)
            s[i] = random_mix(s[i], s[i + 1], s[i + RANDOM_MIDDLE - RANDOM_WORDS]);
        s[RANDOM_WORDS - 1] = random_mix(s[RANDOM_WORDS - 1], s[0], s[RANDOM_MIDDLE - 1]);
        at = 0;
    }
    s[RANDOM_WORDS] = at + 1;
    uint y = s[at];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline real random_uniform01(__global uint *s) {
#if CS_DT_f64
    const real low = random_next(s), v = (low + random_next(s) * 0x1p32) * 0x1p-64;
    return v < 1 ? v : K(0.99999999999999989);
#else
    const float v = convert_float_rte(random_next(s)) * 0x1p-32f;
    return v < 1.0f ? v : 0.99999994f;
#endif
}

// ptr: state   ints: seed   items: generators
__kernel void random_seed(OUT_T(uint, state), INT(seed), ITEMS) {
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    __global uint *s = state + g * (RANDOM_WORDS + 1);
    s[0] = (uint)(seed * 127 + g);
    for (uint i = 1; i < RANDOM_WORDS; i++)
        s[i] = 1812433253u * (s[i - 1] ^ (s[i - 1] >> 30)) + i;
    s[RANDOM_WORDS] = RANDOM_WORDS;
}

// ptr: y, state, state   ints: size, step   floats: low, span   items: generators
__kernel void random_uniform(OUT(y), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step), FLOAT(low),
                             FLOAT(span), ITEMS) {
    USE_OUT(y);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    __global uint *s = state + g * (RANDOM_WORDS + 1);
    for (long i = g * step, end = min(i + step, size); i < end; i++)
        y[i] = low + span * random_uniform01(s);
}

// ptr: y, state, state   ints: size, step   floats: loc, scale   items: generators
__kernel void random_normal(OUT(y), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step), FLOAT(loc),
                            FLOAT(scale), ITEMS) {
    USE_OUT(y);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    __global uint *s = state + g * (RANDOM_WORDS + 1);
    for (long i = g * step, end = min(i + step, size); i < end; i++) {
        real a, b, r2;
        do {
            a = 2 * random_uniform01(s) - 1;
            b = 2 * random_uniform01(s) - 1;
            r2 = a * a + b * b;
        } while (r2 > 1 || r2 == 0);
        y[i] = b * SQRT(-2 * LOG(r2) / r2) * scale + loc;
    }
}

// ptr: mask, state, state   ints: size, step   floats: keep, value   items: generators
__kernel void random_mask(OUT(mask), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step),
                          FLOAT(keep), FLOAT(value), ITEMS) {
    USE_OUT(mask);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    __global uint *s = state + g * (RANDOM_WORDS + 1);
    for (long i = g * step, end = min(i + step, size); i < end; i++)
        mask[i] = (float)random_uniform01(s) < (float)keep ? value : K(0); /* MXNet compares in float32 */
}
