# SPDX-License-Identifier: BSL-1.0
# Builds and runs one consumer of tidings; see CMakeLists.txt beside it for the variables.
cmake_minimum_required(VERSION 3.23)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(prefix ${work}/moved)
set(binary ${work}/${consumer})
separate_arguments(flags_list UNIX_COMMAND "${flags}")

# Runs a command; it must succeed. What it said is left in `output`.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message("${command}\n${output}")
    message(FATAL_ERROR "failed: ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# A consumer that uses CMake. The defaults of a stranger: no build type, so no optimisation.
set(project ${here}/${consumer})
if(consumer STREQUAL "conan_test_package")
  set(project ${source}/cmake/packaging/conan/test_package)
endif()
set(configure ${CMAKE_COMMAND} -S ${project} -B ${binary} -G ${generator}
  -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher}
  -D "CMAKE_CXX_FLAGS=${flags}")

# Compiles and links `file` without a build system.
function(compile_and_run file compile_flags link_flags)
  run(${launcher} ${compiler} -std=c++20 ${flags_list} ${compile_flags} -c ${file}
    -o ${binary}/main.o)
  run(${compiler} ${flags_list} ${binary}/main.o ${link_flags} -o ${binary}/consumer)
  run(${binary}/consumer)
endfunction()

file(REMOVE_RECURSE ${binary})
file(MAKE_DIRECTORY ${binary})

if(consumer STREQUAL "prefix")
  file(REMOVE_RECURSE ${prefix})
  run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/first)
  file(RENAME ${work}/first ${prefix})
  foreach(document IN ITEMS LICENSE README.md CHANGELOG.md docs/architecture.md)
    if(NOT EXISTS ${prefix}/share/doc/tidings/${document})
      message(FATAL_ERROR "${document} was not installed")
    endif()
  endforeach()
  file(GLOB_RECURSE package_files ${prefix}/*.cmake ${prefix}/*.pc)
  foreach(file IN LISTS package_files)
    file(READ ${file} text)
    foreach(place IN ITEMS ${source}/include ${source}/src ${build} ${work})
      # As a whole path: a tree at /tidings is not named by include/tidings/src.hpp.
      string(REGEX REPLACE "([][+.*()^$?])" "\\\\\\1" place_pattern "${place}")
      if(text MATCHES "(^|[^A-Za-z0-9_}/.-])${place_pattern}")
        message(FATAL_ERROR "${file} names ${place}: the tree cannot be moved")
      endif()
    endforeach()
  endforeach()

elseif(consumer MATCHES "^(find_package|conan_test_package)$")
  run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D WITH_SQLITE=${sqlite})
  run(${CMAKE_COMMAND} --build ${binary} --parallel 1)
  run(${binary}/consumer)

elseif(consumer STREQUAL "add_subdirectory")
  # Shared, so that a function without TIDINGS_DECL shows; in one unit, so that it is quick.
  run(${configure} -D TIDINGS_FOLDER=${source} -D BUILD_SHARED_LIBS=ON -D CMAKE_UNITY_BUILD=ON
    -D CMAKE_UNITY_BUILD_BATCH_SIZE=0 -D TIDINGS_INSTALL=ON
    -D CMAKE_INSTALL_PREFIX=${binary}/prefix
    -D CMAKE_INSTALL_LIBDIR=${binary}/put/lib -D CMAKE_INSTALL_INCLUDEDIR=${binary}/put/include)
  run(${CMAKE_COMMAND} --build ${binary} --parallel 1)
  run(${binary}/consumer)
  # Installed into absolute folders outside of its prefix, the shared library is found, without
  # what it links itself.
  run(${CMAKE_COMMAND} --install ${binary})
  run(${CMAKE_COMMAND} -S ${here}/find_package -B ${binary}/shared -G ${generator}
    -D CMAKE_CXX_COMPILER=${compiler} -D tidings_DIR=${binary}/put/lib/cmake/tidings
    -D CMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON)
  find_program(pkg_config NAMES pkg-config pkgconf)
  if(pkg_config)
    set(ENV{PKG_CONFIG_PATH} ${binary}/put/lib/pkgconfig)
    run(${pkg_config} --cflags --libs tidings)
    foreach(flag IN ITEMS -I${binary}/put/include -L${binary}/put/lib)
      string(FIND " ${output}" " ${flag} " at)
      if(at EQUAL -1)
        message(FATAL_ERROR "tidings.pc: no ${flag} in ${output}")
      endif()
    endforeach()
    if(output MATCHES "crypto")
      message(FATAL_ERROR "tidings.pc: the shared library brings OpenSSL: ${output}")
    endif()
  endif()

elseif(consumer STREQUAL "other_boost")
  # A Boost of another version than the library's: found, and warned of.
  file(WRITE ${binary}/boost/BoostConfig.cmake
    "add_library(Boost::headers INTERFACE IMPORTED)\nset(Boost_VERSION 1.199.0)\n")
  file(WRITE ${binary}/boost/BoostConfigVersion.cmake
    "set(PACKAGE_VERSION 1.199.0)\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n")
  file(WRITE ${binary}/CMakeLists.txt "cmake_minimum_required(VERSION 3.23)\n"
    "project(consumer LANGUAGES CXX)\nfind_package(tidings REQUIRED)\n")
  run(${CMAKE_COMMAND} -S ${binary} -B ${binary}/build -G ${generator}
    -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${prefix} -D Boost_DIR=${binary}/boost)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  if(NOT output MATCHES "was built with Boost [0-9.]+, and this project uses Boost 1.199.0")
    message(FATAL_ERROR "no warning of another Boost: ${output}")
  endif()

elseif(consumer STREQUAL "missing_component")
  execute_process(COMMAND ${configure} -D CMAKE_PREFIX_PATH=${prefix}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  if(result EQUAL 0)
    message(FATAL_ERROR "configured, though it asks for a component that was not built")
  elseif(NOT output MATCHES "was built without the component 'nats'")
    message(FATAL_ERROR "failed without the clear message: ${output}")
  endif()

elseif(consumer STREQUAL "pkg_config")
  find_program(pkg_config NAMES pkg-config pkgconf)
  if(NOT pkg_config)
    message("skipped: pkg-config is not installed")
    return()
  endif()
  file(GLOB_RECURSE pc ${prefix}/tidings.pc)
  get_filename_component(pc_dir ${pc} DIRECTORY)
  get_filename_component(lib_dir ${pc_dir}/.. ABSOLUTE)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  run(${pkg_config} --cflags tidings)
  separate_arguments(cflags UNIX_COMMAND "${output}")
  run(${pkg_config} --libs tidings)
  separate_arguments(libs UNIX_COMMAND "${output}")
  compile_and_run(${here}/consumer.cpp "${cflags}" "${libs};-Wl,-rpath,${lib_dir}")

elseif(consumer STREQUAL "one_file")
  set(definitions)
  set(libraries -lcrypto)
  if(tls)
    list(PREPEND libraries -lssl)
  else()
    list(APPEND definitions -DTIDINGS_NO_TLS)
  endif()
  compile_and_run(${here}/one_file/main.cpp "-I${prefix}/include;${definitions}"
    "${libraries};-pthread")

else()
  message(FATAL_ERROR "no such consumer: ${consumer}")
endif()
