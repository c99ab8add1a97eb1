//! dtypes: any
/* Conversion between element types, any strides; see c_kernels/cast.c. One work-item an element. Types are
 * told by MXNet's code; float16 goes through vload_half and vstore_half, which every device has. */
enum { CAST_F32, CAST_F64, CAST_F16, CAST_U8, CAST_I32, CAST_I8, CAST_I64, CAST_B8 };

#define CAST_INT(v) (fabs(v) < 0x1p31f ? (int)(v) : INT_MIN)
#define CAST_LONG(v) (fabs(v) < 0x1p63f ? (long)(v) : LONG_MIN)

#ifdef CS_HAS_F64
#define CAST_PUT_DOUBLE(y, at, v)                                                                            \
    case CAST_F64:                                                                                           \
        ((__global double *)(y))[at] = (double)(v);                                                          \
        break;
#else
#define CAST_PUT_DOUBLE(y, at, v)
#endif

/* The body of a store, the same for every type of value; `as_int` and `as_long` say how floats are cut. */
#define CAST_PUT(y, at, to, v, as_int, as_long)                                                              \
    switch (to) {                                                                                            \
    case CAST_F32:                                                                                           \
        ((__global float *)(y))[at] = (float)(v);                                                            \
        break;                                                                                               \
        CAST_PUT_DOUBLE(y, at, v)                                                                            \
    case CAST_F16:                                                                                           \
        vstore_half_rte((float)(v), at, (__global half *)(y));                                               \
        break;                                                                                               \
    case CAST_I32:                                                                                           \
        ((__global int *)(y))[at] = as_int(v);                                                               \
        break;                                                                                               \
    case CAST_I64:                                                                                           \
        ((__global long *)(y))[at] = as_long(v);                                                             \
        break;                                                                                               \
    case CAST_B8:                                                                                            \
        (y)[at] = (v) != 0;                                                                                  \
        break;                                                                                               \
    default:                                                                                                 \
        (y)[at] = (uchar)as_int(v);                                                                          \
    }

static inline void cast_put_float(__global uchar *y, long at, int to, float v) {
    CAST_PUT(y, at, to, v, CAST_INT, CAST_LONG)
}

static inline void cast_put_long(__global uchar *y, long at, int to, long v) {
    CAST_PUT(y, at, to, v, (int), (long))
}

#ifdef CS_HAS_F64
static inline void cast_put_double(__global uchar *y, long at, int to,
                                   double v){CAST_PUT(y, at, to, v, CAST_INT, CAST_LONG)}
#endif

// ptr: y, x   ints: y type, x type, ndim, dims[6], y strides[6], x strides[6]   items: elements
__kernel void cast(OUT_T(uchar, y), IN_T(uchar, x), INTS, ITEMS) {
    USE_OUT_T(uchar, y);
    USE_IN_T(uchar, x);
    const int to = (int)ints[0];
    long yi = 0, xi = 0, rest = get_global_id(0);
    if (rest >= items)
        return;
    for (int d = 8; d > 8 - ints[2]; d--) {
        long dim = ints[d], above = items <= INT_MAX ? (long)((uint)rest / (uint)dim) : rest / dim;
        yi += (rest - above * dim) * ints[d + 6];
        xi += (rest - above * dim) * ints[d + 12];
        rest = above;
    }
    switch ((int)ints[1]) {
    case CAST_F32:
        cast_put_float(y, yi, to, ((__global const float *)x)[xi]);
        break;
    case CAST_F16:
        cast_put_float(y, yi, to, vload_half(xi, (__global const half *)x));
        break;
    case CAST_I32:
        cast_put_long(y, yi, to, ((__global const int *)x)[xi]);
        break;
    case CAST_I64:
        cast_put_long(y, yi, to, ((__global const long *)x)[xi]);
        break;
    case CAST_I8:
        cast_put_long(y, yi, to, ((__global const char *)x)[xi]);
        break;
#ifdef CS_HAS_F64
    case CAST_F64:
        cast_put_double(y, yi, to, ((__global const double *)x)[xi]);
        break;
#endif
    default:
        cast_put_long(y, yi, to, x[xi]);
    }
}
