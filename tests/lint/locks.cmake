add_test(NAME lint.locks COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/locks.sh)
set_tests_properties(lint.locks PROPERTIES LABELS lint)
