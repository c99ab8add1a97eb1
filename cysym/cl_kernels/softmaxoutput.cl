//! dtypes: f32 f64
/* The gradient of softmax cross-entropy from probabilities and labels: a work-item an element. */

#define SOFTMAXOUTPUT_GROUP 64

//! grid softmaxoutput_count: items * 64, local 64
// ptr: norm, label   ints: rows   floats: ignored   items: 1
__kernel void softmaxoutput_count(OUT(norm), IN(label), INT(rows), FLOAT(ignored), ITEMS) {
    USE_OUT(norm);
    USE_IN(label);
    __local int box[SOFTMAXOUTPUT_GROUP];
    const int me = get_local_id(0);
    int count = 0;
    for (long i = me; i < rows; i += SOFTMAXOUTPUT_GROUP)
        count += TRUNC(label[i]) != ignored;
    box[me] = count;
    for (int half_ = SOFTMAXOUTPUT_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    if (me == 0)
        norm[0] = K(max(box[0], 1));
}

//! grid softmaxoutput_grad: items * n, local 64
// ptr: dx, p, label, norm   ints: n, inner, use_ignore, has_norm   floats: scale, ignored, target, rest
// items: rows (outer * inner)
__kernel void softmaxoutput_grad(OUT(dx), IN(p), IN(label), IN(norm), INT(n), INT(inner), INT(use_ignore),
                                 INT(has_norm), FLOAT(scale), FLOAT(ignored), FLOAT(target), FLOAT(rest),
                                 ITEMS) {
    USE_OUT(dx);
    USE_IN(p);
    USE_IN(label);
    USE_IN(norm);
    const long at = get_global_id(0);
    if (at >= items * n)
        return;
    const long j = at / inner % n, row = at / (inner * n) * inner + at % inner;
    const real mine = TRUNC(label[row]);
    const real factor = has_norm ? scale / norm[0] : scale;
    const real g = (p[at] - (mine == K(j) ? target : rest)) * factor;
    dx[at] = use_ignore && mine == ignored ? K(0) : g;
}

// ptr: dx, p, label   floats: scale   items: elements
__kernel void softmaxoutput_grad_soft(OUT(dx), IN(p), IN(label), FLOAT(scale), ITEMS) {
    USE_OUT(dx);
    USE_IN(p);
    USE_IN(label);
    const long i = get_global_id(0);
    if (i < items)
        dx[i] = (p[i] - label[i]) * scale;
}

// ptr: y, a, b   items: elements
__kernel void softmaxoutput_times(OUT(y), IN(a), IN(b), ITEMS) {
    USE_OUT(y);
    USE_IN(a);
    USE_IN(b);
    const long i = get_global_id(0);
    if (i < items)
        y[i] = a[i] * b[i];
}

//! grid softmaxoutput_cross: items * 64, local 64
// ptr: y, logs, label   ints: rows, n   floats: least probability   items: 1
__kernel void softmaxoutput_cross(OUT(y), IN(logs), IN(label), INT(rows), INT(n), FLOAT(least), ITEMS) {
    USE_OUT(y);
    USE_IN(logs);
    USE_IN(label);
    __local real box[SOFTMAXOUTPUT_GROUP];
    const int me = get_local_id(0);
    const real floor_ = LOG(least);
    real sum = 0;
    for (long i = me; i < rows; i += SOFTMAXOUTPUT_GROUP) {
        const real k = TRUNC(label[i]);
        const real p = k >= 0 && k < K(n) ? logs[i * n + (long)k] : floor_;
        sum -= p < floor_ ? floor_ : p;
    }
    box[me] = sum;
    for (int half_ = SOFTMAXOUTPUT_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    if (me == 0)
        y[0] = box[0];
}
