//! dtypes: f32 f64 u8 i8 i32 i64
/* Stable sorting along an axis; see c_kernels/sort.c. A work-group sorts a chunk in its local memory by a
 * bitonic network; runs are merged by work-items that each find their own stretch of the result. */
#if CS_DT_f64 || CS_DT_i64
typedef struct {
    ulong key, index;
} sort_pair;
typedef ulong sort_key;
static inline int sort_less(sort_pair a, sort_pair b) {
    return a.key < b.key || (a.key == b.key && a.index < b.index);
}
static inline sort_pair sort_make(sort_key key, long index) {
    sort_pair p;
    p.key = key;
    p.index = (ulong)index;
    return p;
}
#define SORT_INDEX(p) ((long)(p).index)
#else
typedef ulong sort_pair;
typedef uint sort_key;
static inline int sort_less(sort_pair a, sort_pair b) { return a < b; }
static inline sort_pair sort_make(sort_key key, long index) { return (ulong)key << 32 | (ulong)index; }
#define SORT_INDEX(p) ((long)((p) & 0xffffffffUL))
#endif
#define SORT_TOP ((sort_key)1 << (8 * sizeof(sort_key) - 1))
#define SORT_CHUNK 1024
#define SORT_GROUP 256

static inline sort_key sort_key_of(real x, long ascend) {
#if CS_DT_f32 || CS_DT_f64
    if (isnan(x))
        return ~(sort_key)0;
#if CS_DT_f32
    sort_key key = x == 0 ? 0 : as_uint(x);
#else
    sort_key key = x == 0 ? 0 : as_ulong(x);
#endif
    key = key & SORT_TOP ? ~key : key | SORT_TOP;
#elif CS_DT_u8
    const sort_key key = x;
#else
    const sort_key key = (sort_key)x ^ SORT_TOP;
#endif
    return ascend ? key : ~key;
}

// ptr: pairs, x   ints: n, inner, ascend   items: pairs
__kernel void sort_pack(OUT_T(sort_pair, pairs), IN(x), INT(n), INT(inner), INT(ascend), ITEMS) {
    USE_OUT_T(sort_pair, pairs);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long row = i / n, k = i % n;
    pairs[i] = sort_make(sort_key_of(x[(row / inner * n + k) * inner + row % inner], ascend), k);
}

//! grid sort_chunks: items * 256, local 256
// ptr: y, x   ints: n, chunk (1024), keep, left   items: chunks of all rows
__kernel void sort_chunks(OUT_T(sort_pair, y), IN_T(sort_pair, x), INT(n), INT(chunk), INT(keep), INT(left),
                          ITEMS) {
    USE_OUT_T(sort_pair, y);
    USE_IN_T(sort_pair, x);
    __local sort_pair part[SORT_CHUNK];
    const int me = (int)get_local_id(0);
    const long chunks = (n + chunk - 1) / chunk, row = get_group_id(0) / chunks,
               at = get_group_id(0) % chunks;
    const int length = (int)min(chunk, n - at * chunk);
    int size = 2;
    while (size < length)
        size *= 2;
    for (int i = me; i < size; i += SORT_GROUP)
        part[i] = i < length ? x[row * n + at * chunk + i] : sort_make(~(sort_key)0, 0xffffffff);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int run = 2; run <= size; run *= 2)
        for (int step = run / 2; step > 0; step /= 2) {
            for (int k = me; k < size / 2; k += SORT_GROUP) {
                /* The k-th pair of places `step` apart; every other run is sorted downwards. */
                const int i = (k & ~(step - 1)) * 2 | (k & (step - 1)), j = i + step;
                const sort_pair a = part[i], b = part[j];
                if (sort_less(b, a) == ((i & run) == 0)) {
                    part[i] = b;
                    part[j] = a;
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    const int kept = (int)min(keep, (long)length);
    for (int i = me; i < kept; i += SORT_GROUP)
        y[row * left + at * keep + i] = part[i];
}

// ptr: y, x   ints: n, width, tile   items: tiles
__kernel void sort_merge(OUT_T(sort_pair, y), IN_T(sort_pair, x), INT(n), INT(width), INT(tile), ITEMS) {
    USE_OUT_T(sort_pair, y);
    USE_IN_T(sort_pair, x);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long tiles = (n + tile - 1) / tile, row = item / tiles, first = item % tiles * tile;
    const long start = first / (2 * width) * 2 * width, d = first - start;
    const long na = min(width, n - start), nb = min(width, n - start - na), count = min(tile, na + nb - d);
    const __global sort_pair *a = x + row * n + start, *b = a + na;
    long low = max(0L, d - nb), high = min(d, na);
    while (low < high) { /* how many of the first d of the merged pairs come from a */
        const long middle = low + (high - low) / 2;
        if (sort_less(a[middle], b[d - 1 - middle]))
            low = middle + 1;
        else
            high = middle;
    }
    long i = low, j = d - low;
    for (long k = 0; k < count; k++) {
        const int is_a = j >= nb || (i < na && sort_less(a[i], b[j]));
        y[row * n + first + k] = is_a ? a[i] : b[j];
        i += is_a;
        j += !is_a;
    }
}

// ptr: values, order (int32), pairs, x   ints: n, inner, count, left   items: rows * count
__kernel void sort_unpack(OUT(values), OUT_T(int, order), IN_T(sort_pair, pairs), IN(x), INT(n), INT(inner),
                          INT(count), INT(left), ITEMS) {
    USE_OUT(values);
    USE_OUT_T(int, order);
    USE_IN_T(sort_pair, pairs);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const long row = i / count, k = i % count, outer = row / inner, at = row % inner;
    const long from = SORT_INDEX(pairs[row * left + k]), to = (outer * count + k) * inner + at;
    values[to] = x[(outer * n + from) * inner + at];
    order[to] = (int)from;
}

// ptr: gx (zeros), gx again, g, order (int32)   ints: n, inner, count   items: elements of g
__kernel void sort_scatter(OUT(gx), IN(zeros), IN(g), IN_T(int, order), INT(n), INT(inner), INT(count),
                           ITEMS) {
    USE_OUT(gx);
    USE_IN(g);
    USE_IN_T(int, order);
    const long i = get_global_id(0);
    if (i < items)
        gx[(i / (inner * count) * n + order[i]) * inner + i % inner] = g[i];
}

// ptr: g, gx, order (int32)   ints: n, inner, count   items: elements of g
__kernel void sort_gather(OUT(g), IN(gx), IN_T(int, order), INT(n), INT(inner), INT(count), ITEMS) {
    USE_OUT(g);
    USE_IN(gx);
    USE_IN_T(int, order);
    const long i = get_global_id(0);
    if (i < items)
        g[i] = gx[(i / (inner * count) * n + order[i]) * inner + i % inner];
}

// ptr: mask (zeros), mask again, order (int32)   ints: n, inner, count   items: elements of order
__kernel void sort_mask(OUT(mask), IN(zeros), IN_T(int, order), INT(n), INT(inner), INT(count), ITEMS) {
    USE_OUT(mask);
    USE_IN_T(int, order);
    const long i = get_global_id(0);
    if (i < items)
        mask[(i / (inner * count) * n + order[i]) * inner + i % inner] = 1;
}
