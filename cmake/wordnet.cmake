# Compiles Debian's wordnet-base into the table that becomes part of the program; see
# src/wordnet/. Takes some seconds, once.
find_path(REPRISE_WORDNET_DIR data.noun HINTS /usr/share/wordnet DOC "WordNet 3.x database files")
if(NOT REPRISE_WORDNET_DIR)
  message(FATAL_ERROR "WordNet's files are missing. Run tools/setup, or install wordnet-base, or set "
    "-DREPRISE_WORDNET_DIR to the folder of data.noun.")
endif()
set(REPRISE_WORDNET_TABLE ${CMAKE_BINARY_DIR}/wordnet.table)

add_executable(wordnet_compiler src/wordnet/main.cc src/wordnet/compile.cc src/wordnet/concepts.cc
  src/wordnet/glosses.cc src/wordnet/source.cc src/wordnet/svd.cc src/base/result.cc)
target_link_libraries(wordnet_compiler PRIVATE reprise_options fmt::fmt)
# Optimised and without sanitizers in every build: it works for a quarter of an hour otherwise. The
# sanitizers see the same code in wordnet_test.
target_compile_options(wordnet_compiler PRIVATE -O2 -fno-sanitize=all)
file(GLOB wordnet_files ${REPRISE_WORDNET_DIR}/*)
add_custom_command(OUTPUT ${REPRISE_WORDNET_TABLE}
  COMMAND wordnet_compiler ${REPRISE_WORDNET_DIR} ${REPRISE_WORDNET_TABLE}
  DEPENDS wordnet_compiler ${wordnet_files} VERBATIM
  COMMENT "Compiling WordNet")
set_source_files_properties(src/wordnet/builtin.cc PROPERTIES
  OBJECT_DEPENDS ${REPRISE_WORDNET_TABLE}
  COMPILE_DEFINITIONS "REPRISE_WORDNET_TABLE=\"${REPRISE_WORDNET_TABLE}\"")
