/* Functions the elementwise expressions name: EXP, LOG, TANH, ... for the element type the file is compiled
 * for.
 *
 * float32: own, branch-free, so that a loop over them vectorises on every instruction set; float64 and the
 * rest: libm. Integer types compute functions in double and are cut back by the final store, as a C cast
 * does. NaN, infinities, denormals and overflow end as libm's do. Polynomials are minimax fits made for these
 * intervals; errors in ulp beside each function were measured over dense samples of the whole range
 * (tests/test_elementwise.py holds them). */
#ifndef CYSYM_VMATH_H
#define CYSYM_VMATH_H
#include "cysym.h"

static inline int32_t vm_bits(float x) {
    int32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

static inline float vm_float(uint32_t i) {
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

#define VM_ROUND 12582912.0f /* 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits */
#define VM_LOG2E 1.44269504f
#define VM_LN2_HI 0.693359375f /* few enough bits that n * LN2_HI is exact */
#define VM_LN2_LO -2.12194440e-4f

/* x = n ln 2 + r, |r| <= ln 2 / 2 */
#define VM_REDUCE(x, n, r)                                                                                   \
    const float r##_sum = (x) * VM_LOG2E + VM_ROUND;                                                         \
    const float r##_n = r##_sum - VM_ROUND;                                                                  \
    const int32_t n = vm_bits(r##_sum) - 0x4B400000;                                                         \
    const float r = ((x) - r##_n * VM_LN2_HI) - r##_n * VM_LN2_LO

static inline float vm_pow2(int32_t n) { return vm_float((uint32_t)(n + 127) << 23); }

/* 1 ulp. The power of two is applied in two halves, so that denormal results are right. */
static inline float vm_exp(float x) {
    float c = x > 89.0f ? 89.0f : x;
    c = c < -104.0f ? -104.0f : c;
    VM_REDUCE(c, n, r);
    float p = 1.381459659e-3f;
    p = p * r + 8.368717312e-3f;
    p = p * r + 4.166838811e-2f;
    p = p * r + 1.666652063e-1f;
    p = p * r + 4.999999345e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t half = n >> 1;
    return p * vm_pow2(half) * vm_pow2(n - half);
}

/* exp(r) - 1 for a reduced argument */
static inline float vm_expm1_poly(float r) {
    float p = 1.991357487e-4f;
    p = p * r + 1.394102247e-3f;
    p = p * r + 8.333274132e-3f;
    p = p * r + 4.166635442e-2f;
    p = p * r + 1.666666681e-1f;
    p = p * r + 5.000000047e-1f;
    return p * (r * r) + r;
}

/* 2 ulp. exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), halved throughout because 2^128 is no float. */
static inline float vm_expm1(float x) {
    float c = x > 89.0f ? 89.0f : x;
    c = c < -20.0f ? -20.0f : c;
    VM_REDUCE(c, n, r);
    const float s = vm_pow2(n - 1);
    const float big = 2.0f * (s * vm_expm1_poly(r) + (s - 0.5f));
    return fabsf(x) < 5e-8f ? x : big; /* halves of denormals would be lost */
}

/* 3 ulp. tanh |x| = -e / (e + 2) with e = exp(-2 |x|) - 1; no cancellation anywhere. */
static inline float vm_tanh(float x) {
    const float a = fabsf(x);
    const float c = a > 10.0f ? -20.0f : -2.0f * a;
    VM_REDUCE(c, n, r);
    const float s = vm_pow2(n);
    const float e = s * vm_expm1_poly(r) + (s - 1.0f);
    return copysignf(e / (e + 2.0f), x);
}

/* 1 ulp. x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). */
static inline float vm_log(float x) {
    const int32_t tiny = x < 1.17549435e-38f;
    const float up = tiny ? x * 8388608.0f : x;
    const int32_t i = vm_bits(up) - 0x3F3504F3;
    const int32_t e = (i >> 23) - (tiny ? 23 : 0);
    const float f = vm_float((uint32_t)(i & 0x007FFFFF) + 0x3F3504F3u) - 1.0f;
    const float n = (float)e, z = f * f;
    float p = 6.916422156e-2f;
    p = p * f - 1.179163042e-1f;
    p = p * f + 1.187347835e-1f;
    p = p * f - 1.238409265e-1f;
    p = p * f + 1.421856263e-1f;
    p = p * f - 1.666926142e-1f;
    p = p * f + 2.000223132e-1f;
    p = p * f - 2.499998647e-1f;
    p = p * f + 3.333331038e-1f;
    float y = f * z * p + n * VM_LN2_LO;
    y = y - 0.5f * z;
    y = (f + y) + n * VM_LN2_HI;
    y = x < INFINITY ? y : x; /* infinity and NaN pass */
    y = x == 0.0f ? -INFINITY : y;
    return x < 0.0f ? NAN : y;
}

/* 2 ulp. What rounding 1 + x lost is put back to first order. */
static inline float vm_log1p(float x) {
    const float u = 1.0f + x;
    const float lost = x - (u - 1.0f);
    const float fix = lost / (u > 0.0f ? u : 1.0f);
    const float y = vm_log(u) + fix;
    return x == 0.0f ? x : (u < INFINITY ? y : u);
}

/* 3 ulp. x P(x^2) near zero; beyond, 1 - exp(Q(|x|)) with Q fitted to log(erfc). */
static inline float vm_erf(float x) {
    const float a = fabsf(x), z = x * x;
    float p = 8.185090159e-5f;
    p = p * z - 8.097702745e-4f;
    p = p * z + 5.196952046e-3f;
    p = p * z - 2.685770510e-2f;
    p = p * z + 1.128366400e-1f;
    p = p * z - 3.761263161e-1f;
    p = p * z + 1.128379166f;
    const float c = a > 4.0f ? 4.0f : a;
    float q = -2.121791457e-5f;
    q = q * c + 4.358846288e-4f;
    q = q * c - 4.177961698e-3f;
    q = q * c + 2.513761980e-2f;
    q = q * c - 1.083082681e-1f;
    q = q * c - 6.333212546e-1f;
    q = q * c - 1.129527647f;
    q = q * c + 1.773344533e-4f;
    const float far = copysignf(1.0f - vm_exp(q), x);
    return a < 0.94f ? x * p : far;
}

/* Digamma by recurrence up to 10 and the asymptotic series; negative arguments by reflection, poles are NaN.
 */
static inline double vm_digamma(double x) {
    double sum = 0;
    if (x <= 0) {
        if (x == floor(x))
            return NAN;
        sum = -M_PI / tan(M_PI * x);
        x = 1 - x;
    }
    for (; x < 10; x += 1)
        sum -= 1 / x;
    const double z = 1 / (x * x);
    return sum + log(x) - 0.5 / x -
           z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
}

/* Winitzki's approximation (relative error 2e-3), then two steps of Halley's method, each of which cubes the
 * error. From 1/2 on the complement is used, 1 - |x| being exact there. */
static inline double vm_erfinv(double x) {
    const double a = fabs(x);
    if (!(a < 1))
        return a == 1 ? copysign(INFINITY, x) : NAN;
    const double l = log((1 - a) * (1 + a)), h = 2 / (M_PI * 0.147) + 0.5 * l;
    double y = sqrt(sqrt(h * h - l / 0.147) - h);
    for (int i = 0; i < 2; i++) {
        const double miss = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
        const double step = miss * (0.5 * sqrt(M_PI)) * exp(y * y);
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}

/* lgamma without the global `signgam` that libm's writes */
static inline double vm_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

static inline double vm_mod(double a, double b) { /* the divisor's sign; 0 for a divisor of 0 */
    const double r = fmod(a, b);
    return b == 0 ? 0 * a : (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}

static inline int64_t vm_int_div(int64_t a, int64_t b) {
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static inline int64_t vm_int_mod(int64_t a, int64_t b) {
    const int64_t r = b == 0 || b == -1 ? 0 : a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#define SEL(c, a, b) ((c) ? (a) : (b))
#if CS_DT_f32
#define EXP(x) vm_exp(x)
#define EXPM1(x) vm_expm1(x)
#define LOG(x) vm_log(x)
#define LOG1P(x) vm_log1p(x)
#define TANH(x) vm_tanh(x)
#define ERF(x) vm_erf(x)
#define ISNAN(x) ((x) != (x))
#define ABS(x) fabsf(x)
#define DIV(a, b) ((a) / (b))
#define SQRT(x) sqrtf(x)
#define FLOOR(x) floorf(x)
#define CEIL(x) ceilf(x)
#define TRUNC(x) truncf(x)
#define LOG2(x) log2f(x)
#define LOG10(x) log10f(x)
#define SIN(x) sinf(x)
#define COS(x) cosf(x)
#define TAN(x) tanf(x)
#define ASIN(x) asinf(x)
#define ACOS(x) acosf(x)
#define ATAN(x) atanf(x)
#define SINH(x) sinhf(x)
#define COSH(x) coshf(x)
#define ASINH(x) asinhf(x)
#define ACOSH(x) acoshf(x)
#define ATANH(x) atanhf(x)
#define CBRT(x) cbrtf(x)
#define POW(a, b) powf(a, b)
#define HYPOT(a, b) hypotf(a, b)
#define TGAMMA(x) tgammaf(x)
#define MOD(a, b) ((float)vm_mod(a, b))
#define LGAMMA(x) ((float)vm_lgamma(x))
#define DIGAMMA(x) ((float)vm_digamma(x))
#define ERFINV(x) ((float)vm_erfinv(x))
#else
#define EXP(x) exp(x)
#define EXPM1(x) expm1(x)
#define LOG(x) log(x)
#define LOG1P(x) log1p(x)
#define TANH(x) tanh(x)
#define ERF(x) erf(x)
#define SQRT(x) sqrt(x)
#define LOG2(x) log2(x)
#define LOG10(x) log10(x)
#define SIN(x) sin(x)
#define COS(x) cos(x)
#define TAN(x) tan(x)
#define ASIN(x) asin(x)
#define ACOS(x) acos(x)
#define ATAN(x) atan(x)
#define SINH(x) sinh(x)
#define COSH(x) cosh(x)
#define ASINH(x) asinh(x)
#define ACOSH(x) acosh(x)
#define ATANH(x) atanh(x)
#define CBRT(x) cbrt(x)
#define POW(a, b) pow(a, b)
#define HYPOT(a, b) hypot(a, b)
#define TGAMMA(x) tgamma(x)
#define LGAMMA(x) vm_lgamma(x)
#define DIGAMMA(x) vm_digamma(x)
#define ERFINV(x) vm_erfinv(x)
#if CS_DT_f64
#define ISNAN(x) ((x) != (x))
#define ABS(x) fabs(x)
#define DIV(a, b) ((a) / (b))
#define FLOOR(x) floor(x)
#define CEIL(x) ceil(x)
#define TRUNC(x) trunc(x)
#define MOD(a, b) vm_mod(a, b)
#else
/* Integers: constants and roundings keep their operand's kind, so that pure integer arithmetic stays exact.
 */
#undef K
#define K(x) _Generic((x), double: (double)(x), default: (real)(x))
#define ISNAN(x) 0
#define ABS(x) _Generic((x), double: fabs((double)(x)), default: (x) < 0 ? -(x) : (x))
#define FLOOR(x) _Generic((x), double: floor((double)(x)), default: (x))
#define CEIL(x) _Generic((x), double: ceil((double)(x)), default: (x))
#define TRUNC(x) _Generic((x), double: trunc((double)(x)), default: (x))
#define DIV(a, b) vm_int_div(a, b)
#define MOD(a, b) vm_int_mod(a, b)
#endif
#endif
#endif
