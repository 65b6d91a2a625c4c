# Compiles a program that would mislead, and expects that it is refused.
#   cmake -D COMPILER=... -D INCLUDE=... -D SOURCE=programs.cpp -D MISUSE=NAME -P run.cmake
execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only -DFMT_SHARED "-I${INCLUDE}" "-DMISUSE=${MISUSE}" "${SOURCE}"
                RESULT_VARIABLE failed OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(MISUSE STREQUAL "NOTHING")
  if(failed)
    message(FATAL_ERROR "a program without misuse does not compile:\n${out}")
  endif()
  return()
endif()
string(FIND "${out}" "bool" found)
if(NOT failed OR found EQUAL -1)
  message(FATAL_ERROR "expected that ${MISUSE} does not compile for want of a conversion to bool:\n${out}")
endif()
