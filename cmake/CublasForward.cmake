# libadaspec_cublas12.so: cuBLAS 13 under the name of cuBLAS 12 (cuda/forward). Needs no CUDA.

if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(ADASPEC_CUBLAS_FORWARD ON)
    enable_language(ASM)
endif()

function(adaspec_add_cublas_forward)
    if(NOT ADASPEC_CUBLAS_FORWARD)
        return()
    endif()
    set(folder ${PROJECT_SOURCE_DIR}/cuda/forward)
    add_library(adaspec_cublas12 SHARED ${folder}/forward.c ${folder}/forward.S)
    set_source_files_properties(${folder}/forward.c ${folder}/forward.S PROPERTIES OBJECT_DEPENDS ${folder}/cublas.def)
    target_compile_options(adaspec_cublas12 PRIVATE $<$<COMPILE_LANGUAGE:C>:-O1>)
    target_link_libraries(adaspec_cublas12 PRIVATE adaspec_warnings ${CMAKE_DL_LIBS})
    # The loader takes a library for another's need by its soname, whatever its file is called.
    target_link_options(adaspec_cublas12 PRIVATE
        -Wl,-soname,libcublas.so.12 -Wl,--version-script=${folder}/libcublas.map -Wl,-z,defs -Wl,-z,now -Wl,--as-needed)
    set_target_properties(adaspec_cublas12 PROPERTIES NO_SONAME ON LINK_DEPENDS ${folder}/libcublas.map)
    install(TARGETS adaspec_cublas12 LIBRARY DESTINATION .)
endfunction()
