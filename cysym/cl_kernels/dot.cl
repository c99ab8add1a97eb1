//! dtypes: f32 f64
// The matrix product of strided matrices, and sums of columns. Each work-item keeps a 4 x 4 tile in
// registers; k is taken in slices of 256 whose sums are added in order, which bounds the rounding error as on
// the CPU.

#define DOT_SLICE 256

// ptr: c, a, b, d (not read if mode is 0)   items: blocks of the CPU kernel, not used here
// C[i][j] = alpha sum_k A[i][k] B[k][j] (+ beta d); meaning of the ints: dot.c
//! grid gemm: batch * ((m + 3) // 4) * ((n + 3) // 4), local 64
__kernel void gemm(OUT(c), IN(a), IN(b), IN(d), INT(m), INT(n), INT(kk), INT(ai), INT(ak), INT(bk), INT(bj),
                   INT(ci), INT(abatch), INT(bbatch), INT(cbatch), INT(mode), INT(mb), INT(nb), INT(batch),
                   FLOAT(alpha), FLOAT(beta), ITEMS) {
    USE_OUT(c);
    USE_IN(a);
    USE_IN(b);
    USE_IN(d);
    const long id = get_global_id(0), tm = (m + 3) / 4, tn = (n + 3) / 4;
    if (id >= batch * tm * tn)
        return;
    const long z = id / (tm * tn), i0 = id / tn % tm * 4, j0 = id % tn * 4;
    long ia[4], jb[4]; // rows and columns past the edge read the last one and are not stored
    for (int q = 0; q < 4; q++) {
        ia[q] = z * abatch + min(i0 + q, m - 1) * ai;
        jb[q] = z * bbatch + min(j0 + q, n - 1) * bj;
    }
    real total[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            total[i][j] = 0;
    for (long k0 = 0; k0 < kk; k0 += DOT_SLICE) {
        real part[4][4];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                part[i][j] = 0;
        const long end = min(k0 + DOT_SLICE, kk);
        for (long k = k0; k < end; k++) {
            real x[4], y[4];
            for (int q = 0; q < 4; q++) {
                x[q] = a[ia[q] + k * ak];
                y[q] = b[jb[q] + k * bk];
            }
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    part[i][j] += x[i] * y[j];
        }
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                total[i][j] += part[i][j];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (i0 + i < m && j0 + j < n) {
                const long at = z * cbatch + (i0 + i) * ci + j0 + j;
                const real sum = total[i][j] * alpha;
                c[at] = mode == 0 ? sum : sum + beta * d[mode == 1 ? j0 + j : at];
            }
}

// ptr: y, x   ints: rows, cols, ldx   items: blocks of 64 columns; here one work-item a column
// Sums of sums of 64: three levels, so that long columns lose nothing and infinities stay infinities.
//! grid sum_rows: cols, local 64
__kernel void sum_rows(OUT(y), IN(x), INT(rows), INT(cols), INT(ldx), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long j = get_global_id(0);
    if (j >= cols)
        return;
    real total = 0, middle = 0, part = 0;
    for (long i = 0; i < rows; i++) {
        part += x[i * ldx + j];
        if ((i & 63) == 63) {
            middle += part;
            part = 0;
        }
        if ((i & 4095) == 4095) {
            total += middle;
            middle = 0;
        }
    }
    y[j] = total + middle + part;
}
