//! dtypes: f32 f64
/* Local response normalisation, a work-item an element; see c_kernels/lrn.c. */

#define LRN_BLOCK 64

//! grid lrn: items * 64 * channels, local 64
// ptr: y, norm, x   ints: channels, inner, half   floats: alpha / nsize, knorm, beta   items: batch * blocks
__kernel void lrn(OUT(y), OUT(norm), IN(x), INT(channels), INT(inner), INT(half_), FLOAT(factor),
                  FLOAT(knorm), FLOAT(beta), ITEMS) {
    USE_OUT(y);
    USE_OUT(norm);
    USE_IN(x);
    const long blocks = (inner + LRN_BLOCK - 1) / LRN_BLOCK, width = blocks * LRN_BLOCK;
    const long at = get_global_id(0), i = at % width, ch = at / width % channels;
    if (i >= inner || at >= items * LRN_BLOCK * channels)
        return;
    const long first = at / width / channels * channels * inner + i;
    real sum = 0;
    for (long w = max(ch - half_, 0L); w < min(ch + half_ + 1, channels); w++)
        sum += x[first + w * inner] * x[first + w * inner];
    const real v = knorm + factor * sum;
    norm[first + ch * inner] = v;
    y[first + ch * inner] = x[first + ch * inner] * EXP(-beta * LOG(v));
}

//! grid lrn_grad: items * 64 * channels, local 64
// ptr: dx, dy, x, y, norm   ints: channels, inner, half   floats: 2 alpha beta / nsize, beta
// items: batch * blocks
__kernel void lrn_grad(OUT(dx), IN(dy), IN(x), IN(y), IN(norm), INT(channels), INT(inner), INT(half_),
                       FLOAT(factor), FLOAT(beta), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(y);
    USE_IN(norm);
    const long blocks = (inner + LRN_BLOCK - 1) / LRN_BLOCK, width = blocks * LRN_BLOCK;
    const long at = get_global_id(0), i = at % width, ch = at / width % channels;
    if (i >= inner || at >= items * LRN_BLOCK * channels)
        return;
    const long first = at / width / channels * channels * inner + i, here = first + ch * inner;
    real sum = 0;
    for (long w = max(ch - half_, 0L); w < min(ch + half_ + 1, channels); w++)
        sum += dy[first + w * inner] * y[first + w * inner] / norm[first + w * inner];
    dx[here] = dy[here] * EXP(-beta * LOG(norm[here])) - factor * x[here] * sum;
}
