//! dtypes: f32 f64
/* The gradient of a table whose rows were looked up: a work-item owns one column of a block of rows. */

static inline long embedding_clip(long i, long rows) { return clamp(i, 0L, rows - 1); }

//! grid embedding_grad: items * dim, local 64
// ptr: dw, dy, index (int64)   ints: count, rows, dim, block   items: blocks of rows
__kernel void embedding_grad(OUT(dw), IN(dy), IN_T(long, index), INT(count), INT(rows), INT(dim), INT(block),
                             ITEMS) {
    USE_OUT(dw);
    USE_IN(dy);
    USE_IN_T(long, index);
    const long at = get_global_id(0), j = at % dim;
    if (at >= items * dim)
        return;
    const long low = at / dim * block, high = min(low + block, rows);
    for (long row = low; row < high; row++)
        dw[row * dim + j] = 0;
    for (long i = 0; i < count; i++) {
        const long row = embedding_clip(index[i], rows);
        if (row >= low && row < high)
            dw[row * dim + j] += dy[i * dim + j];
    }
}
