# Flags of everything we compile, and none of what we include from elsewhere.
add_library(augurfs_flags INTERFACE)
target_compile_options(augurfs_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
# A designated initializer names the fields that differ and leaves out the others on purpose.
target_compile_options(augurfs_flags INTERFACE -Wno-missing-field-initializers)
if(AUGURFS_WERROR)
  target_compile_options(augurfs_flags INTERFACE -Werror)
endif()
if(AUGURFS_SANITIZE)
  target_compile_options(augurfs_flags INTERFACE -fsanitize=${AUGURFS_SANITIZE}
                                                 -fno-sanitize-recover=all
                                                 -fno-omit-frame-pointer)
  # Says something of headers; a file of a unity build is included like one.
  target_compile_options(augurfs_flags INTERFACE -Wno-subobject-linkage)
  # g++ 12 sees uninitialized members in <regex> once it is instrumented (GCC bug 105562).
  target_compile_options(augurfs_flags INTERFACE -Wno-maybe-uninitialized)
  target_link_options(augurfs_flags INTERFACE -fsanitize=${AUGURFS_SANITIZE})
endif()

# module(<folder> SOURCES <files> HEADERS <files> [USES <modules>] [LIBRARIES <targets>]
#        [PRIVATE_LIBRARIES <targets>])
#
# One static library per folder. Its include root is a build directory that holds one link, to its
# folder, so that "remote/result.h" is found by a target that names the module `remote` and by no
# other. Every header is compiled by itself by the target all_verify_interface_header_sets.
function(module name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;USES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include_roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${name} SYMBOLIC)
  add_library(${name} STATIC ${arg_SOURCES})
  # Their base is the include root: the folder itself, as a base, would be searched as well, and
  # fs/errno.h be found by <cerrno>.
  list(TRANSFORM arg_HEADERS PREPEND ${root}/${name}/)
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${arg_HEADERS})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON
                                           ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
  target_include_directories(${name} PUBLIC ${root})
  target_link_libraries(${name} PUBLIC ${arg_USES} ${arg_LIBRARIES} Threads::Threads
                                PRIVATE augurfs_flags ${arg_PRIVATE_LIBRARIES})
endfunction()
