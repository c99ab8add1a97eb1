//! dtypes: f32 f64 i32 i64
/* Reductions over any set of axes; see c_kernels/reduce.c for the form of a call. A work-group of 128 an
 * item: in "rows" its work-items share one output and join over local memory, in "cols" each has an output of
 * its own. Every work-item keeps a compensated sum, so float32 stays exact enough on devices without doubles.
 */
#if CS_IS_FLOATING
typedef real reduce_wide;
#define REDUCE_LOWEST ((reduce_wide)(-INFINITY))
#define REDUCE_HIGHEST ((reduce_wide)INFINITY)
#define REDUCE_ISNAN(x) ((x) != (x))
#else
typedef long reduce_wide;
#define REDUCE_LOWEST LONG_MIN
#define REDUCE_HIGHEST LONG_MAX
#define REDUCE_ISNAN(x) 0
#endif

enum { REDUCE_KEPT = 0, REDUCE_KEPT_STEP = 3, REDUCE_RED = 6, REDUCE_RED_STEP = 9 };
enum { REDUCE_PARTS = 12, REDUCE_PART, REDUCE_DIVISOR, REDUCE_IS_COLS, REDUCE_GROUP = 128 };
enum { SUM, NANSUM, ABSOLUTE, SQUARE, ZEROS, PROD, NANPROD, PROD_NONZERO, NANPROD_NONZERO, MAXIMUM, MINIMUM };

static inline reduce_wide reduce_start(int op) {
    return op <= ZEROS ? 0 : op < MAXIMUM ? 1 : op == MAXIMUM ? REDUCE_LOWEST : REDUCE_HIGHEST;
}

static inline reduce_wide reduce_map(int op, reduce_wide x) {
    switch (op) {
    case NANSUM:
        return REDUCE_ISNAN(x) ? 0 : x;
    case ABSOLUTE:
        return x < 0 ? -x : x;
    case SQUARE:
        return x * x;
    case ZEROS:
        return x == 0;
    case NANPROD:
        return REDUCE_ISNAN(x) ? 1 : x;
    case PROD_NONZERO:
        return x == 0 ? 1 : x;
    case NANPROD_NONZERO:
        return x == 0 || REDUCE_ISNAN(x) ? 1 : x;
    default:
        return x;
    }
}

/* `lost` is what rounding took from a sum (Neumaier). */
typedef struct {
    reduce_wide value, lost;
} reduce_total;

static inline reduce_total reduce_add(int op, reduce_total t, reduce_wide b) {
    const reduce_wide a = t.value;
    if (op == MAXIMUM || op == MINIMUM) {
        t.value = (op == MAXIMUM ? b > a : b < a) || REDUCE_ISNAN(b) ? b : a;
    } else if (op > ZEROS) {
        t.value = a * b;
    } else {
        t.value = a + b;
#if CS_IS_FLOATING
        t.lost += fabs(a) >= fabs(b) ? (a - t.value) + b : (b - t.value) + a;
#endif
    }
    return t;
}

static inline real reduce_finish(int op, reduce_total t, long divisor) {
    reduce_wide value = t.value;
    if (op <= ZEROS && !REDUCE_ISNAN(t.lost)) /* infinities make `lost` a NaN: then the plain sum is right */
        value += t.lost;
    if (op == SQUARE)
        return SQRT(value);
    return (real)(divisor == 1 ? value : value / (reduce_wide)divisor);
}

/* Offset of element `i` of the reduced dimensions. */
static inline long reduce_at(__constant long *p, long i) {
    const long n2 = p[REDUCE_RED + 2], n1 = p[REDUCE_RED + 1];
    if (n2 > i)
        return i * p[REDUCE_RED_STEP + 2];
    const long above = i <= INT_MAX ? (long)((uint)i / (uint)n2) : i / n2;
    const long top = above <= INT_MAX ? (long)((uint)above / (uint)n1) : above / n1;
    return (i - above * n2) * p[REDUCE_RED_STEP + 2] + (above - top * n1) * p[REDUCE_RED_STEP + 1] +
           top * p[REDUCE_RED_STEP];
}

/* Which elements a work-item reduces, and where its result goes. */
typedef struct {
    long x, first, last, step, y;
    bool writes;
} reduce_share;

