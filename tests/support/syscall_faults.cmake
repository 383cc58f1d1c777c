# skep_syscall_faults: a program that depends on it can make its system calls fail.
if(NOT TARGET skep_syscall_faults)
  add_library(skep_syscall_faults STATIC ${CMAKE_CURRENT_LIST_DIR}/syscall_faults.cpp)
  target_include_directories(skep_syscall_faults PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(skep_syscall_faults PRIVATE skep_warnings)
  foreach(call openat read fstat fstatat fsync fdatasync rename renameat2 unlinkat readdir)
    target_link_options(skep_syscall_faults INTERFACE LINKER:--wrap=${call})
  endforeach()
endif()
