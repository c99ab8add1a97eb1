//! dtypes: f32 f64
/* Sampling grids and bilinear interpolation; see c_kernels/spatial.c. */

static inline real spatial_even(long i, long n) {
    return n > 1 ? K(2) * (real)i / (real)(n - 1) - K(1) : K(-1);
}

// ptr: grid, theta   ints: height, width   items: images * height
//! grid grid_affine: items * width
__kernel void grid_affine(OUT(grid), IN(theta), INT(height), INT(width), ITEMS) {
    USE_OUT(grid);
    USE_IN(theta);
    const long at = get_global_id(0);
    if (at >= items * width)
        return;
    const long row = at / width, j = at % width, n = row / height, i = row % height;
    const real x = spatial_even(j, width), y = spatial_even(i, height);
    const long place = (n * 2 * height + i) * width + j;
    grid[place] = theta[n * 6] * x + theta[n * 6 + 1] * y + theta[n * 6 + 2];
    grid[place + height * width] = theta[n * 6 + 3] * x + theta[n * 6 + 4] * y + theta[n * 6 + 5];
}

// A work-group a matrix row. ptr: dtheta, dgrid   ints: height, width   items: images * 2
//! grid grid_affine_grad: items * 64, local 64
__kernel void grid_affine_grad(OUT(dtheta), IN(dgrid), INT(height), INT(width), ITEMS) {
    USE_OUT(dtheta);
    USE_IN(dgrid);
    __local real of_x[64], of_y[64], of_1[64];
    const long item = get_group_id(0), lane = get_local_id(0), pixels = height * width;
    real sum_x = 0, sum_y = 0, sum_1 = 0;
    for (long q = lane; q < pixels; q += 64) {
        const real g = dgrid[item * pixels + q];
        sum_x += g * spatial_even(q % width, width);
        sum_y += g * spatial_even(q / width, height);
        sum_1 += g;
    }
    of_x[lane] = sum_x;
    of_y[lane] = sum_y;
    of_1[lane] = sum_1;
    for (long step = 32; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step) {
            of_x[lane] += of_x[lane + step];
            of_y[lane] += of_y[lane + step];
            of_1[lane] += of_1[lane + step];
        }
    }
    if (lane == 0) {
        dtheta[item * 3] = of_x[0];
        dtheta[item * 3 + 1] = of_y[0];
        dtheta[item * 3 + 2] = of_1[0];
    }
}

// ptr: grid, flow   ints: height, width   items: images * height; grid may be flow
//! grid grid_warp: items * width
__kernel void grid_warp(OUT(grid), IN(flow), INT(height), INT(width), ITEMS) {
    USE_OUT(grid);
    USE_IN(flow);
    const long at = get_global_id(0);
    if (at >= items * width)
        return;
    const long row = at / width, j = at % width, n = row / height, i = row % height;
    const long x = (n * 2 * height + i) * width + j, y = x + height * width;
    grid[x] = (flow[x] + (real)j) / ((real)(width - 1) / 2) - 1;
    grid[y] = (flow[y] + (real)i) / ((real)(height - 1) / 2) - 1;
}

// ptr: dflow, dgrid   ints: height, width   items: images * height; dflow may be dgrid
//! grid grid_warp_grad: items * width
__kernel void grid_warp_grad(OUT(dflow), IN(dgrid), INT(height), INT(width), ITEMS) {
    USE_OUT(dflow);
    USE_IN(dgrid);
    const long at = get_global_id(0);
    if (at >= items * width)
        return;
    const long row = at / width, j = at % width, n = row / height, i = row % height;
    const long x = (n * 2 * height + i) * width + j, y = x + height * width;
    dflow[x] = dgrid[x] / ((real)(width - 1) / 2);
    dflow[y] = dgrid[y] / ((real)(height - 1) / 2);
}

/* The four neighbours of a place: corner (top, left), weights of the right and the lower side. */
typedef struct {
    long top, left;
    real right, low;
    int inside;
} spatial_place;

static inline spatial_place spatial_find(real gx, real gy, long h, long w) {
    spatial_place p;
    const real x = (gx + 1) * (real)(w - 1) / 2, y = (gy + 1) * (real)(h - 1) / 2;
    p.inside = x > -1 && x < (real)w && y > -1 && y < (real)h;
    const real fx = p.inside ? floor(x) : K(0), fy = p.inside ? floor(y) : K(0);
    p.left = (long)fx;
    p.top = (long)fy;
    p.right = p.inside ? x - fx : x - x;
    p.low = p.inside ? y - fy : y - y;
    return p;
}

