add_test(NAME lint.co_await
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/co_await.sh ${CMAKE_SOURCE_DIR}/core)
set_tests_properties(lint.co_await PROPERTIES LABELS lint)
