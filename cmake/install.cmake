# SPDX-License-Identifier: BSL-1.0
# Each component has an export set of its own, tidings-<component>-targets.cmake: the package
# offers exactly the components whose file was installed.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tidings)

install(TARGETS tidings EXPORT tidings-targets
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILE_SET bodies DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tidings-targets NAMESPACE tidings:: DESTINATION ${package_dir})

install(TARGETS tidings_test EXPORT tidings-test-targets
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tidings-test-targets NAMESPACE tidings:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/tidings-config.cmake.in
  tidings-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(tidings-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/tidings-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/tidings-config-version.cmake
  DESTINATION ${package_dir})

# Who links the archive links what it needs; who links the shared object need not.
set(pc_private)
if(TIDINGS_DEFLATE)
  list(APPEND pc_private "zlib")
endif()
if(TIDINGS_TLS)
  list(APPEND pc_private "openssl >= 3")
else()
  list(APPEND pc_private "libcrypto >= 3")
endif()
list(JOIN pc_private ", " pc_private)
set(pc_requires "nlohmann_json >= 3.11")
if(NOT BUILD_SHARED_LIBS)
  string(APPEND pc_requires ", ${pc_private}")
  set(pc_private)
endif()
set(pc_definitions)
foreach(macro IN ITEMS TLS DEFLATE)
  if(NOT TIDINGS_${macro})
    string(APPEND pc_definitions " -DTIDINGS_NO_${macro}")
  endif()
endforeach()
if(BUILD_SHARED_LIBS)
  string(APPEND pc_definitions " -DTIDINGS_SHARED")
endif()
# The file finds its prefix from where it lies, so the tree can be moved.
file(RELATIVE_PATH pc_up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(${CMAKE_CURRENT_LIST_DIR}/tidings.pc.in tidings.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tidings.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
