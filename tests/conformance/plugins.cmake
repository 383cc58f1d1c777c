add_executable(plugin_check plugin_check.cpp)
target_link_libraries(plugin_check PRIVATE skep_conformance skep_warnings)
add_dependencies(plugin_check skep_plughost)

# Every plugin that we ship.
get_directory_property(shipped DIRECTORY ${CMAKE_SOURCE_DIR}/plugins DEFINITION SKEP_PLUGINS)
foreach(plugin ${shipped})
  skep_conformance_test(plugin_check.${plugin} ${plugin})
endforeach()
