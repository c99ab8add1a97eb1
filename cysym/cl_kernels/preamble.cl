/* What stands before every .cl file: the element type, the parameter macros and the names expressions use.
 *
 * A program is this text, then one kernel file, built for one element type with CS_DT (f32, ..., any) and
 * CS_DT_<DT>=1 defined. OpenCL C 1.2 and nothing above. A pointer parameter is a buffer and a byte offset,
 * because tensors lie anywhere inside an arena; USE_OUT and USE_IN make a typed pointer of the two. No
 * `restrict`: a call may be in-place. Parameters stand in the order outs, ins, works; INT or INTS; FLOAT;
 * ITEMS. */
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#define CS_HAS_F64 1
#endif
#ifdef cl_khr_fp16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define CS_HAS_F16 1
#endif

#if CS_DT_f64
typedef double real;
#define CS_IS_FLOATING 1
#elif CS_DT_f32
typedef float real;
#define CS_IS_FLOATING 1
#elif CS_DT_f16
typedef half real;
#define CS_IS_FLOATING 1
#elif CS_DT_u8 || CS_DT_b8
typedef uchar real;
#elif CS_DT_i8
typedef char real;
#elif CS_DT_i32
typedef int real;
#elif CS_DT_i64
typedef long real;
#endif

/* Scalar parameters have the element type; half cannot be passed everywhere and `any` is none: both get
 * float. */
#if CS_DT_any || CS_DT_f16
typedef float cs_scalar;
#else
typedef real cs_scalar;
#endif

#define OUT(n) __global uchar *n##_mem, const long n##_at
#define IN(n) __global const uchar *n##_mem, const long n##_at
#define OUT_T(type, n) OUT(n)
#define IN_T(type, n) IN(n)
#define INT(n) const long n
#define INTS __constant long *ints /* all integers of the call, where their number varies: ints[0], ... */
#define FLOAT(n) const cs_scalar n
#define ITEMS const long items

#define USE_OUT_T(type, n) __global type *n = (__global type *)(n##_mem + n##_at)
#define USE_IN_T(type, n) __global const type *n = (__global const type *)(n##_mem + n##_at)
#define USE_OUT(n) USE_OUT_T(real, n)
#define USE_IN(n) USE_IN_T(real, n)

#define SEL(c, a, b) ((c) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* The widest arithmetic there is, for the few functions and the integers that need it. */
#if CS_HAS_F64
typedef double cs_wide;
#else
typedef float cs_wide;
#endif

/* A function of integers is computed in cs_wide and cut when it is stored, as the CPU does; constants and
 * roundings keep their operand's kind, so that pure integer arithmetic stays exact. */
