# Warnings, sanitizers, ccache and mold for everything of ours.
# -g1: line tables for stack traces; full debug information doubles compile and link time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

add_library(skep_warnings INTERFACE)
target_compile_options(skep_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnull-dereference
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wswitch-enum>)
# g++ 12 reports false positives of these in its own headers when it optimises.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(skep_warnings INTERFACE -Wno-null-dereference -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
# A unity build's files are included, and g++ believes them to be headers; that a local name is also
# one of another file says nothing.
if(SKEP_UNITY)
  target_compile_options(skep_warnings INTERFACE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage -Wno-shadow -Wshadow=local>
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-shadow>)
endif()
if(SKEP_WERROR)
  target_compile_options(skep_warnings INTERFACE -Werror)
endif()
# clang knows which lock guards what (core/base/mutex.hpp), whatever it compiles for.
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety;-Werror=thread-safety>")

if(SKEP_SANITIZE)
  string(TOUPPER ${SKEP_SANITIZE} kind)
  add_compile_definitions(SKEP_SANITIZED SKEP_SANITIZED_${kind})
endif()
if(SKEP_SANITIZE STREQUAL "address")
  # What is at or beyond a null pointer the address sanitizer sees; x86 and ARM read unaligned. These
  # checks stand at each access, and are a third of the compile time.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr,null,alignment,object-size
                      -fno-omit-frame-pointer)
  # clang 14 cannot compile coroutines with it.
  add_compile_options($<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  add_link_options(-fsanitize=address,undefined)
elseif(SKEP_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  add_link_options(-fsanitize=thread)
elseif(SKEP_SANITIZE)
  message(FATAL_ERROR "SKEP_SANITIZE is \"${SKEP_SANITIZE}\"; known: address, thread")
endif()

# Most of a small file's compile time is its headers. A file that cannot share a translation unit
# says so where it is listed, with SKIP_UNITY_BUILD_INCLUSION.
set(CMAKE_UNITY_BUILD ${SKEP_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)

find_program(SKEP_CCACHE ccache)
if(SKEP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SKEP_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SKEP_CCACHE})
endif()
find_program(SKEP_MOLD mold)
if(SKEP_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
