# SPDX-License-Identifier: BSL-1.0
"""The recipe of Conan 2. `conan create . --build=missing` builds and tests the package;
the program that tests it is in cmake/packaging/conan/test_package."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir
from conan.tools.scm import Version

# The oldest of each compiler that the tests are run with; a compiler that is not named was never
# tried.
oldest_compilers = {"gcc": "12", "clang": "16"}

required_conan_version = ">=2.4"


class TidingsConan(ConanFile):
    name = "tidings"
    description = "Event delivery for C++20: bus, WebSocket, SSE, webhooks and REST hooks on Asio"
    license = "BSL-1.0"
    url = "https://tidings.example"
    homepage = "https://tidings.example"
    topics = ("asio", "websocket", "sse", "webhook", "pubsub", "cloudevents")
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "fPIC": [True, False], "tls": [True, False],
               "sqlite": [True, False]}
    default_options = {"shared": False, "fPIC": True, "tls": True, "sqlite": False}
    implements = ["auto_shared_fpic"]
    # By name: whatever a build leaves in the tree would give each package another revision.
    exports_sources = (
        "CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
        "docs/*.md",
        "cmake/*.cmake", "cmake/*.in", "!cmake/packaging/*", "include/*.?pp", "src/*.cpp",
    )
    test_package_folder = "cmake/packaging/conan/test_package"

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include/tidings/version.hpp"))
        self.version = re.search(r'TIDINGS_VERSION_STRING "([^"]+)"', header).group(1)

    def layout(self):
        cmake_layout(self)
        # `conan editable add` finds headers and library in the tree by these.
        for component in "tidings", "test", "sqlite":
            self.cpp.source.components[component].includedirs = ["include"]
        self.cpp.build.components["tidings"].libdirs = ["."]
        self.cpp.build.components["sqlite"].libdirs = ["."]
        self.cpp.build.components["test"].libdirs = []

    def validate(self):
        check_min_cppstd(self, 20)
        compiler = str(self.settings.compiler)
        oldest = oldest_compilers.get(compiler)
        if self.settings.os == "Windows" or oldest is None:
            raise ConanInvalidConfiguration(
                f"tidings was never tried with {compiler} on {self.settings.os}")
        if Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(f"tidings needs {compiler} {oldest} or newer")

    def build_requirements(self):
        self.tool_requires("cmake/[>=3.23 <5]")

    def requirements(self):
        self.requires("boost/[>=1.81]", transitive_headers=True)
        self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        self.requires("openssl/[>=3 <4]")
        if self.options.sqlite:
            self.requires("sqlite3/[>=3.35 <4]")

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.user_presets_path = False  # no CMakeUserPresets.json in the tree
        toolchain.cache_variables["TIDINGS_TLS"] = bool(self.options.tls)
        toolchain.cache_variables["TIDINGS_SQLITE"] = bool(self.options.sqlite)
        toolchain.cache_variables["TIDINGS_BUILD_TESTS"] = False
        toolchain.cache_variables["TIDINGS_BUILD_EXAMPLES"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan makes its own package files, from package_info.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))
        # The licence lies in licenses/; documents are no part of a package.
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "tidings")
        core = self.cpp_info.components["tidings"]
        core.set_property("cmake_target_name", "tidings::tidings")
        core.set_property("pkg_config_name", "tidings")
        core.libs = ["tidings"]
        core.requires = ["boost::headers", "nlohmann_json::nlohmann_json", "openssl::crypto"]
        if self.options.tls:
            core.requires.append("openssl::ssl")
        else:
            core.defines.append("TIDINGS_NO_TLS")
        if self.options.shared:
            core.defines.append("TIDINGS_SHARED")
        if self.settings.os in ("Linux", "FreeBSD"):
            core.system_libs = ["pthread"]

        test = self.cpp_info.components["test"]
        test.set_property("cmake_target_name", "tidings::test")
        test.libdirs = []
        test.requires = ["tidings"]

        if self.options.sqlite:
            sqlite = self.cpp_info.components["sqlite"]
            sqlite.set_property("cmake_target_name", "tidings::sqlite")
            sqlite.set_property("pkg_config_name", "tidings-sqlite")
            sqlite.libs = ["tidings_sqlite"]
            sqlite.requires = ["tidings", "sqlite3::sqlite3"]
