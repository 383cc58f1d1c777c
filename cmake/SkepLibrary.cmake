# skep_library(NAME SOURCES a.cpp .. DEPENDS other ..)
# One folder of core/ = one static library skep_NAME; DEPENDS are the folders it may include.
function(skep_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(skep_${name} STATIC ${ARG_SOURCES})
  target_include_directories(skep_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  list(TRANSFORM ARG_DEPENDS PREPEND skep_)
  target_link_libraries(skep_${name} PUBLIC ${ARG_DEPENDS} PRIVATE skep_warnings ${ARG_LIBRARIES})
endfunction()

# Every test program; what ./dev sanitize builds.
add_custom_target(skep_tests)

# skep_test(NAME SOURCES .. DEPENDS folders.. [LIBRARIES ..] [LABEL unit])
# One GoogleTest binary; each of its cases is a ctest.
function(skep_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND skep_)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} ${ARG_LIBRARIES} skep_warnings
                                        GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  # Test code is compiled often and never hot.
  target_compile_options(${name} PRIVATE -O0 -Wno-missing-field-initializers)
  target_compile_definitions(${name} PRIVATE
    SKEP_BUILD_DIR="${CMAKE_BINARY_DIR}" SKEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    SKEP_TEST_PLUGIN_DIR="${SKEP_PLUGIN_OUTPUT_DIR}")
  add_dependencies(skep_tests ${name})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# skep_kit_test(NAME PLUGIN)
# The conformance kit on the plugin of the target PLUGIN, as an author runs it.
function(skep_kit_test name plugin)
  add_test(NAME ${name} COMMAND skep plugin check $<TARGET_FILE:${plugin}>)
  set_tests_properties(${name} PROPERTIES LABELS conformance TIMEOUT 120)
  add_dependencies(skep_tests skep ${plugin})
endfunction()