static inline real spatial_at(__global const real *plane, long i, long j, long h, long w) {
    return i >= 0 && i < h && j >= 0 && j < w ? plane[i * w + j] : K(0);
}

// ptr: out, data, grid   ints: channels, height, width, out height, out width   items: images * out height
//! grid bilinear_sample: items * ow * channels
__kernel void bilinear_sample(OUT(out), IN(data), IN(grid), INT(channels), INT(height), INT(width), INT(oh),
                              INT(ow), ITEMS) {
    USE_OUT(out);
    USE_IN(data);
    USE_IN(grid);
    const long at = get_global_id(0);
    if (at >= items * ow * channels)
        return;
    const long pixels = oh * ow, n = at / (pixels * channels), k = at / pixels % channels, q = at % pixels;
    const long place = n * 2 * pixels + q;
    const spatial_place p = spatial_find(grid[place], grid[place + pixels], height, width);
    __global const real *plane = data + (n * channels + k) * height * width;
    out[at] = !p.inside ? p.right + p.low
                        : (1 - p.low) * ((1 - p.right) * spatial_at(plane, p.top, p.left, height, width) +
                                         p.right * spatial_at(plane, p.top, p.left + 1, height, width)) +
                              p.low * ((1 - p.right) * spatial_at(plane, p.top + 1, p.left, height, width) +
                                       p.right * spatial_at(plane, p.top + 1, p.left + 1, height, width));
}

static inline void spatial_add(__global real *plane, long i, long j, long h, long w, real value) {
    if (i >= 0 && i < h && j >= 0 && j < w)
        plane[i * w + j] += value;
}

// ptr: ddata, dout, grid   ints: channels, height, width, out height, out width   items: images * channels
__kernel void bilinear_scatter(OUT(ddata), IN(dout), IN(grid), INT(channels), INT(height), INT(width),
                               INT(oh), INT(ow), ITEMS) {
    USE_OUT(ddata);
    USE_IN(dout);
    USE_IN(grid);
    const long item = get_global_id(0), pixels = oh * ow, n = item / channels;
    if (item >= items)
        return;
    __global real *plane = ddata + item * height * width;
    for (long i = 0; i < height * width; i++)
        plane[i] = 0;
    for (long q = 0; q < pixels; q++) {
        const long place = n * 2 * pixels + q;
        const spatial_place p = spatial_find(grid[place], grid[place + pixels], height, width);
        const real g = dout[item * pixels + q];
        if (!p.inside)
            continue;
        spatial_add(plane, p.top, p.left, height, width, g * (1 - p.low) * (1 - p.right));
        spatial_add(plane, p.top, p.left + 1, height, width, g * (1 - p.low) * p.right);
        spatial_add(plane, p.top + 1, p.left, height, width, g * p.low * (1 - p.right));
        spatial_add(plane, p.top + 1, p.left + 1, height, width, g * p.low * p.right);
    }
}

// ptr: dgrid, dout, data, grid   ints: channels, height, width, out height, out width
// items: images * out height
//! grid bilinear_slope: items * ow
__kernel void bilinear_slope(OUT(dgrid), IN(dout), IN(data), IN(grid), INT(channels), INT(height), INT(width),
                             INT(oh), INT(ow), ITEMS) {
    USE_OUT(dgrid);
    USE_IN(dout);
    USE_IN(data);
    USE_IN(grid);
    const long at = get_global_id(0), pixels = oh * ow;
    if (at >= items * ow)
        return;
    const long n = at / pixels, q = at % pixels, place = n * 2 * pixels + q;
    const spatial_place p = spatial_find(grid[place], grid[place + pixels], height, width);
    real sum_x = p.inside ? K(0) : p.low, sum_y = p.inside ? K(0) : p.right;
    for (long k = 0; p.inside && k < channels; k++) {
        __global const real *plane = data + (n * channels + k) * height * width;
        const real g = dout[(n * channels + k) * pixels + q];
        const real a = spatial_at(plane, p.top, p.left, height, width);
        const real b = spatial_at(plane, p.top, p.left + 1, height, width);
        const real d = spatial_at(plane, p.top + 1, p.left, height, width);
        const real e = spatial_at(plane, p.top + 1, p.left + 1, height, width);
        sum_x += g * ((1 - p.low) * (b - a) + p.low * (e - d));
        sum_y += g * ((1 - p.right) * (d - a) + p.right * (e - b));
    }
    dgrid[place] = sum_x * (real)(width - 1) / 2;
    dgrid[place + pixels] = sum_y * (real)(height - 1) / 2;
}
