//! dtypes: f32 f64 u8 i8 i32 i64
/* Stable sorting along an axis: elements become pairs (key, index), chunks of pairs are sorted by digits,
 * then merged.
 *
 * A key is an unsigned number that orders as the element does (for descending order: the other way round),
 * with NaN above all and -0 equal to 0. No two pairs are equal, so every sorting of them is the one stable
 * sorting. Types of up to 32 bits have key and index in one 64-bit number. Rows run along the axis: row r =
 * (outer, inner) of x (outer, n, inner) is a stretch of the pairs (rows, n). */
#include "cysym.h"

enum { SHORT_ROW = 32, DIGITS = 256 }; /* up to SHORT_ROW pairs are inserted one by one */

#if CS_DT_f64 || CS_DT_i64
typedef struct {
    uint64_t key, index;
} sort_pair;
typedef uint64_t sort_key;
enum { PASSES = 8 };
static inline int sort_less(sort_pair a, sort_pair b) {
    return (a.key < b.key) | ((a.key == b.key) & (a.index < b.index));
}
static inline sort_pair sort_make(sort_key key, int64_t index) { return (sort_pair){key, (uint64_t)index}; }
static inline int64_t sort_index(sort_pair p) { return (int64_t)p.index; }
static inline unsigned sort_digit(sort_pair p, int pass) { return (unsigned)(p.key >> (8 * pass)) & 255; }
#else
typedef uint64_t sort_pair;
typedef uint32_t sort_key;
enum { PASSES = 4 };
static inline int sort_less(sort_pair a, sort_pair b) { return a < b; }
static inline sort_pair sort_make(sort_key key, int64_t index) {
    return (uint64_t)key << 32 | (uint64_t)index;
}
static inline int64_t sort_index(sort_pair p) { return (int64_t)(p & UINT32_MAX); }
static inline unsigned sort_digit(sort_pair p, int pass) { return (unsigned)(p >> (32 + 8 * pass)) & 255; }
#endif

static inline sort_key sort_key_of(real x, int64_t ascend) {
    sort_key key;
#if CS_DT_f32 || CS_DT_f64
    const sort_key top = (sort_key)1 << (8 * sizeof(key) - 1);
    if (x != x)
        return (sort_key)-1;
    x += 0; /* -0 + 0 is 0 */
    memcpy(&key, &x, sizeof(key));
    key = key & top ? (sort_key)~key : key | top;
#elif CS_DT_u8
    key = x;
#else
    /* The smallest integer becomes 0. */
    key = (sort_key)x ^ (sort_key)1 << (8 * sizeof(key) - 1);
#endif
    return ascend ? key : (sort_key)~key;
}

/* ptr: pairs, x   ints: n, inner, ascend   items: pairs */
CS_KERNEL(sort_pack) {
    const int64_t n = c->ints[0], inner = c->ints[1], ascend = c->ints[2];
    sort_pair *pairs = c->ptr[0];
    for (int64_t i = begin, k = begin % n, row = begin / n; i < end; i++) {
        const real *x = (const real *)c->ptr[1] + row / inner * n * inner + row % inner;
        for (; k < n && i < end; k++, i++)
            pairs[i] = sort_make(sort_key_of(x[k * inner], ascend), k);
        i--, k = 0, row++;
    }
}

static inline void sort_insert(sort_pair *p, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const sort_pair v = p[i];
        int64_t j = i;
        for (; j > 0 && sort_less(v, p[j - 1]); j--)
            p[j] = p[j - 1];
        p[j] = v;
    }
}

/* By digits, the lowest first; a digit all keys share is skipped. `a` and `b` have room for n pairs each;
 * says which of them, or x itself, holds the result. The pairs come in the order of their indices, which
 * equal keys keep. */
static inline const sort_pair *sort_digits(const sort_pair *x, sort_pair *a, sort_pair *b, int64_t n) {
    uint32_t count[PASSES][DIGITS];
    memset(count, 0, sizeof(count));
    for (int64_t i = 0; i < n; i++)
        for (int pass = 0; pass < PASSES; pass++)
            count[pass][sort_digit(x[i], pass)]++;
    for (int pass = 0; pass < PASSES; pass++) {
        uint32_t *at = count[pass], sum = 0;
        if (at[sort_digit(x[0], pass)] == n)
            continue;
        for (int d = 0; d < DIGITS; d++) {
            const uint32_t here = at[d];
            at[d] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < n; i++)
            a[at[sort_digit(x[i], pass)]++] = x[i];
        x = a;
        a = b;
        b = (sort_pair *)x;
    }
    return x;
}

/* Let the pair at `i` of a heap, the largest at its top, sink to its place. */
static inline void sort_sink(sort_pair *heap, int64_t n, int64_t i) {
    const sort_pair v = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && sort_less(heap[child], heap[child + 1]))
            child++;
        if (!sort_less(v, heap[child]))
            break;
        heap[i] = heap[child];
    }
    heap[i] = v;
}

