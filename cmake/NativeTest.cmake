# Tests of the libraries. A tier that the processor lacks, and a device that is not there, is reported as skipped (77).

# Each kind of kernels' tests as one target.
add_custom_target(emulated_tests)
add_custom_target(cuda_tests)

# adaspec_add_cpu_executable(name source): linked with the library.
function(adaspec_add_cpu_executable name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE adaspec_cpu adaspec_warnings)
endfunction()

# adaspec_add_tier_test(name executable tier arguments...): the test name.tier runs the executable with that tier forced.
function(adaspec_add_tier_test name executable tier)
    add_test(NAME ${name}.${tier} COMMAND ${executable} ${ARGN})
    set_tests_properties(${name}.${tier} PROPERTIES ENVIRONMENT "ADASPEC_CPU_TIER=${tier}" SKIP_RETURN_CODE 77 TIMEOUT 120)
endfunction()

# adaspec_add_cpu_test(name): cuda/test/{name}.cpp, once per tier.
function(adaspec_add_cpu_test name)
    adaspec_add_cpu_executable(${name} ${name}.cpp)
    target_compile_options(${name} PRIVATE -O1)
    foreach(tier IN LISTS ADASPEC_CPU_TIERS)
        adaspec_add_tier_test(${name} ${name} ${tier})
    endforeach()
endfunction()

# adaspec_add_emulated_test(name): cuda/test/{name}.cpp on the emulated kernels, once per order of threads.
function(adaspec_add_emulated_test name)
    add_executable(${name}_emulated ${name}.cpp)
    target_compile_options(${name}_emulated PRIVATE -O1)
    target_link_libraries(${name}_emulated PRIVATE adaspec_emulated adaspec_warnings)
    add_dependencies(emulated_tests ${name}_emulated)
    foreach(order IN ITEMS forward reverse shuffled)
        add_test(NAME ${name}.emulated.${order} COMMAND ${name}_emulated)
        set_tests_properties(${name}.emulated.${order} PROPERTIES ENVIRONMENT "ADASPEC_EMULATOR_ORDER=${order}" TIMEOUT 300)
    endforeach()
endfunction()

# adaspec_add_cuda_test(name): cuda/test/{name}.cpp on libadaspec_cuda.so and the device.
function(adaspec_add_cuda_test name)
    if(NOT TARGET adaspec_cuda)
        return()
    endif()
    add_executable(${name}_cuda ${name}.cpp)
    target_compile_definitions(${name}_cuda PRIVATE ADASPEC_TEST_DEVICE)
    target_compile_options(${name}_cuda PRIVATE -O1)
    target_link_libraries(${name}_cuda PRIVATE adaspec_cuda adaspec_warnings CUDA::cudart_static)
    add_dependencies(cuda_tests ${name}_cuda)
    add_test(NAME ${name}.cuda COMMAND ${name}_cuda)
    set_tests_properties(${name}.cuda PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
endfunction()
