# Every plugin that we ship.
get_directory_property(shipped DIRECTORY ${CMAKE_SOURCE_DIR}/plugins DEFINITION SKEP_PLUGINS)
foreach(plugin ${shipped})
  skep_kit_test(kit.${plugin} ${plugin})
endforeach()