/* The `keep` smallest of n pairs, in order. */
static inline void sort_select(sort_pair *y, const sort_pair *x, int64_t n, int64_t keep) {
    memcpy(y, x, (size_t)keep * sizeof(*y));
    for (int64_t i = keep / 2 - 1; i >= 0; i--)
        sort_sink(y, keep, i);
    for (int64_t i = keep; i < n; i++)
        if (sort_less(x[i], y[0])) {
            y[0] = x[i];
            sort_sink(y, keep, 0);
        }
    for (int64_t i = keep - 1; i > 0; i--) {
        const sort_pair v = y[0];
        y[0] = y[i];
        y[i] = v;
        sort_sink(y, i, 0);
    }
}

/* ptr: y (rows, left), x (rows, n): pairs   ints: n, chunk (at most 65536), keep, left
 * items: chunks of all rows; the first `keep` of each sorted chunk are kept, side by side */
CS_KERNEL(sort_chunks) {
    const int64_t n = c->ints[0], chunk = c->ints[1], keep = c->ints[2], left = c->ints[3];
    const int64_t chunks = cs_div_up(n, chunk);
    sort_pair *a = cs_scratch(), *b = a + CS_SCRATCH_BYTES / 2 / sizeof(*a);
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item / chunks, at = item % chunks;
        const int64_t length = cs_min(chunk, n - at * chunk), kept = cs_min(keep, length);
        const sort_pair *x = (const sort_pair *)c->ptr[1] + row * n + at * chunk;
        sort_pair *y = (sort_pair *)c->ptr[0] + row * left + at * keep;
        if (length <= SHORT_ROW) {
            memcpy(a, x, (size_t)length * sizeof(*a));
            sort_insert(a, length);
            memcpy(y, a, (size_t)kept * sizeof(*y));
        } else if (kept <= length / 8) {
            sort_select(y, x, length, kept);
        } else {
            memcpy(y, sort_digits(x, a, b, length), (size_t)kept * sizeof(*y));
        }
    }
}

/* How many of the first d pairs of two merged runs come from the first one. */
static inline int64_t sort_cut(const sort_pair *a, int64_t na, const sort_pair *b, int64_t nb, int64_t d) {
    int64_t low = cs_max(0, d - nb), high = cs_min(d, na);
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sort_less(a[middle], b[d - 1 - middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ptr: y, x: pairs (rows, n)   ints: n, width (of the sorted runs), tile (divides width)
 * items: tiles of y; neighbouring runs are merged two by two */
CS_KERNEL(sort_merge) {
    const int64_t n = c->ints[0], width = c->ints[1], tile = c->ints[2], tiles = cs_div_up(n, tile);
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item / tiles, first = item % tiles * tile;
        const int64_t start = first / (2 * width) * 2 * width, d = first - start;
        const int64_t na = cs_min(width, n - start), nb = cs_min(width, n - start - na);
        const sort_pair *a = (const sort_pair *)c->ptr[1] + row * n + start, *b = a + na;
        sort_pair *y = (sort_pair *)c->ptr[0] + row * n + first;
        const int64_t count = cs_min(tile, na + nb - d);
        int64_t i = sort_cut(a, na, b, nb, d), j = d - i, k = 0;
        for (; k < count && i < na && j < nb; k++) {
            const int is_b = sort_less(b[j], a[i]);
            y[k] = *(is_b ? b + j : a + i);
            j += is_b;
            i += !is_b;
        }
        for (; k < count && i < na; k++)
            y[k] = a[i++];
        for (; k < count; k++)
            y[k] = b[j++];
    }
}

/* ptr: values, order (int32): (outer, count, inner); pairs (rows, left), x (outer, n, inner)
 * ints: n, inner, count, left   items: rows * count */
CS_KERNEL(sort_unpack) {
    const int64_t n = c->ints[0], inner = c->ints[1], count = c->ints[2], left = c->ints[3];
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / count, k = i % count, outer = row / inner, at = row % inner;
        const int64_t from = sort_index(((const sort_pair *)c->ptr[2])[row * left + k]);
        const int64_t to = (outer * count + k) * inner + at;
        ((real *)c->ptr[0])[to] = ((const real *)c->ptr[3])[(outer * n + from) * inner + at];
        ((int32_t *)c->ptr[1])[to] = (int32_t)from;
    }
}

/* ptr: gx (zeros) (outer, n, inner), gx again; g, order (int32): (outer, count, inner)
 * ints: n, inner, count   items: elements of g */
CS_KERNEL(sort_scatter) {
    const int64_t n = c->ints[0], inner = c->ints[1], per = inner * c->ints[2];
    const int32_t *order = c->ptr[3];
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[(i / per * n + order[i]) * inner + i % inner] = ((const real *)c->ptr[2])[i];
}

/* ptr: g (outer, count, inner); gx (outer, n, inner), order (int32) as g   ints: n, inner, count
 * items: elements of g */
CS_KERNEL(sort_gather) {
    const int64_t n = c->ints[0], inner = c->ints[1], per = inner * c->ints[2];
    const int32_t *order = c->ptr[2];
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[i] = ((const real *)c->ptr[1])[(i / per * n + order[i]) * inner + i % inner];
}

/* ptr: mask (zeros) (outer, n, inner), mask again, order (int32) (outer, count, inner)
 * ints: n, inner, count   items: elements of order */
CS_KERNEL(sort_mask) {
    const int64_t n = c->ints[0], inner = c->ints[1], per = inner * c->ints[2];
    const int32_t *order = c->ptr[2];
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[(i / per * n + order[i]) * inner + i % inner] = 1;
}
