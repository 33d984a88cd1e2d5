# SPDX-License-Identifier: BSL-1.0
# Run by ctest: the README's first program is the example `quickstart`, word for word.
file(READ ${root}/README.md readme)
file(READ ${root}/examples/quickstart/main.cpp program)
string(FIND "${readme}" "```cpp\n${program}```" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README.md does not hold examples/quickstart/main.cpp word for word")
endif()
