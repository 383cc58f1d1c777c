add_test(NAME lint.light_start COMMAND ${CMAKE_CURRENT_LIST_DIR}/light_start.sh
  $<TARGET_FILE:skep> $<TARGET_FILE:skep_plughost>)
set_tests_properties(lint.light_start PROPERTIES LABELS lint)
