# skep_script_rig: runs Lua scripts through the built plugin.
if(NOT TARGET skep_script_rig)
  add_library(skep_script_rig STATIC ${CMAKE_CURRENT_LIST_DIR}/script_rig.cpp)
  target_include_directories(skep_script_rig PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(skep_script_rig PUBLIC skep_plugin PRIVATE skep_warnings)
  target_compile_definitions(skep_script_rig PRIVATE SKEP_TEST_PLUGIN_DIR="${SKEP_PLUGIN_OUTPUT_DIR}")
  add_dependencies(skep_script_rig skep_plughost lua collect_facts execute_script)
endif()
