# skep_fake_control: a control plane that says what a test tells it.
if(NOT TARGET skep_fake_control)
  add_library(skep_fake_control STATIC ${CMAKE_CURRENT_LIST_DIR}/fake_control.cpp)
  target_include_directories(skep_fake_control PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(skep_fake_control PUBLIC skep_api skep_net skep_base PRIVATE skep_warnings)
endif()
