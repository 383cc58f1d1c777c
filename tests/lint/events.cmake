add_test(NAME lint.events COMMAND ${CMAKE_CURRENT_LIST_DIR}/events.sh ${CMAKE_SOURCE_DIR})
set_tests_properties(lint.events PROPERTIES LABELS lint)
