# What nearly every file includes, parsed once; only in a unity build, so that others notice a file
# that does not include what it uses. ccache asks for -fpch-preprocess.
function(skep_shared_headers target folder)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  if(TARGET ${folder}_headers)
    target_precompile_headers(${target} REUSE_FROM ${folder}_headers)
  endif()
endfunction()

if(SKEP_UNITY)
  add_library(skep_core_headers OBJECT ${CMAKE_SOURCE_DIR}/cmake/headers.cpp)
  target_link_libraries(skep_core_headers PRIVATE skep_warnings Boost::json Threads::Threads)
  skep_shared_headers(skep_core_headers skep_none)
  target_precompile_headers(skep_core_headers PRIVATE
    <algorithm> <array> <atomic> <boost/json.hpp> <chrono> <cstdint> <filesystem> <functional> <map>
    <memory> <optional> <ostream> <set> <span> <string> <string_view> <utility> <vector>)
endif()

# skep_library(NAME SOURCES a.cpp .. DEPENDS other ..)
# One folder of core/ = one static library skep_NAME; DEPENDS are the folders it may include.
function(skep_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(skep_${name} STATIC ${ARG_SOURCES})
  target_include_directories(skep_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  list(TRANSFORM ARG_DEPENDS PREPEND skep_)
  target_link_libraries(skep_${name} PUBLIC ${ARG_DEPENDS} PRIVATE skep_warnings ${ARG_LIBRARIES})
  skep_shared_headers(skep_${name} skep_core)
endfunction()

# Every test program; what ./dev sanitize builds.
add_custom_target(skep_tests)

# A test that takes so long hangs: no machine is that slow. What must be quick is measured by ./dev bench.
set(SKEP_TEST_TIMEOUT 900)

# Test code is compiled often and never hot.
function(skep_test_settings target)
  target_link_libraries(${target} PRIVATE skep_warnings Boost::json GTest::gtest GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -O0 -Wno-missing-field-initializers
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # ccache asks for it
  target_compile_definitions(${target} PRIVATE
    SKEP_BUILD_DIR="${CMAKE_BINARY_DIR}" SKEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    SKEP_TEST_PLUGIN_DIR="${SKEP_PLUGIN_OUTPUT_DIR}")
endfunction()

# What nearly every test includes, parsed once: that is half of what a test program costs.
function(skep_test_headers)
  add_executable(skep_test_headers ${CMAKE_SOURCE_DIR}/tests/support/headers.cpp)
  target_link_libraries(skep_test_headers PRIVATE skep_base)
  skep_test_settings(skep_test_headers)
  target_precompile_headers(skep_test_headers PRIVATE
    <gtest/gtest.h> <boost/json.hpp> <filesystem> <functional> <map> <memory> <string> <thread>
    <vector>)
endfunction()

# skep_test(NAME SOURCES .. DEPENDS folders.. [LIBRARIES ..] [LABEL unit] [NO_THREADS])
# One GoogleTest binary; each of its cases is a ctest. NO_THREADS: neither the tests nor what they
# test start any, so that ./dev sanitize thread leaves them out.
function(skep_test name)
  cmake_parse_arguments(ARG "NO_THREADS" "LABEL" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND skep_)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} ${ARG_LIBRARIES})
  skep_test_settings(${name})
  target_precompile_headers(${name} REUSE_FROM skep_test_headers)
  if(ARG_NO_THREADS AND SKEP_THREADED_ONLY)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  add_dependencies(skep_tests ${name})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT ${SKEP_TEST_TIMEOUT}
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${SKEP_TEST_TIMEOUT})
endfunction()

# skep_conformance_test(NAME PLUGIN)
# The conformance kit on the plugin of the target PLUGIN.
function(skep_conformance_test name plugin)
  add_test(NAME ${name} COMMAND plugin_check $<TARGET_FILE:${plugin}>)
  set_tests_properties(${name} PROPERTIES LABELS conformance TIMEOUT ${SKEP_TEST_TIMEOUT})
  add_dependencies(skep_tests plugin_check ${plugin})
endfunction()
