# What every implementation of a kind must do are the cases of core/conformance; see kind_cases.hpp.
skep_test(queue_conformance LABEL conformance
  SOURCES queue_conformance_test.cpp
  ${CMAKE_SOURCE_DIR}/tests/support/statement_plans.cpp
  DEPENDS conformance test_support LIBRARIES PkgConfig::SQLITE)

add_executable(queue_crash_writer queue_crash_writer.cpp)
target_link_libraries(queue_crash_writer PRIVATE skep_test_support skep_warnings)
skep_test(queue_sqlite LABEL conformance
  SOURCES queue_sqlite_files_test.cpp queue_sqlite_logs_test.cpp queue_sqlite_pages_test.cpp
          sqlite_calls_test.cpp sqlite_migrations_test.cpp sqlite_writer_test.cpp
  DEPENDS test_support fake LIBRARIES PkgConfig::SQLITE)
target_compile_definitions(queue_sqlite PRIVATE
  SKEP_CRASH_WRITER="$<TARGET_FILE:queue_crash_writer>")
add_dependencies(queue_sqlite queue_crash_writer)

skep_test(sqlite_log LABEL conformance
  SOURCES sqlite_log_test.cpp DEPENDS test_support LIBRARIES PkgConfig::SQLITE)

skep_test(store_conformance LABEL conformance
  SOURCES store_conformance_test.cpp DEPENDS conformance test_support)
