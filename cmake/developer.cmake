# SPDX-License-Identifier: BSL-1.0
# For work on tidings itself; a project that embeds it never reads this file.

# Linked by our targets alone, never exported.
add_library(tidings_developer INTERFACE)
target_compile_definitions(tidings_developer INTERFACE BOOST_ASIO_NO_DEPRECATED)
if(NOT MSVC)
  target_compile_options(tidings_developer INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic)
endif()
set(tidings_libraries tidings)
if(TIDINGS_SQLITE)
  list(APPEND tidings_libraries tidings_sqlite)
endif()
foreach(library IN LISTS tidings_libraries)
  target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:tidings_developer>)
endforeach()
set(CMAKE_CXX_EXTENSIONS OFF)
set_property(TARGET ${tidings_libraries} PROPERTY CXX_EXTENSIONS OFF)

# A unit that instantiates Beast takes up to 2 GB: more jobs than fit make the machine swap.
cmake_host_system_information(RESULT memory_mb QUERY TOTAL_PHYSICAL_MEMORY)
if(EXISTS /sys/fs/cgroup/memory.max)
  file(STRINGS /sys/fs/cgroup/memory.max limit LIMIT_COUNT 1)
  if(limit MATCHES "^[0-9]+$")
    math(EXPR limit_mb "${limit} / 1048576")
    if(limit_mb LESS memory_mb)
      set(memory_mb ${limit_mb})
    endif()
  endif()
endif()
math(EXPR jobs "${memory_mb} / 2048")
if(jobs LESS 1)
  set(jobs 1)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS tidings_compile=${jobs})
set(CMAKE_JOB_POOL_COMPILE tidings_compile)
set_property(TARGET ${tidings_libraries} PROPERTY JOB_POOL_COMPILE tidings_compile)
