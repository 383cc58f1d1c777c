# Every plugin that we ship.
get_directory_property(shipped DIRECTORY ${CMAKE_SOURCE_DIR}/plugins DEFINITION SKEP_PLUGINS)
foreach(plugin ${shipped})
  skep_conformance_test(plugin_check.${plugin} ${plugin})
endforeach()
