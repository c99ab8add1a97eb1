//! dtypes: f32 f64
/* Sampling grids and bilinear interpolation. */
#include "cysym.h"

/* Coordinate i of n evenly over [-1, 1]; a single one lies at -1. */
static inline double spatial_even(int64_t i, int64_t n) {
    return n > 1 ? 2.0 * (double)i / (double)(n - 1) - 1 : -1;
}

/* ptr: grid, theta   ints: height, width   items: images * height */
CS_KERNEL(grid_affine) {
    const int64_t h = c->ints[0], w = c->ints[1];
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / h, i = item % h;
        const real *t = (const real *)c->ptr[1] + n * 6;
        real *gx = (real *)c->ptr[0] + (n * 2 * h + i) * w, *gy = gx + h * w;
        const real y = K(spatial_even(i, h));
        for (int64_t j = 0; j < w; j++) {
            const real x = K(spatial_even(j, w));
            gx[j] = t[0] * x + t[1] * y + t[2];
            gy[j] = t[3] * x + t[4] * y + t[5];
        }
    }
}

/* ptr: dtheta, dgrid   ints: height, width   items: images * 2 (rows of the matrices) */
CS_KERNEL(grid_affine_grad) {
    const int64_t h = c->ints[0], w = c->ints[1];
    for (int64_t item = begin; item < end; item++) {
        const real *g = (const real *)c->ptr[1] + item * h * w;
        real *dt = (real *)c->ptr[0] + item * 3;
        double of_x = 0, of_y = 0, of_1 = 0;
        for (int64_t i = 0; i < h; i++) {
            double row = 0;
            for (int64_t j = 0; j < w; j++) {
                row += (double)g[i * w + j];
                of_x += (double)g[i * w + j] * spatial_even(j, w);
            }
            of_y += row * spatial_even(i, h);
            of_1 += row;
        }
        dt[0] = K(of_x);
        dt[1] = K(of_y);
        dt[2] = K(of_1);
    }
}

/* Pixels to [-1, 1]. ptr: grid, flow   ints: height, width   items: images * height; grid may be flow */
CS_KERNEL(grid_warp) {
    const int64_t h = c->ints[0], w = c->ints[1];
    const real half_w = K(w - 1) / 2, half_h = K(h - 1) / 2;
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / h, i = item % h, at = (n * 2 * h + i) * w;
        const real *fx = (const real *)c->ptr[1] + at, *fy = fx + h * w;
        real *gx = (real *)c->ptr[0] + at, *gy = gx + h * w;
        for (int64_t j = 0; j < w; j++) {
            gx[j] = (fx[j] + K(j)) / half_w - 1;
            gy[j] = (fy[j] + K(i)) / half_h - 1;
        }
    }
}

/* ptr: dflow, dgrid   ints: height, width   items: images * height; dflow may be dgrid */
CS_KERNEL(grid_warp_grad) {
    const int64_t h = c->ints[0], w = c->ints[1];
    const real half_w = K(w - 1) / 2, half_h = K(h - 1) / 2;
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / h, i = item % h, at = (n * 2 * h + i) * w;
        const real *gx = (const real *)c->ptr[1] + at, *gy = gx + h * w;
        real *dx = (real *)c->ptr[0] + at, *dy = dx + h * w;
        for (int64_t j = 0; j < w; j++) {
            dx[j] = gx[j] / half_w;
            dy[j] = gy[j] / half_h;
        }
    }
}

/* The four neighbours of a place: corner (top, left), weights of the right and the lower side. */
typedef struct {
    int64_t top, left;
    real right, low;
    int inside; /* at least one neighbour is */
} spatial_place;

/* Compared as floating point numbers first: NaN and huge places are outside, and no conversion overflows.
 * Outside, `right` and `low` are 0, or NaN where the place is no finite number. */
static inline spatial_place spatial_find(real gx, real gy, int64_t h, int64_t w) {
    const real x = (gx + 1) * K(w - 1) / 2, y = (gy + 1) * K(h - 1) / 2;
    spatial_place p = {0, 0, x - x, y - y, 0};
    if (!(x > -1 && x < K(w) && y > -1 && y < K(h)))
        return p;
    const double fx = floor((double)x), fy = floor((double)y);
    p.left = (int64_t)fx, p.top = (int64_t)fy;
    p.right = x - K(fx), p.low = y - K(fy);
    p.inside = 1;
    return p;
}

static inline real spatial_at(const real *plane, int64_t i, int64_t j, int64_t h, int64_t w) {
    return i >= 0 && i < h && j >= 0 && j < w ? plane[i * w + j] : 0;
}

enum { BLOCK = 64 };

/* The corners of a block of places, found once for all channels. A corner outside reads element 0 of the
 * plane and is left out. */
typedef struct {
    int64_t at[4][BLOCK];
    real weight[4][BLOCK], rest[BLOCK]; /* rest: NaN where the place is no finite number, else 0 */
    int32_t valid[4][BLOCK];
} spatial_block;

