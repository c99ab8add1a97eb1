//! dtypes: f32
__kernel void probe_broken(OUT(y), ITEMS) {
    USE_OUT(y);
    y[get_global_id(0)] = not_declared;
}
