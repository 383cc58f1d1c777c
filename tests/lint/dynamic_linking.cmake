add_test(NAME lint.dynamic_linking
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/dynamic_linking.sh ${CMAKE_SOURCE_DIR}/core
          ${CMAKE_SOURCE_DIR}/plugins ${CMAKE_SOURCE_DIR}/sdk)
set_tests_properties(lint.dynamic_linking PROPERTIES LABELS lint)
