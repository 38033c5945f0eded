# libadaspec_cpu.so: the operations compiled once per tier of instructions, and a dispatcher that chooses when the library is loaded.

set(ADASPEC_CPU_DIR ${CMAKE_CURRENT_SOURCE_DIR}/cuda/host)

# One file per operation, compiled for every tier.
set(ADASPEC_CPU_OPERATIONS
    adamw attention cast cross_entropy decode_attention distill distill_forward_backward embedding gelu layernorm linear_rows rmsnorm rotary rows sample
    select swiglu verify)

# Compiled once.
set(ADASPEC_CPU_COMMON dispatch status threads)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(ADASPEC_CPU_TIERS avx512 avx2 baseline)
    set(ADASPEC_CPU_ARCH_avx512 x86-64-v4)
    set(ADASPEC_CPU_ARCH_avx2 x86-64-v3)
    set(ADASPEC_CPU_ARCH_baseline x86-64)
else()
    set(ADASPEC_CPU_TIERS baseline)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
    message(FATAL_ERROR "GCC ${CMAKE_CXX_COMPILER_VERSION} lacks __builtin_shufflevector; GCC 12 or newer is needed (set CXX to it)")
endif()

# O3 unrolls the tiles. Contraction is safe for the promise of equal bits because the same code makes every row. No fast-math: NaN, infinities and the
# order of sums are part of the results.
set(ADASPEC_CPU_FLAGS -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fno-exceptions -fno-rtti -fvisibility=hidden -fPIC)

function(adaspec_add_cpu_library)
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    list(TRANSFORM ADASPEC_CPU_OPERATIONS PREPEND ${ADASPEC_CPU_DIR}/ OUTPUT_VARIABLE operations)
    list(TRANSFORM operations APPEND .cpp)
    list(TRANSFORM ADASPEC_CPU_COMMON PREPEND ${ADASPEC_CPU_DIR}/ OUTPUT_VARIABLE common)
    list(TRANSFORM common APPEND .cpp)

    add_library(adaspec_cpu SHARED ${common})
    foreach(tier IN LISTS ADASPEC_CPU_TIERS)
        add_library(adaspec_cpu_${tier} OBJECT ${operations})
        target_compile_definitions(adaspec_cpu_${tier} PRIVATE ADASPEC_TIER=${tier})
        if(ADASPEC_CPU_ARCH_${tier})
            target_compile_options(adaspec_cpu_${tier} PRIVATE -march=${ADASPEC_CPU_ARCH_${tier}})
        endif()
        target_sources(adaspec_cpu PRIVATE $<TARGET_OBJECTS:adaspec_cpu_${tier}>)
        list(APPEND targets adaspec_cpu_${tier})
    endforeach()
    foreach(target IN LISTS targets ITEMS adaspec_cpu)
        target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/cuda/include)
        # Instrumented at O3 the tiles take minutes to compile and run no faster.
        target_compile_options(${target} PRIVATE ${ADASPEC_CPU_FLAGS} ${OpenMP_CXX_FLAGS} $<$<BOOL:${ADASPEC_SANITIZE}>:-O1>)
        target_link_libraries(${target} PRIVATE adaspec_warnings)
    endforeach()

    # libgomp stays shared: it must be the one that oneDNN uses, or each would keep a team of threads of its own. It is found beside the library or is
    # loaded before it.
    if(ADASPEC_SANITIZE STREQUAL "thread")
        target_sources(adaspec_cpu PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cuda/test/standin/openmp.cpp)
    else()
        target_link_options(adaspec_cpu PRIVATE ${OpenMP_CXX_FLAGS})
    endif()
    target_link_options(adaspec_cpu PRIVATE
        -static-libstdc++ -static-libgcc -Wl,--as-needed -Wl,-z,defs -Wl,-z,now -Wl,--exclude-libs,ALL)
    target_link_libraries(adaspec_cpu PRIVATE m)
    set_target_properties(adaspec_cpu PROPERTIES INSTALL_RPATH "$ORIGIN")
endfunction()
