# Warnings for our own sources. psabi: vector types change the calling convention between tiers; ours are only passed between inlined functions.
add_library(adaspec_warnings INTERFACE)
target_compile_options(adaspec_warnings INTERFACE -Wall -Wextra $<$<COMPILE_LANGUAGE:CXX>:-Wno-psabi>)
