/* A status becomes a sentence of the thread it happened on. */
#include "check.h"

#include <thread>

int main() {
    require_tier();
    CHECK_REFUSED(adaspec_set_threads(0), "set_threads: 0 threads");
    const std::string here = adaspec_last_error();
    std::string before;
    std::string there;
    std::thread([&] {
        before = adaspec_last_error();
        float x = 0;
        CHECK_REFUSED(adaspec_add(&x, &x, &x, -1, nullptr), "add: negative size");
        there = adaspec_last_error();
    }).join();
    CHECK(before.empty(), "a fresh thread has the error \"%s\"", before.c_str());
    CHECK(there != here, "both threads have the error \"%s\"", here.c_str());
    CHECK(here == adaspec_last_error(), "another thread's error arrived: \"%s\"", adaspec_last_error());
    return finish();
}
