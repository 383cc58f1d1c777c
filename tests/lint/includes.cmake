add_test(NAME lint.includes COMMAND ${CMAKE_CURRENT_LIST_DIR}/check_includes.sh)
set_tests_properties(lint.includes PROPERTIES LABELS lint)
