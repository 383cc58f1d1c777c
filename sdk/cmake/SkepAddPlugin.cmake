# skep_add_plugin(NAME source.. [LIBRARIES ..] [MANIFEST plugin.json])
#
# Builds NAME.so: hidden visibility, one exported symbol, no undefined symbols, and the manifest
# embedded in the ELF note section .note.skep, where the host reads it without loading the file.
# Needs the language C in the project. SKEP_PLUGIN_OUTPUT_DIR, when set, is where NAME.so goes.
set(SKEP_SDK_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(skep_add_plugin name)
  cmake_parse_arguments(ARG "" "MANIFEST" "LIBRARIES" ${ARGN})
  if(NOT ARG_MANIFEST)
    set(ARG_MANIFEST ${CMAKE_CURRENT_SOURCE_DIR}/plugin.json)
  endif()
  cmake_path(ABSOLUTE_PATH ARG_MANIFEST)
  if(NOT EXISTS ${ARG_MANIFEST})
    message(FATAL_ERROR "skep_add_plugin(${name}): no manifest at ${ARG_MANIFEST}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_MANIFEST})
  file(READ ${ARG_MANIFEST} manifest)
  foreach(key id version license abi components)
    string(JSON value ERROR_VARIABLE problem GET "${manifest}" ${key})
    if(problem)
      message(FATAL_ERROR "skep_add_plugin(${name}): ${ARG_MANIFEST}: ${problem}")
    endif()
  endforeach()

  # The digest is in the file, so a changed manifest is a changed source.
  file(SHA256 ${ARG_MANIFEST} SKEP_MANIFEST_DIGEST)
  set(SKEP_MANIFEST_FILE ${ARG_MANIFEST})
  set(note ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.c)
  configure_file(${SKEP_SDK_CMAKE_DIR}/manifest_note.c.in ${note} @ONLY)

  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS} ${note})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(SKEP_PLUGIN_OUTPUT_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${SKEP_PLUGIN_OUTPUT_DIR})
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(NOT "C" IN_LIST languages)
    message(FATAL_ERROR "skep_add_plugin(${name}): add C to project(.. LANGUAGES ..); "
                        "the manifest is embedded by a C file")
  endif()
  if("CXX" IN_LIST languages)
    target_compile_features(${name} PRIVATE cxx_std_20)
  endif()
  target_link_libraries(${name} PRIVATE skep::sdk ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE -Wl,--version-script=${SKEP_SDK_CMAKE_DIR}/plugin.version)
  # The host hashes and copies the file at each start: line tables would be most of it.
  target_link_options(${name} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-Wl,--strip-debug>)
  if(NOT SKEP_SANITIZE)  # a sanitizer's run-time library is in the host, not in the plugin
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
