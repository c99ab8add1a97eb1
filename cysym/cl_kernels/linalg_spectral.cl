//! dtypes: f32 f64
/* LQ factorisation and symmetric eigenvectors, a work-group a matrix; see c_kernels/linalg_spectral.c.
 *
 * Rows (or columns) are shared out among the work-items, steps are parted by barriers; what one work-item
 * decides goes through local memory. Grids are exact and nobody returns before a barrier. */

#define LINALG_SPECTRAL_GROUP 64
#define LINALG_SPECTRAL_BARRIER barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE)

static inline real linalg_spectral_dot(__global const real *a, __global const real *b, long n) {
    real sum = 0, part = 0;
    for (long i = 0; i < n; i++) {
        part += a[i] * b[i];
        if ((i & 63) == 63) {
            sum += part;
            part = 0;
        }
    }
    return sum + part;
}

static inline void linalg_spectral_add(__global real *y, __global const real *x, real f, long n) {
    for (long i = 0; i < n; i++)
        y[i] += f * x[i];
}

/* By one work-item: x becomes v, beta is returned. */
static inline real linalg_spectral_reflect(__global real *x, long n, __global real *tau) {
    real largest = 0, head = x[0];
    int bad = isnan(head);
    for (long i = 1; i < n; i++) {
        largest = MAX(fabs(x[i]), largest);
        bad |= isnan(x[i]);
    }
    x[0] = 1;
    *tau = bad ? K(NAN) : K(0);
    if (bad || largest == 0)
        return bad ? K(NAN) : head;
    largest = MAX(fabs(head), largest);
    head /= largest;
    real sum = head * head;
    for (long i = 1; i < n; i++) {
        x[i] /= largest;
        sum += x[i] * x[i];
    }
    const real beta = copysign(sqrt(sum), -head);
    *tau = (beta - head) / beta;
    for (long i = 1; i < n; i++)
        x[i] /= head - beta;
    return beta * largest;
}

// ptr: q, l, a, scales   ints: m, n   items: m x n matrices, m <= n; q may be a
//! grid gelqf: items * 64, local 64
__kernel void gelqf(OUT(q), OUT(l), IN(a), OUT(tau), INT(m), INT(n), ITEMS) {
    USE_OUT(q);
    USE_OUT(l);
    USE_IN(a);
    USE_OUT(tau);
    const long item = get_group_id(0), me = get_local_id(0);
    q += item * m * n;
    l += item * m * m;
    a += item * m * n;
    tau += item * m;
    for (long at = me; at < m * n; at += LINALG_SPECTRAL_GROUP)
        q[at] = a[at];
    for (long at = me; at < m * m; at += LINALG_SPECTRAL_GROUP)
        l[at] = 0;
    LINALG_SPECTRAL_BARRIER;
    for (long i = 0; i < m; i++) {
        __global real *v = q + i * n + i;
        if (me == 0)
            l[i * m + i] = linalg_spectral_reflect(v, n - i, tau + i);
        LINALG_SPECTRAL_BARRIER;
        for (long r = i + 1 + me; r < m; r += LINALG_SPECTRAL_GROUP) {
            __global real *x = q + r * n + i;
            linalg_spectral_add(x, v, -tau[i] * linalg_spectral_dot(x, v, n - i), n - i);
            l[r * m + i] = x[0];
        }
        LINALG_SPECTRAL_BARRIER;
    }
    for (long i = m - 1; i >= 0; i--) {
        __global real *v = q + i * n + i;
        for (long r = i + 1 + me; r < m; r += LINALG_SPECTRAL_GROUP) {
            __global real *x = q + r * n + i;
            x[0] = 0;
            linalg_spectral_add(x, v, -tau[i] * linalg_spectral_dot(x, v, n - i), n - i);
        }
        LINALG_SPECTRAL_BARRIER;
        for (long k = me; k < n; k += LINALG_SPECTRAL_GROUP)
            q[i * n + k] = k < i ? K(0) : k == i ? 1 - tau[i] : -tau[i] * q[i * n + k];
        LINALG_SPECTRAL_BARRIER;
    }
}

/* By one work-item: rows first .. last, the last row rotated is returned. */
static inline long linalg_spectral_chase(__global real *d, __global real *e, __global real *cosine,
                                         __global real *sine, long first, long last) {
    const real ratio = (d[first + 1] - d[first]) / (2 * e[first]);
    const real root = copysign(hypot(ratio, K(1)), ratio);
    real bulge = d[last] - d[first] + e[first] / (ratio + root), s = 1, co = 1, shift = 0;
    for (long i = last - 1; i >= first; i--) {
        const real f = s * e[i], b = co * e[i], r = hypot(f, bulge);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= shift;
            e[last] = 0;
            return i + 1;
        }
        co = bulge / r;
        s = f / r;
        cosine[i] = co;
        sine[i] = s;
        const real over = d[i + 1] - shift, t = (d[i] - over) * s + 2 * co * b;
        shift = s * t;
        d[i + 1] = over + shift;
        bulge = co * t - b;
    }
    d[first] -= shift;
    e[first] = bulge;
    e[last] = 0;
    return first;
}

