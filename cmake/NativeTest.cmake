# Tests of the libraries. A tier that the processor lacks, and a device that is not there, is reported as skipped (77).

# Each kind of kernels' tests as one target.
add_custom_target(emulated_tests)
add_custom_target(cuda_tests)

# Where their buffers lie.
add_library(test_memory OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cuda/test/memory.cpp)
target_link_libraries(test_memory PRIVATE adaspec_warnings)
if(TARGET adaspec_cuda)
    add_library(test_device_memory OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cuda/test/device_memory.cpp)
    target_link_libraries(test_device_memory PRIVATE adaspec_warnings CUDA::cudart_static)
endif()

# adaspec_add_test_object(name): cuda/test/{name}.cpp, compiled once for all that it is linked with.
function(adaspec_add_test_object name)
    if(NOT TARGET ${name}_object)
        add_library(${name}_object OBJECT EXCLUDE_FROM_ALL ${name}.cpp)
        target_include_directories(${name}_object PRIVATE ${PROJECT_SOURCE_DIR}/cuda/include)
        target_compile_options(${name}_object PRIVATE -O1)
        target_link_libraries(${name}_object PRIVATE adaspec_warnings)
    endif()
endfunction()

# adaspec_add_cpu_executable(name source): linked with the library.
function(adaspec_add_cpu_executable name source)
    add_executable(${name} ${source} $<TARGET_OBJECTS:test_memory>)
    target_link_libraries(${name} PRIVATE adaspec_cpu adaspec_warnings)
endfunction()

# adaspec_add_tier_test(name executable tier arguments...): the test name.tier runs the executable with that tier forced.
function(adaspec_add_tier_test name executable tier)
    add_test(NAME ${name}.${tier} COMMAND ${executable} ${ARGN})
    set_tests_properties(${name}.${tier} PROPERTIES
        ENVIRONMENT "ADASPEC_CPU_TIER=${tier}" SKIP_RETURN_CODE 77 TIMEOUT $<IF:$<BOOL:${ADASPEC_SANITIZE}>,1200,120>)
endfunction()

# adaspec_add_cpu_test(name): cuda/test/{name}.cpp, once per tier.
function(adaspec_add_cpu_test name)
    adaspec_add_test_object(${name})
    adaspec_add_cpu_executable(${name} $<TARGET_OBJECTS:${name}_object>)
    foreach(tier IN LISTS ADASPEC_CPU_TIERS)
        adaspec_add_tier_test(${name} ${name} ${tier})
    endforeach()
endfunction()

# adaspec_add_emulated_test(name orders...): cuda/test/{name}.cpp on the emulated kernels, once per order of threads (all three where none is named).
function(adaspec_add_emulated_test name)
    set(orders ${ARGN})
    if(NOT orders)
        set(orders forward reverse shuffled)
    endif()
    adaspec_add_test_object(${name})
    add_executable(${name}_emulated $<TARGET_OBJECTS:${name}_object> $<TARGET_OBJECTS:test_memory>)
    target_link_libraries(${name}_emulated PRIVATE adaspec_emulated adaspec_warnings)
    add_dependencies(emulated_tests ${name}_emulated)
    foreach(order IN LISTS orders)
        add_test(NAME ${name}.emulated.${order} COMMAND ${name}_emulated)
        set_tests_properties(${name}.emulated.${order} PROPERTIES ENVIRONMENT "ADASPEC_EMULATOR_ORDER=${order}" TIMEOUT 300)
    endforeach()
endfunction()

# adaspec_add_cuda_test(name): cuda/test/{name}.cpp on libadaspec_cuda.so and the device.
function(adaspec_add_cuda_test name)
    if(NOT TARGET adaspec_cuda)
        return()
    endif()
    adaspec_add_test_object(${name})
    add_executable(${name}_cuda $<TARGET_OBJECTS:${name}_object> $<TARGET_OBJECTS:test_device_memory>)
    target_link_libraries(${name}_cuda PRIVATE adaspec_cuda adaspec_warnings CUDA::cudart_static)
    add_dependencies(cuda_tests ${name}_cuda)
    add_test(NAME ${name}.cuda COMMAND ${name}_cuda)
    set_tests_properties(${name}.cuda PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
endfunction()
