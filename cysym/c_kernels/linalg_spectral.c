//! dtypes: f32 f64
/* LQ factorisation and symmetric eigenvectors, a matrix an item.
 *
 * Everything works on rows, which lie side by side: reflections act on rows from the right, rotations combine
 * two rows of eigenvectors. */
#include "cysym.h"

enum { LANES = 16 };

static real spectral_dot(const real *a, const real *b, int64_t n) {
    real part[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            part[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (int k = 0; k < LANES; k++)
        sum += part[k];
    return sum;
}

static void spectral_add(real *y, const real *x, real f, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        y[i] += f * x[i];
}

/* The reflection H = I - tau v v^T, v[0] = 1, with x H = (beta, 0, ...): x becomes v, beta is returned. x
 * that is (x[0], 0, ...) already has tau = 0. Nothing overflows on the way: x is scaled by its largest
 * element. */
static real spectral_reflect(real *x, int64_t n, real *tau) {
    real largest = 0, head = x[0];
    int bad = isnan(head);
    for (int64_t i = 1; i < n; i++) {
        largest = fabs(x[i]) > largest ? K(fabs(x[i])) : largest;
        bad |= isnan(x[i]);
    }
    x[0] = 1;
    *tau = bad ? K(NAN) : 0;
    if (bad || largest == 0)
        return bad ? K(NAN) : head;
    largest = fabs(head) > largest ? K(fabs(head)) : largest;
    head /= largest;
    real sum = head * head;
    for (int64_t i = 1; i < n; i++) {
        x[i] /= largest;
        sum += x[i] * x[i];
    }
    const real beta = K(copysign(sqrt(sum), -head));
    *tau = (beta - head) / beta;
    for (int64_t i = 1; i < n; i++)
        x[i] /= head - beta;
    return beta * largest;
}

/* ptr: q, l, a, scales   ints: m, n   items: m x n matrices, m <= n; q may be a
 * Reflections are kept in the rows of q, then multiplied together from the last to the first. */
CS_KERNEL(gelqf) {
    const int64_t m = c->ints[0], n = c->ints[1];
    for (int64_t item = begin; item < end; item++) {
        const real *a = (const real *)c->ptr[2] + item * m * n;
        real *q = (real *)c->ptr[0] + item * m * n, *l = (real *)c->ptr[1] + item * m * m;
        real *tau = (real *)c->ptr[3] + item * m;
        if (q != a)
            memcpy(q, a, (size_t)(m * n) * sizeof(real));
        memset(l, 0, (size_t)(m * m) * sizeof(real));
        for (int64_t i = 0; i < m; i++) {
            real *v = q + i * n + i;
            l[i * m + i] = spectral_reflect(v, n - i, tau + i);
            for (int64_t r = i + 1; r < m; r++) {
                real *x = q + r * n + i;
                spectral_add(x, v, -tau[i] * spectral_dot(x, v, n - i), n - i);
                l[r * m + i] = x[0];
            }
        }
        for (int64_t i = m - 1; i >= 0; i--) {
            real *v = q + i * n + i;
            for (int64_t r = i + 1; r < m; r++) {
                real *x = q + r * n + i;
                x[0] = 0; /* L was here */
                spectral_add(x, v, -tau[i] * spectral_dot(x, v, n - i), n - i);
            }
            for (int64_t k = 0; k < n - i; k++)
                v[k] *= -tau[i];
            v[0] += 1;
            memset(q + i * n, 0, (size_t)i * sizeof(real));
        }
    }
}

/* A symmetric `a` (both triangles) becomes tridiagonal, diagonal d and e[k] = a[k][k + 1]; rows of u become
 * Q^T with Q^T A Q = T. Reflection k stays in row k of `a` right of the diagonal. */
static void syevd_reduce(real *a, real *u, real *d, real *e, real *tau, real *p, int64_t n) {
    for (int64_t k = 0; k + 1 < n; k++) {
        const int64_t m = n - k - 1;
        real *v = a + k * n + k + 1, *rest = a + (k + 1) * n + k + 1;
        d[k] = a[k * n + k];
        e[k] = spectral_reflect(v, m, tau + k);
        if (tau[k] == 0)
            continue;
        for (int64_t i = 0; i < m; i++)
            p[i] = tau[k] * spectral_dot(rest + i * n, v, m);
        spectral_add(p, v, -tau[k] / 2 * spectral_dot(p, v, m), m);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++)
                rest[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    }
    d[n - 1] = a[n * n - 1];
    e[n - 1] = 0;
    memset(u, 0, (size_t)(n * n) * sizeof(real));
    for (int64_t i = 0; i < n; i++)
        u[i * n + i] = 1;
    for (int64_t k = n - 2; k >= 0; k--) {
        const real *v = a + k * n + k + 1;
        for (int64_t i = k + 1; i < n; i++) {
            real *x = u + i * n + k + 1;
            spectral_add(x, v, -tau[k] * spectral_dot(x, v, n - k - 1), n - k - 1);
        }
    }
}

/* One implicit QL step on rows first .. last of the tridiagonal matrix, with Wilkinson's shift: rotation i,
 * for i from last - 1 down to the returned row, mixes rows i and i + 1 by cosine[i] and sine[i]. */
static int64_t syevd_chase(real *d, real *e, real *cosine, real *sine, int64_t first, int64_t last) {
    const real ratio = (d[first + 1] - d[first]) / (2 * e[first]);
    const real root = K(copysign(hypot(ratio, 1), ratio));
    real bulge = d[last] - d[first] + e[first] / (ratio + root), s = 1, co = 1, shift = 0;
    for (int64_t i = last - 1; i >= first; i--) {
        const real f = s * e[i], b = co * e[i], r = K(hypot(f, bulge));
        e[i + 1] = r;
        if (r == 0) { /* the matrix has fallen apart here */
            d[i + 1] -= shift;
            e[last] = 0;
            return i + 1;
        }
        cosine[i] = co = bulge / r;
        sine[i] = s = f / r;
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

/* Eigenvalues of the tridiagonal matrix into d, its rotations into the rows of u; 0 if it does not end. */
static int syevd_iterate(real *d, real *e, real *cosine, real *sine, real *u, int64_t n) {
    const real eps = sizeof(real) == 4 ? K(0x1p-24) : K(0x1p-53);
    int64_t steps = 60 * n;
    for (int64_t first = 0; first < n;) {
        int64_t last = first;
        while (last + 1 < n && !(fabs(e[last]) <= eps * (fabs(d[last]) + fabs(d[last + 1]) + eps)))
            last++;
        if (last == first) {
            first++;
            continue;
        }
        if (steps-- == 0)
            return 0;
        const int64_t stop = syevd_chase(d, e, cosine, sine, first, last);
        for (int64_t i = last - 1; i >= stop; i--) {
            real *x = u + i * n, *y = x + n;
            const real co = cosine[i], s = sine[i];
            for (int64_t k = 0; k < n; k++) {
                const real a = x[k], b = y[k];
                x[k] = co * a - s * b;
                y[k] = s * a + co * b;
            }
        }
    }
    return 1;
}

/* Rows in the order of their eigenvalues, the first element of (almost) largest magnitude positive. */
static void syevd_order(real *d, real *u, int64_t n) {
    const real almost = 1 - (sizeof(real) == 4 ? K(0x1p-19) : K(0x1p-48));
    for (int64_t i = 0; i < n; i++) {
        int64_t least = i;
        for (int64_t k = i + 1; k < n; k++)
            if (d[k] < d[least])
                least = k;
        real *x = u + i * n, *y = u + least * n, largest = 0;
        const real value = d[i];
        d[i] = d[least], d[least] = value;
        for (int64_t k = 0; k < n; k++) {
            const real t = x[k];
            x[k] = y[k], y[k] = t;
            largest = fabs(x[k]) > largest ? K(fabs(x[k])) : largest;
        }
        int64_t at = 0;
        while (at + 1 < n && fabs(x[at]) < almost * largest)
            at++;
        if (x[at] < 0)
            for (int64_t k = 0; k < n; k++)
                x[k] = -x[k];
    }
}

/* ptr: u, values, a, reduced, scratch (4 n)   ints: n   items: n x n matrices
 * The lower triangle of a counts. It is divided by its largest element, lest squares overflow. */
CS_KERNEL(syevd) {
    const int64_t n = c->ints[0];
    for (int64_t item = begin; item < end; item++) {
        const real *a = (const real *)c->ptr[2] + item * n * n;
        real *u = (real *)c->ptr[0] + item * n * n, *d = (real *)c->ptr[1] + item * n;
        real *w = (real *)c->ptr[3] + item * n * n, *e = (real *)c->ptr[4] + item * 4 * n, scale = 0;
        int good = 1;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                good &= isfinite(a[i * n + j]) != 0;
                scale = fabs(a[i * n + j]) > scale ? K(fabs(a[i * n + j])) : scale;
            }
        for (int64_t i = 0; i < n && good; i++)
            for (int64_t j = 0; j <= i; j++)
                w[i * n + j] = w[j * n + i] = scale > 0 ? a[i * n + j] / scale : 0;
        if (good) {
            syevd_reduce(w, u, d, e, e + n, e + 2 * n, n);
            good = syevd_iterate(d, e, e + 2 * n, e + 3 * n, u, n);
        }
        if (good)
            syevd_order(d, u, n);
        for (int64_t i = 0; i < n; i++)
            d[i] = good ? d[i] * scale : K(NAN);
        for (int64_t i = 0; i < n * n && !good; i++)
            u[i] = K(NAN);
    }
}
