/*
 * libadaspec_pages.so: files that are mapped and may be cut off by somebody else.
 *
 * A page of a map that the file has no longer, or that the disk cannot give, is a SIGBUS for who reads it. In Java code the JVM makes an error of it; in
 * native code, where the models compute, it ends the process. Here the page is replaced by zeros and the loss is counted: who computed with it asks
 * afterwards, and throws the result away.
 */
#pragma once

#include <stdint.h>

#define ADASPEC_PAGES_API __attribute__((visibility("default")))

/* From now on a loss in [start, start + bytes), a whole map, is survived. A number for the calls below; -1 where too many are watched, or no handler of
 * the signal could be set. The handler stays, and hands on every signal that is not its own to the one that was there before. */
ADASPEC_PAGES_API int32_t adaspec_pages_watch(void* start, int64_t bytes);

/* Whether something of the map was lost, then 1. */
ADASPEC_PAGES_API int32_t adaspec_pages_lost(int32_t number);

/* Before the map is undone. */
ADASPEC_PAGES_API void adaspec_pages_forget(int32_t number);

/* How many losses there were in this process: 0 as long as nobody needs to ask further. */
ADASPEC_PAGES_API const int32_t* adaspec_pages_losses(void);
