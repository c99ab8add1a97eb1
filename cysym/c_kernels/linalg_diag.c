//! dtypes: f32 f64
/* Packed triangles of square matrices, and the sum of a diagonal's logarithms.
 *
 * A triangle that begins `offset` diagonals off the main one is a triangle of m = n - |offset| rows; element
 * (i, k), k <= i, of a lower one is the (i (i + 1) / 2 + k)-th, and so is element (k, i) of an upper one. */
#include "cysym.h"

enum { N, OFFSET, LOWER, LENGTH };

/* ptr: y, x   ints: n, offset, lower, length   items: rows of all n x n matrices
 * y: length elements a matrix. */
CS_KERNEL(trian_pack) {
    const int64_t *p = c->ints, n = p[N];
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item % n;
        const real *x = (const real *)c->ptr[1] + item * n;
        real *y = (real *)c->ptr[0] + item / n * p[LENGTH];
        if (p[LOWER]) {
            const int64_t i = row + p[OFFSET];
            for (int64_t k = 0; k <= i; k++)
                y[i * (i + 1) / 2 + k] = x[k];
        } else {
            for (int64_t i = row; i < n - p[OFFSET]; i++)
                y[i * (i + 1) / 2 + row] = x[i + p[OFFSET]];
        }
    }
}

/* ptr: y, x   ints: n, offset, lower, length   items: rows of all n x n matrices
 * x: length elements a matrix. */
CS_KERNEL(trian_unpack) {
    const int64_t *p = c->ints, n = p[N];
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item % n;
        const real *x = (const real *)c->ptr[1] + item / n * p[LENGTH];
        real *y = (real *)c->ptr[0] + item * n;
        memset(y, 0, (size_t)n * sizeof(real));
        if (p[LOWER]) {
            const int64_t i = row + p[OFFSET];
            for (int64_t k = 0; k <= i; k++)
                y[k] = x[i * (i + 1) / 2 + k];
        } else {
            for (int64_t i = row; i < n - p[OFFSET]; i++)
                y[i + p[OFFSET]] = x[i * (i + 1) / 2 + row];
        }
    }
}

/* ptr: y, x   ints: n   items: n x n matrices */
CS_KERNEL(sumlogdiag) {
    const int64_t n = c->ints[0];
    for (int64_t item = begin; item < end; item++) {
        const real *x = (const real *)c->ptr[1] + item * n * n;
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += log((double)x[i * n + i]);
        ((real *)c->ptr[0])[item] = K(sum);
    }
}
