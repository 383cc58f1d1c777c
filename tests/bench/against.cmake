add_test(NAME bench.against COMMAND ${CMAKE_CURRENT_LIST_DIR}/against_test.sh)
set_tests_properties(bench.against PROPERTIES LABELS unit)
