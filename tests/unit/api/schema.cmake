skep_test(schema_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/schema_test.cpp
                              ${CMAKE_CURRENT_LIST_DIR}/schema_compile_test.cpp
                              ${CMAKE_CURRENT_LIST_DIR}/schema_compare_test.cpp
                              ${CMAKE_CURRENT_LIST_DIR}/schema_versions_test.cpp
  DEPENDS api base)
