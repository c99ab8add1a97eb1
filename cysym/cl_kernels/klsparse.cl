//! dtypes: f32 f64
/* The running mean of activations, and the slope of the Kullback-Leibler penalty at it. */

// ptr: moving_avg, slope, mean, moving_avg   ints: gap of moving_avg   floats: target, penalty, momentum
// items: units
__kernel void klsparse_move(OUT(moving_avg), OUT(slope), IN(mean), IN(old), INT(gap), FLOAT(target),
                            FLOAT(penalty), FLOAT(momentum), ITEMS) {
    USE_OUT(moving_avg);
    USE_OUT(slope);
    USE_IN(mean);
    USE_IN(old);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const real a = momentum * old[i * gap] + (1 - momentum) * mean[i];
    moving_avg[i * gap] = a;
    slope[i] = penalty * ((1 - target) / (1 - a) - target / a);
}