static inline reduce_share reduce_find(__constant long *p, long item, int lane) {
    const long n1 = p[REDUCE_KEPT + 1], n2 = p[REDUCE_KEPT + 2], outer = p[REDUCE_KEPT] * n1;
    const long size = p[REDUCE_RED] * p[REDUCE_RED + 1] * p[REDUCE_RED + 2], parts = p[REDUCE_PARTS];
    const long chunks = (n2 + REDUCE_GROUP - 1) / REDUCE_GROUP;
    reduce_share s;
    long part, k, col;
    if (p[REDUCE_IS_COLS]) {
        part = item / chunks / outer;
        k = item / chunks % outer;
        col = item % chunks * REDUCE_GROUP + lane;
        s.y = (part * outer + k) * n2 + col;
        s.step = 1;
        s.writes = col < n2;
    } else {
        part = item % parts;
        k = item / parts / n2;
        col = item / parts % n2;
        s.y = item;
        s.step = REDUCE_GROUP;
        s.writes = lane == 0;
    }
    s.x = k / n1 * p[REDUCE_KEPT_STEP] + k % n1 * p[REDUCE_KEPT_STEP + 1] + col * p[REDUCE_KEPT_STEP + 2];
    s.first = part * p[REDUCE_PART] + (s.step == 1 ? 0 : lane);
    s.last = col < n2 ? min((part + 1) * p[REDUCE_PART], size) : 0;
    return s;
}

/* Everybody joins over local memory, but in "cols" in no steps at all, by the same decision for the whole
 * group. */
#define REDUCE_BODY(op)                                                                                      \
    USE_OUT(y);                                                                                              \
    USE_IN(x);                                                                                               \
    __local reduce_wide value[REDUCE_GROUP], lost[REDUCE_GROUP];                                             \
    const int lane = get_local_id(0);                                                                        \
    const reduce_share s = reduce_find(ints, get_group_id(0), lane);                                         \
    reduce_total total = {reduce_start(op), 0};                                                              \
    for (long i = s.first; i < s.last; i += s.step)                                                          \
        total = reduce_add(op, total, reduce_map(op, x[s.x + reduce_at(ints, i)]));                          \
    value[lane] = total.value;                                                                               \
    lost[lane] = total.lost;                                                                                 \
    for (int size = s.step == 1 ? 0 : REDUCE_GROUP / 2; size > 0; size /= 2) {                               \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
        if (lane < size) {                                                                                   \
            reduce_total both = {value[lane], lost[lane] + lost[lane + size]};                               \
            both = reduce_add(op, both, value[lane + size]);                                                 \
            value[lane] = both.value;                                                                        \
            lost[lane] = both.lost;                                                                          \
        }                                                                                                    \
    }                                                                                                        \
    if (s.writes) {                                                                                          \
        const reduce_total result = {value[lane], lost[lane]};                                               \
        y[s.y] = reduce_finish(op, result, ints[REDUCE_DIVISOR]);                                            \
    }

// ptr: y, x   ints: kept[3], their strides[3], reduced[3], their strides[3], parts, part, divisor, is_cols
// items: rows: outputs * parts; cols: parts * kept[0] * kept[1] * ceil(kept[2] / 128)
//! grid reduce_sum: items * 128, local 128
__kernel void reduce_sum(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(SUM)}

//! grid reduce_max: items * 128, local 128
__kernel void reduce_max(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(MAXIMUM)}

//! grid reduce_min: items * 128, local 128
__kernel void reduce_min(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(MINIMUM)}

//! grid reduce_norm: items * 128, local 128
__kernel void reduce_norm(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(SQUARE)}

//! grid reduce_abs: items * 128, local 128
__kernel void reduce_abs(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(ABSOLUTE)}

//! grid reduce_nansum: items * 128, local 128
__kernel void reduce_nansum(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(NANSUM)}

//! grid reduce_prod: items * 128, local 128
__kernel void reduce_prod(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(PROD)}

//! grid reduce_nanprod: items * 128, local 128
__kernel void reduce_nanprod(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(NANPROD)}

//! grid reduce_zeros: items * 128, local 128
__kernel void reduce_zeros(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(ZEROS)}

//! grid reduce_prod_nonzero: items * 128, local 128
__kernel void reduce_prod_nonzero(OUT(y), IN(x), INTS, ITEMS){REDUCE_BODY(PROD_NONZERO)}

//! grid reduce_nanprod_nonzero: items * 128, local 128
__kernel void reduce_nanprod_nonzero(OUT(y), IN(x), INTS, ITEMS) {
    REDUCE_BODY(NANPROD_NONZERO)
}

/* Index of the first extreme element; a NaN is the most extreme. */
static inline real reduce_arg(bool is_max, __global const real *x, long n, long inner) {
    real best = x[0];
    long at = 0;
    for (long i = 1; i < n && !REDUCE_ISNAN(best); i++) {
        const real v = x[i * inner];
        if ((is_max ? v > best : v < best) || REDUCE_ISNAN(v)) {
            best = v;
            at = i;
        }
    }
    return (real)at;
}

// ptr: y, x   ints: n, inner   items: outputs = outer * inner, x being (outer, n, inner)
__kernel void argmax(OUT(y), IN(x), INT(n), INT(inner), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = reduce_arg(true, x + i / inner * n * inner + i % inner, n, inner);
}

// ptr, ints and items: as argmax
__kernel void argmin(OUT(y), IN(x), INT(n), INT(inner), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = reduce_arg(false, x + i / inner * n * inner + i % inner, n, inner);
}
