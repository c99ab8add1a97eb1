//! dtypes: f32 f64
/* Maxima over cells of regions. */
#include "cysym.h"

/* x cut to [low, high], NaN to low, before it becomes an integer: nothing overflows. */
static inline int64_t roi_cut(double x, double low, double high) {
    return (int64_t)(x > low ? (x < high ? x : high) : low);
}

/* A corner in pixels: rounded half away from zero, far away cut where it makes no difference. */
static inline int64_t roi_corner(double x) { return roi_cut(round(x), -1e9, 1e9); }

/* ptr: out, max_idx, data, rois   ints: images, channels, height, width, pooled height, pooled width
 * floats: scale   items: regions * channels */
CS_KERNEL(roi_pool) {
    const int64_t images = c->ints[0], ch = c->ints[1], h = c->ints[2], w = c->ints[3];
    const int64_t ph = c->ints[4], pw = c->ints[5];
    for (int64_t item = begin; item < end; item++) {
        const real *roi = (const real *)c->ptr[3] + item / ch * 5;
        real *out = (real *)c->ptr[0] + item * ph * pw;
        int32_t *where = (int32_t *)c->ptr[1] + item * ph * pw;
        const double number = (double)roi[0];
        const real scale = K(c->floats[0]); /* products round in the type of the data */
        const int exists = number > -1 && number < (double)images;
        const real *plane =
            (const real *)c->ptr[2] + ((exists ? (int64_t)number : 0) * ch + item % ch) * h * w;
        const int64_t x1 = roi_corner((double)(roi[1] * scale)), y1 = roi_corner((double)(roi[2] * scale));
        const int64_t x2 = roi_corner((double)(roi[3] * scale)), y2 = roi_corner((double)(roi[4] * scale));
        const real cell_h = K(y2 - y1 + 1 > 1 ? y2 - y1 + 1 : 1) / K(ph);
        const real cell_w = K(x2 - x1 + 1 > 1 ? x2 - x1 + 1 : 1) / K(pw);
        for (int64_t i = 0; i < ph; i++)
            for (int64_t j = 0; j < pw; j++) {
                const int64_t top = roi_cut(floor((double)(K(i) * cell_h)) + (double)y1, 0, (double)h);
                const int64_t low = roi_cut(ceil((double)(K(i + 1) * cell_h)) + (double)y1, 0, (double)h);
                const int64_t left = roi_cut(floor((double)(K(j) * cell_w)) + (double)x1, 0, (double)w);
                const int64_t right = roi_cut(ceil((double)(K(j + 1) * cell_w)) + (double)x1, 0, (double)w);
                int64_t best = -1;
                for (int64_t y = top; exists && y < low; y++)
                    for (int64_t x = left; x < right; x++)
                        if (best < 0 || plane[y * w + x] > plane[best])
                            best = y * w + x;
                out[i * pw + j] = best < 0 ? 0 : plane[best];
                where[i * pw + j] = (int32_t)best;
            }
    }
}

/* ptr: ddata, dout, rois, max_idx   ints: images, channels, plane, regions, cells   items: images * channels
 */
CS_KERNEL(roi_scatter) {
    const int64_t images = c->ints[0], ch = c->ints[1], plane = c->ints[2], regions = c->ints[3],
                  cells = c->ints[4];
    for (int64_t item = begin; item < end; item++) {
        real *dx = (real *)c->ptr[0] + item * plane;
        for (int64_t i = 0; i < plane; i++)
            dx[i] = 0;
        for (int64_t r = 0; r < regions; r++) {
            const double number = (double)((const real *)c->ptr[2])[r * 5];
            if (!(number > -1 && number < (double)images) || (int64_t)number != item / ch)
                continue;
            const int64_t at = (r * ch + item % ch) * cells;
            const real *g = (const real *)c->ptr[1] + at;
            const int32_t *where = (const int32_t *)c->ptr[3] + at;
            for (int64_t k = 0; k < cells; k++)
                if (where[k] >= 0)
                    dx[where[k]] += g[k];
        }
    }
}
