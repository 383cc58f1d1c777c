# The conformance kit on everything that we ship, as an author runs it.
get_directory_property(shipped DIRECTORY ${CMAKE_SOURCE_DIR}/plugins DEFINITION SKEP_PLUGINS)
foreach(plugin ${shipped})
  add_test(NAME kit.${plugin} COMMAND skep plugin check $<TARGET_FILE:${plugin}>)
  set_tests_properties(kit.${plugin} PROPERTIES LABELS conformance TIMEOUT 120)
endforeach()
