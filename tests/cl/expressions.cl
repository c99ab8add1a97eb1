//! dtypes: f32 f64 i32 u8
// Every function name the preamble gives to expressions: y[i] = f_i(x[j]), one row of y a function.

// ptr: y, x   ints: n   items: n
__kernel void probe_functions(OUT(y), IN(x), INT(n), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real v = x[i];
    long row = 0;
#define PUT(e) y[row++ * n + i] = e
    PUT(EXP(v));
    PUT(EXP2(v));
    PUT(EXPM1(v));
    PUT(LOG(v));
    PUT(LOG2(v));
    PUT(LOG10(v));
    PUT(LOG1P(v));
    PUT(SQRT(v));
    PUT(RSQRT(v));
    PUT(CBRT(v));
    PUT(POW(v, K(2.5)));
    PUT(FMOD(v, K(2)));
    PUT(HYPOT(v, K(3)));
    PUT(SIN(v));
    PUT(COS(v));
    PUT(TAN(v));
    PUT(ASIN(v / K(4)));
    PUT(ACOS(v / K(4)));
    PUT(ATAN(v));
    PUT(ATAN2(v, K(2)));
    PUT(SINH(v));
    PUT(COSH(v));
    PUT(TANH(v));
    PUT(ASINH(v));
    PUT(ACOSH(v + K(1)));
    PUT(ATANH(v / K(4)));
    PUT(ERF(v));
    PUT(TGAMMA(v));
    PUT(LGAMMA(v));
    PUT(DIGAMMA(v));
    PUT(DIV(v, K(2)));
    PUT(MOD(-v, K(2)));
    PUT(FLOOR(v));
    PUT(CEIL(v));
    PUT(ROUND(v));
    PUT(RINT(v));
    PUT(TRUNC(v));
    PUT(ABS(v));
    PUT(MAX(v, K(2)));
    PUT(MIN(v, K(2)));
    PUT(SEL(v > K(1), K(5), v));
    PUT(ISNAN(v) + ISINF(v) + K(2) * ISFINITE(v));
}
