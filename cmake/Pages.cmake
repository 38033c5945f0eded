# libadaspec_pages.so: survives files that are cut off while they are mapped (cuda/pages).

function(adaspec_add_pages)
    if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
        return()
    endif()
    find_package(Threads REQUIRED)
    add_library(adaspec_pages SHARED ${PROJECT_SOURCE_DIR}/cuda/pages/pages.c)
    target_include_directories(adaspec_pages PUBLIC ${PROJECT_SOURCE_DIR}/cuda/pages)
    target_compile_options(adaspec_pages PRIVATE -O2 -fvisibility=hidden -fno-omit-frame-pointer)
    target_link_libraries(adaspec_pages PRIVATE adaspec_warnings Threads::Threads)
    target_link_options(adaspec_pages PRIVATE -Wl,-z,defs -Wl,-z,now -Wl,--as-needed)
    install(TARGETS adaspec_pages LIBRARY DESTINATION .)
endfunction()