#if CS_IS_FLOATING
#define K(x) ((real)(x))
#define CS_F(x) ((real)(x))
#define ABS(x) fabs(CS_F(x))
#define FLOOR(x) floor(CS_F(x))
#define CEIL(x) ceil(CS_F(x))
#define TRUNC(x) trunc(CS_F(x))
#define ROUND(x) round(CS_F(x))
#define RINT(x) rint(CS_F(x))
#define ISNAN(x) isnan(CS_F(x))
#define ISINF(x) isinf(CS_F(x))
#define ISFINITE(x) isfinite(CS_F(x))
#define DIV(a, b) ((a) / (b))
#define MOD(a, b) cs_mod(CS_F(a), CS_F(b))
static inline real cs_mod(real a, real b) { /* the divisor's sign; 0 for a divisor of 0 */
    const real r = fmod(a, b);
    return b == 0 ? 0 * a : (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}
#elif !CS_DT_any
#define K(x) (x)
#define CS_F(x) ((cs_wide)(x))
#define CS_OVERLOAD static inline __attribute__((overloadable))
#if CS_HAS_F64
#define CS_KEEP_F64(name, function)                                                                          \
    CS_OVERLOAD double name(double x) { return function(x); }
#else
#define CS_KEEP_F64(name, function)
#endif
#define CS_KEEP(name, function)                                                                              \
    CS_OVERLOAD int name(int x) { return x; }                                                                \
    CS_OVERLOAD long name(long x) { return x; }                                                              \
    CS_OVERLOAD float name(float x) { return function(x); }                                                  \
    CS_KEEP_F64(name, function)
CS_KEEP(cs_floor, floor)
CS_KEEP(cs_ceil, ceil)
CS_KEEP(cs_trunc, trunc)
CS_KEEP(cs_round, round)
CS_KEEP(cs_rint, rint)
#define ABS(x) ((x) < 0 ? -(x) : (x))
#define FLOOR(x) cs_floor(x)
#define CEIL(x) cs_ceil(x)
#define TRUNC(x) cs_trunc(x)
#define ROUND(x) cs_round(x)
#define RINT(x) cs_rint(x)
#define ISNAN(x) 0
#define ISINF(x) 0
#define ISFINITE(x) 1
#define DIV(a, b) cs_int_div(a, b)
#define MOD(a, b) cs_int_mod(a, b)
static inline long cs_int_div(long a, long b) { return b == 0 ? 0 : b == -1 ? (long)(0 - (ulong)a) : a / b; }
static inline long cs_int_mod(long a, long b) {
    const long r = b == 0 || b == -1 ? 0 : a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
#endif

#define EXP(x) exp(CS_F(x))
#define EXP2(x) exp2(CS_F(x))
#define EXPM1(x) expm1(CS_F(x))
#define LOG(x) log(CS_F(x))
#define LOG2(x) log2(CS_F(x))
#define LOG10(x) log10(CS_F(x))
#define LOG1P(x) log1p(CS_F(x))
#define SQRT(x) sqrt(CS_F(x))
#define RSQRT(x) (1 / sqrt(CS_F(x)))
#define CBRT(x) cbrt(CS_F(x))
#define POW(x, y) pow(CS_F(x), CS_F(y))
#define FMOD(x, y) fmod(CS_F(x), CS_F(y))
#define HYPOT(x, y) hypot(CS_F(x), CS_F(y))
#define SIN(x) sin(CS_F(x))
#define COS(x) cos(CS_F(x))
#define TAN(x) tan(CS_F(x))
#define ASIN(x) asin(CS_F(x))
#define ACOS(x) acos(CS_F(x))
#define ATAN(x) atan(CS_F(x))
#define ATAN2(y, x) atan2(CS_F(y), CS_F(x))
#define SINH(x) sinh(CS_F(x))
#define COSH(x) cosh(CS_F(x))
#define TANH(x) tanh(CS_F(x))
#define ASINH(x) asinh(CS_F(x))
#define ACOSH(x) acosh(CS_F(x))
#define ATANH(x) atanh(CS_F(x))
#define ERF(x) erf(CS_F(x))
#define TGAMMA(x) tgamma(CS_F(x))
#define LGAMMA(x) lgamma((cs_wide)(x))
#define DIGAMMA(x) cs_digamma((cs_wide)(x))
#define ERFINV(x) cs_erfinv((cs_wide)(x))

/* Winitzki's approximation, then two steps of Halley's method; see c_kernels/vmath.h. */
static inline cs_wide cs_erfinv(cs_wide x) {
    const cs_wide a = fabs(x), one = 1, c = (cs_wide)0.147, pi = (cs_wide)3.14159265358979323846;
    if (!(a < one))
        return a == one ? copysign((cs_wide)INFINITY, x) : (cs_wide)NAN;
    const cs_wide l = log((one - a) * (one + a)), h = 2 / (pi * c) + l / 2;
    cs_wide y = sqrt(sqrt(h * h - l / c) - h);
    for (int i = 0; i < 2; i++) {
        const cs_wide miss = a < one / 2 ? erf(y) - a : (one - a) - erfc(y);
        const cs_wide step = miss * sqrt(pi) / 2 * exp(y * y);
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}

/* Recurrence up to 10, then the asymptotic series; negative arguments by reflection, poles are NaN. */
static inline cs_wide cs_digamma(cs_wide x) {
    const cs_wide pi = (cs_wide)3.14159265358979323846;
    cs_wide sum = 0;
    if (x <= 0) {
        if (x == floor(x))
            return NAN;
        sum = -pi / tan(pi * x);
        x = 1 - x;
    }
    for (; x < 10; x += 1)
        sum -= 1 / x;
    const cs_wide one = 1, z = 1 / (x * x);
    return sum + log(x) - one / (2 * x) -
           z * (one / 12 - z * (one / 120 - z * (one / 252 - z * (one / 240 - z * (one / 132)))));
}
