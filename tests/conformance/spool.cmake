# Spools: the suite on every implementation, and what is special to files.
include(${CMAKE_SOURCE_DIR}/tests/support/memory_spool.cmake)
include(${CMAKE_SOURCE_DIR}/tests/support/syscall_faults.cmake)

add_library(skep_spool_file_component STATIC spool_component.cpp $<TARGET_OBJECTS:spool_file>)
target_include_directories(skep_spool_file_component PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(skep_spool_file_component
  PUBLIC skep_ports skep_base skep::sdk PRIVATE skep_test_support skep_warnings PkgConfig::SODIUM)

skep_test(spool_conformance_test
  SOURCES spool_conformance_test.cpp
  DEPENDS conformance memory_spool spool_file_component LABEL conformance)
skep_test(spool_file_test
  SOURCES spool_file_test.cpp spool_hostile_test.cpp spool_crash_test.cpp
  DEPENDS spool_file_component LABEL conformance)
skep_test(spool_faults_test
  SOURCES spool_faults_test.cpp spool_durable_test.cpp
  DEPENDS spool_file_component syscall_faults LABEL conformance)
