# skep_add_plugin_test(NAME source..)
#
# Tests of the plugin NAME, which skep_add_plugin() made before:
#   NAME.unit         the sources and the plugin's own in one program with the fake host
#   NAME.conformance  `skep plugin check NAME.so`, when this SDK came with skep, or one is in PATH
# -DSKEP_CHECK_ARGS="--params;{..}" gives the check parameters that make the task work.
function(skep_add_plugin_test name)
  enable_testing()
  if(NOT TARGET ${name})
    message(FATAL_ERROR "skep_add_plugin_test(${name}): call skep_add_plugin(${name} ..) before")
  endif()
  get_target_property(sources ${name} SOURCES)
  get_target_property(libraries ${name} LINK_LIBRARIES)
  add_executable(${name}_test ${ARGN} ${sources})
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST languages)
    target_compile_features(${name}_test PRIVATE cxx_std_20)
  endif()
  target_link_libraries(${name}_test PRIVATE skep::testkit ${libraries})
  add_test(NAME ${name}.unit COMMAND ${name}_test)
  find_program(SKEP_PROGRAM skep HINTS ${SKEP_SDK_BIN_DIR})
  if(SKEP_PROGRAM)
    add_test(NAME ${name}.conformance
      COMMAND ${SKEP_PROGRAM} plugin check $<TARGET_FILE:${name}> ${SKEP_CHECK_ARGS})
  else()
    message(STATUS "${name}: no skep program found, so the conformance kit is left out")
  endif()
endfunction()
