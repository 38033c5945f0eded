/* The test of the tests: what must fail does. */
#include "check.h"

#include <sys/wait.h>

static bool dies(const std::function<void()>& act) {
    const pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status);
}

int main() {
    require_tier();
    CHECK(is_close(1.0, 1.0 + 1e-9, 1e-8, 0), "near");
    CHECK(!is_close(1.0, 1.1, 1e-8, 1e-8), "far");
    CHECK(!is_close(NAN, 1.0, 1e9, 1e9), "NaN passes for a number");
    CHECK(!is_close(1.0, NAN, 1e9, 1e9), "a number passes for NaN");
    CHECK(is_close(NAN, NAN, 0, 0), "NaN wanted and got");
    CHECK(!is_close(INFINITY, 1.0, 1e9, 1e9), "an infinity passes for a number");
    CHECK(!is_close(INFINITY, -INFINITY, 1e9, 1e9), "an infinity passes for the other");

    CHECK(dies([] { Floats x(31); volatile float* p = x.data; (void)p[31]; }), "a read past the end goes unseen");
    CHECK(dies([] { Floats x(31); volatile float* p = x.data; p[31] = 1; }), "a write past the end goes unseen");
    CHECK(!dies([] { Floats x(31); volatile float* p = x.data; p[30] = 1; }), "a write inside dies");

    const int before = failures;
    {
        Floats x(31);
        x.data[-1] = 0;
    }
    const int written = failures - before;
    CHECK_CLOSE(NAN, 1.0, 1e9, 1e9, "must fail");
    const int not_close = failures - before - written;
    failures = before;
    CHECK(written == 1, "a write before the start goes unseen");
    CHECK(not_close == 1, "CHECK_CLOSE lets NaN pass");
    return finish();
}
