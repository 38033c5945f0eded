# Fails unless LIBRARY shows exactly the functions that HEADER declares, and no object of a tier (OBJECTS) holds a function that the linker may merge
# with another tier's.

execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE table RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} failed on ${LIBRARY}")
endif()
string(REGEX MATCHALL "[^ \n]+\n" visible "${table}")
list(TRANSFORM visible STRIP)
list(SORT visible)

file(READ ${HEADER} text)
string(REGEX MATCHALL "ADASPEC_API [a-z0-9_* ]* adaspec_[a-z0-9_]*\\(" declared "${text}")
list(TRANSFORM declared REPLACE ".* (adaspec_[a-z0-9_]+)\\(" "\\1")
list(SORT declared)

list(LENGTH declared count)
if(count LESS 20 OR NOT visible STREQUAL declared)
    message(FATAL_ERROR "visible: ${visible}\ndeclared: ${declared}")
endif()

foreach(object IN LISTS OBJECTS)
    execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE table RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${NM} failed on ${object}")
    endif()
    if(table MATCHES " [WVu] ([^\n]+)")
        message(FATAL_ERROR "${object} holds ${CMAKE_MATCH_1}, which the linker may use for every tier")
    endif()
endforeach()
