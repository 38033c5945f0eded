/* exp, log, the logistic function and the normal distribution function of a tier against the C library in double. Compiled once per tier. */
#include "check.h"

#include "../host/vecmath.h"

template <class F, class G>
static double worst(const char* name, F vector, G exact, double from, double to, double smallest, double tolerance) {
    double worst = 0;
    const int64_t steps = 2000003;
    for (int64_t i = 0; i < steps; i += VL) {
        vf x;
        for (int l = 0; l < VL; l++) {
            x[l] = (float)(from + (to - from) * (double)(i + l) / (double)steps);
        }
        const vf got = vector(x);
        for (int l = 0; l < VL; l++) {
            const double want = exact((double)x[l]);
            if (fabs(want) >= smallest) {
                const double error = fabs((double)got[l] - want) / fabs(want);
                worst = error > worst ? error : worst;
                CHECK(error <= tolerance, "%s(%.9g) is %.9g, %.9g was expected", name, (double)x[l], (double)got[l], want);
            } else {
                CHECK_CLOSE(got[l], want, 1.5e-45, 0, "%s(%.9g)", name, (double)x[l]);
            }
        }
    }
    fprintf(stderr, "%s: relative error at most %.2g on [%g, %g]\n", name, worst, from, to);
    return worst;
}

static double phi(double x) {
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

int main() {
    const double smallest = 1.17549435e-38;
    worst("exp", [](vf x) { return exp(x); }, [](double x) { return ::exp(x); }, -110, 88.7, smallest, 1.1e-7);
    worst("exp", [](vf x) { return exp(x); }, [](double x) { return ::exp(x); }, -1, 1, smallest, 1.1e-7);
    const auto logarithm = [](vf x) { return log(x); };
    const auto exact_logarithm = [](double x) { return ::log(x); };
    worst("log", logarithm, exact_logarithm, 0.5, 2, smallest, 1.2e-7);
    worst("log", logarithm, exact_logarithm, 0.999, 1.001, smallest, 1.2e-7);
    worst("log", logarithm, exact_logarithm, 2, 1e30, smallest, 1.2e-7);
    worst("log", [](vf x) { return log(exp(x)); }, [](double x) { return ::log((double)exp(splat((float)x))[0]); }, -87, 87, smallest, 1.2e-7);
    worst("logistic", [](vf x) { return logistic(x); }, [](double x) { return 1 / (1 + ::exp(-x)); }, -87, 87, smallest, 2e-7);
    worst("normal_cdf", [](vf x) { return normal_cdf(x); }, phi, -3, 3, smallest, 5e-7);
    worst("normal_cdf", [](vf x) { return normal_cdf(x); }, phi, -12, 12, smallest, 5e-6);

    vf special = {};
    special[0] = -INFINITY;
    special[1] = INFINITY;
    special[2] = NAN;
    special[3] = -0.0f;
    const vf e = exp(special);
    CHECK(e[0] == 0 && e[1] == INFINITY && isnan(e[2]) && e[3] == 1, "exp(-inf, inf, NaN, -0) = %g %g %g %g", e[0], e[1], e[2], e[3]);
    special[0] = 1;
    special[1] = 0;
    special[3] = 1.4e-45f;
    const vf g = log(special);
    const double least = ::log(1.17549435e-38);
    CHECK(g[0] == 0 && isnan(g[2]), "log(1, NaN) = %g %g", g[0], g[2]);
    CHECK_CLOSE(g[1], least, 0, 1e-6, "log(0)");
    CHECK_CLOSE(g[3], least, 0, 1e-6, "log(1.4e-45)");
    special[0] = -INFINITY;
    special[1] = INFINITY;
    special[3] = -0.0f;
    const vf p = normal_cdf(special);
    CHECK(p[0] == 0 && p[1] == 1 && isnan(p[2]) && p[3] == 0.5f, "normal_cdf(-inf, inf, NaN, -0) = %g %g %g %g", p[0], p[1], p[2], p[3]);
    const vf s = logistic(special);
    CHECK(s[0] == 0 && s[1] == 1 && isnan(s[2]) && s[3] == 0.5f, "logistic(-inf, inf, NaN, -0) = %g %g %g %g", s[0], s[1], s[2], s[3]);

    return finish();
}
