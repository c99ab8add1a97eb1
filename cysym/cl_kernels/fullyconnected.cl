//! dtypes: f32 f64
// FullyConnected by a weight kept packed from run to run: here transposed, [width][hidden rounded up to 32],
// so that neighbouring work-items read neighbouring numbers. Only this file knows the order.

// ptr: packed, w   ints: hidden, width, ldw   items: panels of 32 hidden units
//! grid fc_pack: items * 32 * width, local 64
__kernel void fc_pack(OUT(packed), IN(w), INT(hidden), INT(width), INT(ldw), ITEMS) {
    USE_OUT(packed);
    USE_IN(w);
    const long id = get_global_id(0), units = items * 32;
    if (id >= units * width)
        return;
    const long k = id / units, h = id % units;
    packed[id] = h < hidden ? w[h * ldw + k] : 0;
}

// ptr: y, x, packed, bias (read only if has_bias)   items: blocks of the CPU kernel, not used here
// One 4 x 4 tile a work-item, slices of 256 as in dot.cl. Meaning of the ints: fullyconnected.c
//! grid fc_packed: (rows + 3) // 4 * ((hidden + 3) // 4), local 64
__kernel void fc_packed(OUT(y), IN(x), IN(packed), IN(bias), INT(rows), INT(hidden), INT(width), INT(ldx),
                        INT(ldy), INT(has_bias), INT(mb), INT(nb), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(packed);
    USE_IN(bias);
    const long id = get_global_id(0), tm = (rows + 3) / 4, tn = (hidden + 3) / 4;
    if (id >= tm * tn)
        return;
    const long i0 = id / tn * 4, j0 = id % tn * 4, units = (hidden + 31) / 32 * 32;
    long row[4]; // rows past the edge read the last one and are not stored
    for (int q = 0; q < 4; q++)
        row[q] = min(i0 + q, rows - 1) * ldx;
    real total[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            total[i][j] = 0;
    for (long k0 = 0; k0 < width; k0 += 256) {
        real part[4][4];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                part[i][j] = 0;
        const long end = min(k0 + 256, width);
        for (long k = k0; k < end; k++)
            for (int i = 0; i < 4; i++) {
                const real v = x[row[i] + k];
                for (int j = 0; j < 4; j++)
                    part[i][j] += v * packed[k * units + j0 + j];
            }
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                total[i][j] += part[i][j];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (i0 + i < rows && j0 + j < hidden)
                y[(i0 + i) * ldy + j0 + j] = has_bias ? total[i][j] + bias[j0 + j] : total[i][j];
}