// ptr: u, values, a, reduced, scratch (4 n)   ints: n   items: n x n matrices
//! grid syevd: items * 64, local 64
__kernel void syevd(OUT(u), OUT(d), IN(a), OUT(w), OUT(e), INT(n), ITEMS) {
    USE_OUT(u);
    USE_OUT(d);
    USE_IN(a);
    USE_OUT(w);
    USE_OUT(e);
    __local real box[1];
    __local long
        range[3]; /* first, last, last row rotated; first is -1 at the end, -2 where it does not end */
    const real eps = sizeof(real) == 4 ? K(0x1p-24) : K(0x1p-53);
    const real almost = 1 - 32 * eps;
    const long item = get_group_id(0), me = get_local_id(0);
    u += item * n * n;
    d += item * n;
    a += item * n * n;
    w += item * n * n;
    e += item * 4 * n;
    __global real *tau = e + n, *p = e + 2 * n;
    if (me == 0) {
        real scale = 0;
        range[0] = 0;
        for (long i = 0; i < n; i++)
            for (long j = 0; j <= i; j++) {
                if (!isfinite(a[i * n + j]))
                    range[0] = -2;
                scale = MAX(fabs(a[i * n + j]), scale);
            }
        box[0] = scale;
    }
    LINALG_SPECTRAL_BARRIER;
    const real scale = box[0];
    long first = range[0];
    for (long at = me; at < n * n; at += LINALG_SPECTRAL_GROUP) {
        const long i = at / n, j = at % n;
        w[at] = scale > 0 ? a[i > j ? at : j * n + i] / scale : K(0);
        u[at] = i == j;
    }
    LINALG_SPECTRAL_BARRIER;
    for (long k = 0; k + 1 < n && first == 0; k++) {
        const long m = n - k - 1;
        __global real *v = w + k * n + k + 1, *rest = w + (k + 1) * n + k + 1;
        if (me == 0)
            e[k] = linalg_spectral_reflect(v, m, tau + k);
        LINALG_SPECTRAL_BARRIER;
        for (long i = me; i < m; i += LINALG_SPECTRAL_GROUP)
            p[i] = tau[k] * linalg_spectral_dot(rest + i * n, v, m);
        LINALG_SPECTRAL_BARRIER;
        const real back = -tau[k] / 2 * linalg_spectral_dot(p, v, m);
        LINALG_SPECTRAL_BARRIER;
        for (long i = me; i < m; i += LINALG_SPECTRAL_GROUP)
            p[i] += back * v[i];
        LINALG_SPECTRAL_BARRIER;
        for (long i = me; i < m; i += LINALG_SPECTRAL_GROUP)
            for (long j = 0; j < m; j++)
                rest[i * n + j] -= v[i] * p[j] + p[i] * v[j];
        LINALG_SPECTRAL_BARRIER;
    }
    for (long i = me; i < n; i += LINALG_SPECTRAL_GROUP)
        d[i] = w[i * n + i];
    if (me == 0)
        e[n - 1] = 0;
    for (long k = n - 2; k >= 0 && first == 0; k--) {
        __global const real *v = w + k * n + k + 1;
        for (long i = k + 1 + me; i < n; i += LINALG_SPECTRAL_GROUP) {
            __global real *x = u + i * n + k + 1;
            linalg_spectral_add(x, v, -tau[k] * linalg_spectral_dot(x, v, n - k - 1), n - k - 1);
        }
        LINALG_SPECTRAL_BARRIER;
    }
    LINALG_SPECTRAL_BARRIER;
    long steps = 60 * n;
    while (first >= 0) {
        if (me == 0) {
            long last = first;
            for (; first < n; first = last + 1) {
                last = first;
                while (last + 1 < n && !(fabs(e[last]) <= eps * (fabs(d[last]) + fabs(d[last + 1]) + eps)))
                    last++;
                if (last != first)
                    break;
            }
            range[0] = first >= n ? -1 : steps == 0 ? -2 : first;
            range[1] = last;
            if (range[0] >= 0)
                range[2] = linalg_spectral_chase(d, e, p, p + n, first, last);
        }
        LINALG_SPECTRAL_BARRIER;
        first = range[0];
        const long last = range[1], stop = range[2];
        for (long k = me; k < n && first >= 0; k += LINALG_SPECTRAL_GROUP)
            for (long i = last - 1; i >= stop; i--) {
                const real x = u[i * n + k], y = u[(i + 1) * n + k];
                u[i * n + k] = p[i] * x - p[n + i] * y;
                u[(i + 1) * n + k] = p[n + i] * x + p[i] * y;
            }
        steps--;
        LINALG_SPECTRAL_BARRIER;
    }
    for (long i = 0; i < n && first == -1; i++) { /* ascending */
        if (me == 0) {
            long least = i;
            for (long k = i + 1; k < n; k++)
                if (d[k] < d[least])
                    least = k;
            const real value = d[i];
            d[i] = d[least];
            d[least] = value;
            range[0] = least;
        }
        LINALG_SPECTRAL_BARRIER;
        const long least = range[0];
        for (long k = me; k < n; k += LINALG_SPECTRAL_GROUP) {
            const real x = u[i * n + k];
            u[i * n + k] = u[least * n + k];
            u[least * n + k] = x;
        }
        LINALG_SPECTRAL_BARRIER;
    }
    for (long i = me; i < n; i += LINALG_SPECTRAL_GROUP) {
        real largest = 0;
        for (long k = 0; k < n; k++)
            largest = MAX(fabs(u[i * n + k]), largest);
        long at = 0;
        while (at + 1 < n && fabs(u[i * n + at]) < almost * largest)
            at++;
        const int flip = u[i * n + at] < 0;
        for (long k = 0; k < n; k++)
            u[i * n + k] = first == -2 ? K(NAN) : flip ? -u[i * n + k] : u[i * n + k];
        d[i] = first == -2 ? K(NAN) : d[i] * scale;
    }
}
