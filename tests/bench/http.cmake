if(TARGET skep_net AND TARGET skep_proc)
  add_executable(http_bench ${CMAKE_CURRENT_LIST_DIR}/http_bench.cpp)
  target_link_libraries(http_bench PRIVATE skep_net skep_proc skep_base skep_warnings)
endif()
