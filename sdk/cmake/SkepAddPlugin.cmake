# skep_add_plugin(NAME source.. [LIBRARIES ..] [MANIFEST plugin.json]
#                 [ABI_MINOR n [MIN_MINOR m]])
#
# Builds NAME.so: hidden visibility, one exported symbol, no undefined symbols, and the manifest
# embedded in the ELF note section .note.skep, where the host reads it without loading the file.
# ABI_MINOR (0): what of the ABI the headers show; what is newer stands there under
# #if SKEP_MINOR >= n. The manifest gets that as its min_minor: an older host refuses the plugin.
# MIN_MINOR m: an older one will do, down to minor m. The plugin then looks whether what it uses is
# there: in the sizes of structs and tables, and by a service that is null.
# Needs the language C in the project. SKEP_PLUGIN_OUTPUT_DIR, when set, is where NAME.so goes.
# A source NAME.rs is the root of a Rust crate without dependencies, compiled by rustc (1.63 or
# newer), which exports skep_plugin_entry_v1.
set(SKEP_SDK_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# Makes a static library of a Rust source; sets `out` to what links its entry function.
function(skep_rust_library name source out)
  find_program(SKEP_RUSTC rustc REQUIRED)
  cmake_path(ABSOLUTE_PATH source)
  set(library ${CMAKE_CURRENT_BINARY_DIR}/lib${name}_rust.a)
  add_custom_command(OUTPUT ${library} DEPFILE ${library}.d
    COMMAND ${SKEP_RUSTC} --edition 2021 --crate-type staticlib --crate-name ${name}_rust
            -C relocation-model=pic -C opt-level=2 -D warnings
            --emit link=${library},dep-info=${library}.d ${source}
    DEPENDS ${source} COMMENT "rustc ${source}")
  add_custom_target(${name}_rust DEPENDS ${library})
  add_library(${name}_rust_library STATIC IMPORTED)
  set_target_properties(${name}_rust_library PROPERTIES IMPORTED_LOCATION ${library})
  target_link_options(${name}_rust_library INTERFACE -Wl,-u,skep_plugin_entry_v1)
  set(${out} ${name}_rust_library PARENT_SCOPE)
endfunction()

# Sets `out` to the manifest with the min_minor that follows from what the plugin is built for.
function(skep_derive_minor name abi_minor min_minor manifest out)
  if(abi_minor STREQUAL "")
    set(abi_minor 0)
  endif()
  if(min_minor STREQUAL "")
    set(min_minor ${abi_minor})
  endif()
  if(NOT "${abi_minor} ${min_minor}" MATCHES "^[0-9]+ [0-9]+$" OR min_minor GREATER abi_minor)
    message(FATAL_ERROR "skep_add_plugin(${name}): ABI_MINOR \"${abi_minor}\", MIN_MINOR "
                        "\"${min_minor}\": two numbers, the second not above the first")
  endif()
  string(JSON named ERROR_VARIABLE absent GET "${manifest}" min_minor)
  if(NOT absent)
    if(NOT named STREQUAL min_minor)
      message(FATAL_ERROR "skep_add_plugin(${name}): the manifest says min_minor ${named}, and the "
        "plugin is built for minor ${min_minor}: take min_minor out of plugin.json, and if the plugin "
        "needs what came later, say skep_add_plugin(${name} .. ABI_MINOR ${named})")
    endif()
    message(WARNING "skep_add_plugin(${name}): take min_minor out of plugin.json: it follows from "
                    "ABI_MINOR")
  elseif(min_minor GREATER 0)
    string(REGEX REPLACE "^([ \t\r\n]*{)" "\\1\n  \"min_minor\": ${min_minor}," manifest "${manifest}")
  endif()
  set(${out} "${manifest}" PARENT_SCOPE)
endfunction()

function(skep_add_plugin name)
  cmake_parse_arguments(ARG "" "MANIFEST;ABI_MINOR;MIN_MINOR" "LIBRARIES" ${ARGN})
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

  skep_derive_minor(${name} "${ARG_ABI_MINOR}" "${ARG_MIN_MINOR}" "${manifest}" derived)
  # The digest is in the file, so a changed manifest is a changed source.
  string(SHA256 SKEP_MANIFEST_DIGEST "${derived}")
  set(SKEP_MANIFEST_FILE ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.json)
  set(written)
  if(EXISTS ${SKEP_MANIFEST_FILE})
    file(READ ${SKEP_MANIFEST_FILE} written)
  endif()
  if(NOT written STREQUAL derived)
    file(WRITE ${SKEP_MANIFEST_FILE} "${derived}")
  endif()
  set(note ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.c)
  configure_file(${SKEP_SDK_CMAKE_DIR}/manifest_note.c.in ${note} @ONLY)
  set_source_files_properties(${note} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

  set(sources ${ARG_UNPARSED_ARGUMENTS})
  set(rust ${sources})
  list(FILTER rust INCLUDE REGEX "\\.rs$")
  list(FILTER sources EXCLUDE REGEX "\\.rs$")
  add_library(${name} MODULE ${sources} ${note})
  if(rust)
    skep_rust_library(${name} ${rust} rust_library)
    list(APPEND ARG_LIBRARIES ${rust_library})
    add_dependencies(${name} ${name}_rust)
  endif()
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
  if(ARG_ABI_MINOR)
    target_compile_definitions(${name} PRIVATE SKEP_MINOR=${ARG_ABI_MINOR})
  endif()
  target_link_options(${name} PRIVATE -Wl,--version-script=${SKEP_SDK_CMAKE_DIR}/plugin.version)
  # The host hashes and copies the file at each start: line tables would be most of it.
  target_link_options(${name} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-Wl,--strip-debug>)
  if(NOT SKEP_SANITIZE)  # a sanitizer's run-time library is in the host, not in the plugin
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
