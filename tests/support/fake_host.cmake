# skep_fake_host: runs a task plugin that is linked into the test, with real processes.
if(NOT TARGET skep_fake_host)
  add_library(skep_fake_host STATIC ${CMAKE_CURRENT_LIST_DIR}/fake_host.cpp)
  target_include_directories(skep_fake_host PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(skep_fake_host PUBLIC skep_api skep_base skep_proc skep::sdk
                                       PRIVATE skep_warnings)
endif()
