# The plugin inside, with the fake host, without processes and sockets around it.
if(TARGET collect_facts)
  include(${CMAKE_SOURCE_DIR}/tests/support/fake_host.cmake)
  get_target_property(folder collect_facts SOURCE_DIR)
  add_executable(facts_bench ${CMAKE_CURRENT_LIST_DIR}/facts_bench.cpp $<TARGET_OBJECTS:collect_facts>)
  target_include_directories(facts_bench PRIVATE ${folder})
  target_link_libraries(facts_bench PRIVATE skep_fake_host skep_warnings)
  target_compile_definitions(facts_bench PRIVATE SKEP_PLUGIN_DIR="${folder}")
endif()
