//! dtypes: f32 f64 i32 i64 u8 i8
// Small kernels that test_opencl.py launches; each shows one part of the contract between files and device.

// ptr: y, x   floats: a, b   items: elements
__kernel void probe_affine(OUT(y), IN(x), FLOAT(a), FLOAT(b), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    y[i] = a * x[i] + b;
}

// Sum of each row by one work-group; y also shows the grid that was launched.
// ptr: y, x, grid   ints: cols, ldx   items: rows
//! grid probe_rows: items * 32, local 32
__kernel void probe_rows(OUT(y), IN(x), OUT_T(int, grid), INT(cols), INT(ldx), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_OUT_T(int, grid);
    __local real part[32];
    const long row = get_group_id(0), lane = get_local_id(0);
    real sum = 0;
    for (long c = lane; c < cols; c += 32)
        sum += x[row * ldx + c];
    part[lane] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane == 0 && row < items) {
        for (int k = 1; k < 32; k++)
            sum += part[k];
        y[row] = sum;
        grid[0] = get_global_size(0);
        grid[1] = get_local_size(0);
    }
}

// Any number of integers, written out as they came.
__kernel void probe_ints(OUT_T(long, y), INTS, ITEMS) {
    USE_OUT_T(long, y);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = ints[i];
}
