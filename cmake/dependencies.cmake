# Every library Reprise links, found once, with the flags each needs. Why each is here, and what
# else was considered, stands in ARCHITECTURE.md.
add_library(reprise_options INTERFACE)
target_include_directories(reprise_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
# Some libraries bring -pthread with them: precompiled headers take the same everywhere.
target_compile_options(reprise_options INTERFACE -pthread -Wall -Wextra -Werror=return-type
                                                 -Wno-missing-field-initializers)
if(REPRISE_SANITIZE)
  add_compile_options(-fsanitize=${REPRISE_SANITIZE} -fno-omit-frame-pointer -O1 -g1
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REPRISE_SANITIZE})
endif()
if(REPRISE_FUZZ AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  find_program(LLD NAMES ld.lld-20 ld.lld-19 ld.lld-18 ld.lld)
  if(LLD)
    add_link_options(-fuse-ld=lld)
  endif()
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(restinio REQUIRED)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips-cpp)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
find_package(GTest QUIET)  # only the tests need it; tools/setup --test installs it

# Asio: standalone. The coroutine flags are spelt out because 1.22 (Debian 12) looks only for the
# coroutines TS when it sees Clang. All of these must be the same in every file: left to itself, Asio
# decides on aligned_alloc by whether a standard header happens to come before it, and frames were
# allocated one way and freed the other. (The last two are RESTinio's.)
add_library(reprise_asio INTERFACE)
target_compile_definitions(reprise_asio INTERFACE ASIO_STANDALONE ASIO_HAS_CO_AWAIT=1
                           ASIO_HAS_STD_COROUTINE=1 ASIO_HAS_STD_ALIGNED_ALLOC=1
                           ASIO_HAS_STD_CHRONO ASIO_DISABLE_STD_STRING_VIEW)
# Asio keeps freed coroutine frames and handlers for the next one: two of a kind, but a request is made
# of a dozen. Sanitizers would not see their misuse.
set(REPRISE_KEPT_FRAMES 16)
if(REPRISE_SANITIZE)
  set(REPRISE_KEPT_FRAMES 0)
endif()
target_compile_definitions(reprise_asio INTERFACE
  ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=${REPRISE_KEPT_FRAMES})

# RESTinio bundles expected-lite, which does not compile where std::expected exists unless told to
# use its own.
add_library(reprise_restinio INTERFACE)
target_link_libraries(reprise_restinio INTERFACE restinio::restinio)
target_compile_definitions(reprise_restinio INTERFACE nsel_CONFIG_SELECT_EXPECTED=1)

# SimSIMD comes from npm for its headers. Its lib.c holds the run-time dispatch;
# its native f16/bf16 types are off because not every supported compiler has them.
set(NPM ${CMAKE_SOURCE_DIR}/node_modules)
if(NOT EXISTS ${NPM}/simsimd/c/lib.c)
  message(FATAL_ERROR "node_modules is missing or incomplete; run tools/setup")
endif()
add_library(reprise_simsimd STATIC ${NPM}/simsimd/c/lib.c)
target_include_directories(reprise_simsimd SYSTEM PUBLIC ${NPM}/simsimd/include)
target_compile_definitions(reprise_simsimd PUBLIC SIMSIMD_DYNAMIC_DISPATCH=1 SIMSIMD_NATIVE_F16=0
                                                  SIMSIMD_NATIVE_BF16=0)
# Not for UBSan: it calls its kernels through one generic pointer type, and to find out what the
# processor can do it calls each once, some on values that they cannot represent (Sapphire Rapids).
target_compile_options(reprise_simsimd PRIVATE -w -O3 -fno-sanitize=undefined)

# ONNX Runtime is optional. Only its headers are needed here: the library is loaded at run time, from
# where it was found now or from where it is then. tools/setup --onnx puts both where this looks.
function(reprise_use_onnxruntime target)
  if(REPRISE_ONNX STREQUAL "OFF")
    return()
  endif()
  set(own ${CMAKE_SOURCE_DIR}/build/onnxruntime)
  find_path(ONNXRUNTIME_INCLUDE onnxruntime_c_api.h HINTS ${own}/include
            PATH_SUFFIXES onnxruntime onnxruntime/core/session)
  find_file(ONNXRUNTIME_LIBRARY NAMES libonnxruntime.so.1 libonnxruntime.so
            PATHS ${own}/lib ${CMAKE_LIBRARY_PATH} /usr/lib /usr/local/lib
            PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} NO_DEFAULT_PATH)
  if(NOT ONNXRUNTIME_INCLUDE)
    if(REPRISE_ONNX STREQUAL "ON")
      message(FATAL_ERROR "onnxruntime_c_api.h was not found; run tools/setup --onnx")
    endif()
    message(STATUS "Building without the ONNX embedder (tools/setup --onnx adds it)")
    return()
  endif()
  set(library "")
  if(ONNXRUNTIME_LIBRARY)
    file(REAL_PATH ${ONNXRUNTIME_LIBRARY} library)
  endif()
  set_property(SOURCE ${CMAKE_SOURCE_DIR}/src/embed/onnx_session.cc APPEND PROPERTY
               COMPILE_DEFINITIONS REPRISE_ONNX=1 REPRISE_ONNX_LIBRARY="${library}")
  target_include_directories(${target} SYSTEM PRIVATE ${ONNXRUNTIME_INCLUDE})
endfunction()
