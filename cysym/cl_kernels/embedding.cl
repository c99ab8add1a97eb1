//! dtypes: f32 f64
/* Rows of a table by index, and the gradient of the table: there a work-item owns one column of a block of
 * rows. */

static inline long embedding_clip(long i, long rows) { return clamp(i, 0L, rows - 1); }

//! grid embedding: items * dim, local 64
// ptr: y, index (int64), weight   ints: rows, dim   items: indices
__kernel void embedding(OUT(y), IN_T(long, index), IN(weight), INT(rows), INT(dim), ITEMS) {
    USE_OUT(y);
    USE_IN_T(long, index);
    USE_IN(weight);
    const long at = get_global_id(0);
    if (at < items * dim)
        y[at] = weight[embedding_clip(index[at / dim], rows) * dim + at % dim];
}

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
