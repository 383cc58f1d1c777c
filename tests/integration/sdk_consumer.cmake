# The installed SDK, used by a project that sees nothing else of ours.
if(TARGET skep_plugin)
  add_executable(sdk_consumer_probe ${CMAKE_CURRENT_LIST_DIR}/sdk_consumer_probe.cpp)
  target_link_libraries(sdk_consumer_probe PRIVATE skep_plugin skep_warnings)
  add_test(NAME sdk_consumer
    COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/sdk_consumer.sh ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}
            $<TARGET_FILE:sdk_consumer_probe>)
  set_tests_properties(sdk_consumer PROPERTIES LABELS integration TIMEOUT ${SKEP_TEST_TIMEOUT})
endif()