static inline void spatial_corners(spatial_block *b, const real *gx, const real *gy, int64_t k, int64_t h,
                                   int64_t w) {
    for (int64_t j = 0; j < k; j++) {
        const spatial_place p = spatial_find(gx[j], gy[j], h, w);
        b->rest[j] = p.inside ? 0 : p.right + p.low;
        for (int q = 0; q < 4; q++) {
            const int64_t y = p.top + q / 2, x = p.left + q % 2;
            const int ok = p.inside && y >= 0 && y < h && x >= 0 && x < w;
            b->valid[q][j] = ok;
            b->at[q][j] = ok ? y * w + x : 0;
            b->weight[q][j] = (q / 2 ? p.low : 1 - p.low) * (q % 2 ? p.right : 1 - p.right);
        }
    }
}

/* ptr: out, data, grid   ints: channels, height, width, out height, out width   items: images * out height */
CS_KERNEL(bilinear_sample) {
    const int64_t ch = c->ints[0], h = c->ints[1], w = c->ints[2], oh = c->ints[3], ow = c->ints[4];
    spatial_block b;
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / oh, i = item % oh;
        const real *gx = (const real *)c->ptr[2] + (n * 2 * oh + i) * ow;
        for (int64_t j0 = 0; j0 < ow; j0 += BLOCK) {
            const int64_t k = cs_min(BLOCK, ow - j0);
            spatial_corners(&b, gx + j0, gx + j0 + oh * ow, k, h, w);
            const real *plane = (const real *)c->ptr[1] + n * ch * h * w;
            real *out = (real *)c->ptr[0] + (n * ch * oh + i) * ow + j0;
            for (int64_t m = 0; m < ch; m++, plane += h * w, out += oh * ow)
                for (int64_t j = 0; j < k; j++) {
                    real sum = b.rest[j];
                    for (int q = 0; q < 4; q++)
                        if (b.valid[q][j])
                            sum += b.weight[q][j] * plane[b.at[q][j]];
                    out[j] = sum;
                }
        }
    }
}

static inline void spatial_add(real *plane, int64_t i, int64_t j, int64_t h, int64_t w, real value) {
    if (i >= 0 && i < h && j >= 0 && j < w)
        plane[i * w + j] += value;
}

/* ptr: ddata, dout, grid   ints: channels, height, width, out height, out width   items: images * channels */
CS_KERNEL(bilinear_scatter) {
    const int64_t ch = c->ints[0], h = c->ints[1], w = c->ints[2], pixels = c->ints[3] * c->ints[4];
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / ch;
        const real *gx = (const real *)c->ptr[2] + n * 2 * pixels, *gy = gx + pixels;
        const real *g = (const real *)c->ptr[1] + item * pixels;
        real *plane = (real *)c->ptr[0] + item * h * w;
        for (int64_t i = 0; i < h * w; i++)
            plane[i] = 0;
        for (int64_t q = 0; q < pixels; q++) {
            const spatial_place p = spatial_find(gx[q], gy[q], h, w);
            if (!p.inside)
                continue;
            spatial_add(plane, p.top, p.left, h, w, g[q] * (1 - p.low) * (1 - p.right));
            spatial_add(plane, p.top, p.left + 1, h, w, g[q] * (1 - p.low) * p.right);
            spatial_add(plane, p.top + 1, p.left, h, w, g[q] * p.low * (1 - p.right));
            spatial_add(plane, p.top + 1, p.left + 1, h, w, g[q] * p.low * p.right);
        }
    }
}

/* ptr: dgrid, dout, data, grid   ints: channels, height, width, out height, out width
 * items: images * out height */
CS_KERNEL(bilinear_slope) {
    const int64_t ch = c->ints[0], h = c->ints[1], w = c->ints[2], oh = c->ints[3], ow = c->ints[4];
    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / oh, i = item % oh, at = (n * 2 * oh + i) * ow;
        const real *gx = (const real *)c->ptr[3] + at, *gy = gx + oh * ow;
        real *dx = (real *)c->ptr[0] + at, *dy = dx + oh * ow;
        for (int64_t j = 0; j < ow; j++) {
            const spatial_place p = spatial_find(gx[j], gy[j], h, w);
            const real *plane = (const real *)c->ptr[2] + n * ch * h * w;
            const real *g = (const real *)c->ptr[1] + (n * ch * oh + i) * ow + j;
            real sum_x = p.inside ? 0 : p.low, sum_y = p.inside ? 0 : p.right;
            for (int64_t k = 0; p.inside && k < ch; k++, plane += h * w, g += oh * ow) {
                const real a = spatial_at(plane, p.top, p.left, h, w);
                const real b = spatial_at(plane, p.top, p.left + 1, h, w);
                const real d = spatial_at(plane, p.top + 1, p.left, h, w);
                const real e = spatial_at(plane, p.top + 1, p.left + 1, h, w);
                sum_x += *g * ((1 - p.low) * (b - a) + p.low * (e - d));
                sum_y += *g * ((1 - p.right) * (d - a) + p.right * (e - b));
            }
            dx[j] = sum_x * K(w - 1) / 2;
            dy[j] = sum_y * K(h - 1) / 2;
        }
    }
}
