# Headers that most files have in common are parsed once, by the target `first`: it builds what the
# others reuse, so all of them have its options.
function(reprise_precompile target first header)
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${header})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")  # so that a compiler cache knows it again
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# One folder under src/ is one library, and its DEPS are the folders it may include.
#
#   reprise_module(cache DEPS embed index store upstream LINK SQLite::SQLite3)
#
# builds reprise_cache from cache/*.cc and cache_test from cache/*_test.cc. An #include of a folder
# that is not reachable through DEPS stops the configuration: headers all sit under src/, so the
# compiler alone would not notice.
function(reprise_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LINK" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(helpers ${sources})
  list(FILTER helpers INCLUDE REGEX "_testing\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|testing)\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")

  set(allowed ${name})
  foreach(dep ${ARG_DEPS})
    get_property(reachable GLOBAL PROPERTY reprise_reach_${dep})
    list(APPEND allowed ${dep} ${reachable})
  endforeach()
  list(REMOVE_DUPLICATES allowed)
  set_property(GLOBAL PROPERTY reprise_reach_${name} "${allowed}")
  foreach(file ${sources} ${headers})
    file(STRINGS ${file} includes REGEX "^#include \"[a-z]+/")
    foreach(line ${includes})
      string(REGEX REPLACE "^#include \"([a-z]+)/.*" "\\1" folder "${line}")
      if(NOT folder IN_LIST allowed)
        message(FATAL_ERROR "${file} includes ${folder}/, but ${name} may only include: ${allowed}")
      endif()
    endforeach()
  endforeach()

  if(sources)
    add_library(reprise_${name} STATIC ${sources})
    set(scope PUBLIC)
    reprise_precompile(reprise_${name} reprise_base ${CMAKE_SOURCE_DIR}/cmake/pch.h)
  else()
    add_library(reprise_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_DEPS PREPEND reprise_)
  target_link_libraries(reprise_${name} ${scope} reprise_options ${ARG_DEPS} ${ARG_LINK})
  if(tests AND GTest_FOUND)
    add_executable(${name}_test EXCLUDE_FROM_ALL ${tests})
    # What a test does itself takes no time worth optimising, and half of its compilation would go
    # into that. Not so its helpers (*_testing.cc), some of which simulate thousands of requests.
    target_compile_options(${name}_test PRIVATE -O0)
    reprise_precompile(${name}_test base_test ${CMAKE_SOURCE_DIR}/cmake/pch_testing.h)
    add_dependencies(unit_tests ${name}_test)
    target_link_libraries(${name}_test PRIVATE reprise_${name} GTest::gmock GTest::gtest_main)
    if(helpers)
      add_library(${name}_testing OBJECT EXCLUDE_FROM_ALL ${helpers})
      target_link_libraries(${name}_testing PUBLIC reprise_${name} GTest::gmock)
      target_link_libraries(${name}_test PRIVATE ${name}_testing)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS unit ENVIRONMENT
      "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/lsan.supp:print_suppressions=0")
  endif()
endfunction()
