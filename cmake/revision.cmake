# Writes the version and the git revision as a Java properties file.  cmake -DVERSION=.. -DOUTPUT=FILE -P revision.cmake
# Without git, or outside a checkout (a source archive), the revision is "unknown".
cmake_policy(VERSION 3.20)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
set(revision unknown)
find_program(GIT git)
if(GIT AND EXISTS "${root}/.git")
  execute_process(COMMAND "${GIT}" rev-parse --short=12 HEAD WORKING_DIRECTORY "${root}"
                  OUTPUT_VARIABLE head ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(revision "${head}")
    execute_process(COMMAND "${GIT}" status --porcelain --untracked-files=no WORKING_DIRECTORY "${root}"
                    OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      string(APPEND revision "-dirty")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "version=@VERSION@\nrevision=@revision@\n" @ONLY)
