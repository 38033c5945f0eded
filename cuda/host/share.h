/* How many of n rows a share k is. */
#pragma once

#include <math.h>
#include <stdint.h>

/*
 * ceil(k n). k is the number nearest to a decimal fraction, and the product is rounded: 0.07 * 100 is 7.000000000000001. A product that near to a whole
 * number counts as that number.
 */
static inline int64_t rows_of_share(double k, int64_t n) {
    const double product = k * (double)n;
    const double whole = nearbyint(product);
    const double rows = fabs(product - whole) <= 0x1p-50 * product ? whole : ceil(product);
    return rows < (double)n ? (int64_t)rows : n;
}
