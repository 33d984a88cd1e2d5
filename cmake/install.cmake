# SPDX-License-Identifier: BSL-1.0
# Each component has an export set of its own, tidings-<component>-targets.cmake: the package
# offers exactly the components whose file was installed.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tidings)

# CMake 3.25 exports a file set with an absolute destination wrongly, below the prefix.
set(header_dir ${CMAKE_INSTALL_INCLUDEDIR})
if(IS_ABSOLUTE ${header_dir})
  file(RELATIVE_PATH header_dir ${CMAKE_INSTALL_PREFIX} ${header_dir})
endif()

install(TARGETS tidings EXPORT tidings-targets
  FILE_SET HEADERS DESTINATION ${header_dir}
  FILE_SET bodies DESTINATION ${header_dir})
install(EXPORT tidings-targets NAMESPACE tidings:: DESTINATION ${package_dir})

install(TARGETS tidings_component_test EXPORT tidings-test-targets
  FILE_SET HEADERS DESTINATION ${header_dir})
install(EXPORT tidings-test-targets NAMESPACE tidings:: DESTINATION ${package_dir})

if(TIDINGS_SQLITE)
  install(TARGETS tidings_sqlite EXPORT tidings-sqlite-targets
    FILE_SET HEADERS DESTINATION ${header_dir}
    FILE_SET bodies DESTINATION ${header_dir})
  install(EXPORT tidings-sqlite-targets NAMESPACE tidings:: DESTINATION ${package_dir})
endif()

# The archive needs OpenSSL at its users' link; the shared object has found it already.
get_target_property(tidings_type tidings TYPE)
if(tidings_type STREQUAL "STATIC_LIBRARY")
  set(tidings_is_archive TRUE)
else()
  set(tidings_is_archive FALSE)
endif()
set(tidings_openssl Crypto)
if(TIDINGS_TLS)
  set(tidings_openssl SSL)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/tidings-config.cmake.in
  tidings-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(tidings-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/tidings-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/tidings-config-version.cmake
  DESTINATION ${package_dir})

install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs OPTIONAL
  FILES_MATCHING PATTERN "*.md")

# A program that links the archive links what the archive needs; one that links the shared object
# need not.
set(pc_private)
if(TIDINGS_TLS)
  list(APPEND pc_private "openssl >= 3")
else()
  list(APPEND pc_private "libcrypto >= 3")
endif()
list(JOIN pc_private ", " pc_private)
set(pc_requires "nlohmann_json >= 3.11")
if(tidings_is_archive)
  string(APPEND pc_requires ", ${pc_private}")
  set(pc_private)
endif()
set(pc_definitions)
if(NOT TIDINGS_TLS)
  string(APPEND pc_definitions " -DTIDINGS_NO_TLS")
endif()
if(BUILD_SHARED_LIBS)
  string(APPEND pc_definitions " -DTIDINGS_SHARED")
endif()
# The file finds its prefix from where it lies, so that the tree can be moved. A libdir outside the
# prefix cannot move with it.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH pc_up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
  set(pc_prefix \${pcfiledir}/${pc_up})
  set(pc_libdir \${prefix}/${CMAKE_INSTALL_LIBDIR})
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(pc_includedir \${prefix}/${CMAKE_INSTALL_INCLUDEDIR})
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/tidings.pc.in tidings.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tidings.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TIDINGS_SQLITE)
  set(pc_requires "tidings = ${PROJECT_VERSION}")
  set(pc_private "sqlite3 >= 3.35")
  if(tidings_type STREQUAL "STATIC_LIBRARY")
    string(APPEND pc_requires ", ${pc_private}")
    set(pc_private)
  endif()
  configure_file(${CMAKE_CURRENT_LIST_DIR}/tidings-sqlite.pc.in tidings-sqlite.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tidings-sqlite.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
