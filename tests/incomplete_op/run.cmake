# Compiles an op that lacks a piece, and expects one error, with the sentence, and no scroll after it.
#   cmake -D COMPILER=... -D INCLUDE=... -D SOURCE=ops.cpp -D LACKS=NAME -D SENTENCE="needs a name" -P run.cmake
set(MOST_LINES 20)

execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only -DFMT_SHARED "-I${INCLUDE}" "-DLACKS=${LACKS}" "${SOURCE}"
                RESULT_VARIABLE failed OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(LACKS STREQUAL "NOTHING")
  if(failed)
    message(FATAL_ERROR "a complete op does not compile:\n${out}")
  endif()
  return()
endif()
string(REGEX MATCHALL "error:" errors "${out}")
list(LENGTH errors error_count)
string(REGEX MATCHALL "\n" ends "${out}")
list(LENGTH ends lines)
string(FIND "${out}" "${SENTENCE}" found)
if(NOT error_count EQUAL 1 OR found EQUAL -1 OR lines GREATER MOST_LINES)
  message(FATAL_ERROR "expected one error with \"${SENTENCE}\" in at most ${MOST_LINES} lines, "
                      "got ${error_count} in ${lines} lines:\n${out}")
endif()
