# adaspec_add_cpu_test(name): cuda/test/{name}.cpp against libadaspec_cpu.so, once per tier. A tier that the processor lacks is reported as skipped (77).

function(adaspec_add_cpu_test name)
    add_executable(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp)
    target_link_libraries(${name} PRIVATE adaspec_cpu adaspec_warnings)
    target_compile_options(${name} PRIVATE -O1)
    foreach(tier IN LISTS ADASPEC_CPU_TIERS)
        add_test(NAME ${name}.${tier} COMMAND ${name})
        set_tests_properties(${name}.${tier} PROPERTIES ENVIRONMENT "ADASPEC_CPU_TIER=${tier}" SKIP_RETURN_CODE 77 TIMEOUT 120)
    endforeach()
endfunction()
