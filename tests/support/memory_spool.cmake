# skep_memory_spool: the spool fake.
if(NOT TARGET skep_memory_spool)
  add_library(skep_memory_spool STATIC ${CMAKE_CURRENT_LIST_DIR}/memory_spool.cpp)
  target_include_directories(skep_memory_spool PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(skep_memory_spool PUBLIC skep_ports skep_model skep_base
                                          PRIVATE skep_warnings)
endif()
