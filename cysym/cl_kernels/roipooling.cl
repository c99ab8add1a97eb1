//! dtypes: f32 f64
/* Maxima over cells of regions; see c_kernels/roipooling.c. */

static inline long roi_cut(real x, real low, real high) {
    return (long)(x > low ? (x < high ? x : high) : low);
}

static inline long roi_corner(real x) { return roi_cut(round(x), K(-1e9), K(1e9)); }

// ptr: out, max_idx, data, rois   ints: images, channels, height, width, pooled height, pooled width
// floats: scale   items: regions * channels
//! grid roi_pool: items * ph * pw
__kernel void roi_pool(OUT(out), OUT_T(int, where), IN(data), IN(rois), INT(images), INT(channels),
                       INT(height), INT(width), INT(ph), INT(pw), FLOAT(scale), ITEMS) {
    USE_OUT(out);
    USE_OUT_T(int, where);
    USE_IN(data);
    USE_IN(rois);
    const long at = get_global_id(0);
    if (at >= items * ph * pw)
        return;
    const long item = at / (ph * pw), i = at / pw % ph, j = at % pw;
    __global const real *roi = rois + item / channels * 5;
    const bool exists = roi[0] > -1 && roi[0] < (real)images;
    const long image = exists ? (long)roi[0] : 0;
    __global const real *plane = data + (image * channels + item % channels) * height * width;
    const long x1 = roi_corner(roi[1] * scale), y1 = roi_corner(roi[2] * scale);
    const long x2 = roi_corner(roi[3] * scale), y2 = roi_corner(roi[4] * scale);
    const real cell_h = (real)max(y2 - y1 + 1, 1L) / (real)ph, cell_w = (real)max(x2 - x1 + 1, 1L) / (real)pw;
    const long top = roi_cut(floor((real)i * cell_h) + (real)y1, 0, (real)height);
    const long low = roi_cut(ceil((real)(i + 1) * cell_h) + (real)y1, 0, (real)height);
    const long left = roi_cut(floor((real)j * cell_w) + (real)x1, 0, (real)width);
    const long right = roi_cut(ceil((real)(j + 1) * cell_w) + (real)x1, 0, (real)width);
    long best = -1;
    for (long y = top; exists && y < low; y++)
        for (long x = left; x < right; x++)
            if (best < 0 || plane[y * width + x] > plane[best])
                best = y * width + x;
    out[at] = best < 0 ? K(0) : plane[best];
    where[at] = (int)best;
}

// ptr: ddata, dout, rois, max_idx   ints: images, channels, plane, regions, cells   items: images * channels
__kernel void roi_scatter(OUT(ddata), IN(dout), IN(rois), IN_T(int, where), INT(images), INT(channels),
                          INT(plane), INT(regions), INT(cells), ITEMS) {
    USE_OUT(ddata);
    USE_IN(dout);
    USE_IN(rois);
    USE_IN_T(int, where);
    const long item = get_global_id(0);
    if (item >= items)
        return;
    __global real *dx = ddata + item * plane;
    for (long i = 0; i < plane; i++)
        dx[i] = 0;
    for (long r = 0; r < regions; r++) {
        const real number = rois[r * 5];
        if (!(number > -1 && number < (real)images) || (long)number != item / channels)
            continue;
        const long at = (r * channels + item % channels) * cells;
        for (long k = 0; k < cells; k++)
            if (where[at + k] >= 0)
                dx[where[at + k]] += dout[at + k];
    }
}
