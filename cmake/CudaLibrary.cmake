# libadaspec_cuda.so, where nvcc is found: static CUDA runtime, no other CUDA library. Built for sm_80 (Ampere and, by binary compatibility, Ada), sm_90a
# (Hopper), sm_100 (Blackwell), and PTX of the last for what comes after. A kernel that spills registers or keeps arrays in local memory is an error.

include(CheckLanguage)
include(CudaSources)

set(ADASPEC_CUDA_ARCHITECTURES "80-real;90a-real;100-real;100-virtual" CACHE STRING "what libadaspec_cuda.so is built for")

if(NOT ADASPEC_SANITIZE)
    check_language(CUDA)
endif()
if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${ADASPEC_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED QUIET)
else()
    message(STATUS "no CUDA compiler was found: libadaspec_cuda.so is not built (set CUDACXX to nvcc to build it)")
endif()

function(adaspec_add_cuda_library)
    if(NOT CMAKE_CUDA_COMPILER)
        return()
    endif()
    add_library(adaspec_cuda SHARED ${ADASPEC_CUDA_SOURCES} ${PROJECT_SOURCE_DIR}/cuda/host/status.cpp)
    target_include_directories(adaspec_cuda PUBLIC ${PROJECT_SOURCE_DIR}/cuda/include PRIVATE ${ADASPEC_CUDA_DIR})
    target_compile_options(adaspec_cuda PRIVATE
        $<$<COMPILE_LANGUAGE:CXX>:-fvisibility=hidden>
        "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fvisibility=hidden>"
        # A fifth of the size; what the driver unpacks when a kernel is first run.
        "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<VERSION_GREATER_EQUAL:$<CUDA_COMPILER_VERSION>,12.8>>:--compress-mode=size>"
        "$<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=--warn-on-spills,--warn-on-local-memory-usage,-Werror>")
    set_target_properties(adaspec_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static POSITION_INDEPENDENT_CODE ON)
    target_link_options(adaspec_cuda PRIVATE -static-libstdc++ -static-libgcc -s -Wl,--as-needed -Wl,-z,now -Wl,--exclude-libs,ALL)
    install(TARGETS adaspec_cuda LIBRARY DESTINATION .)
endfunction()
