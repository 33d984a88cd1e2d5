#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the recipes of vcpkg and Conan, neither of which is installed here, and prints what is
wrong with them. Conan's recipe runs against doubles of the classes that it uses.

    tests/install/recipes.py        (in the root of the tree)
"""
import fnmatch
import importlib.util
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace as Bag

port = Path("cmake/packaging/vcpkg/ports/tidings")
version = re.search(r'VERSION_STRING "(.*)"', Path("include/tidings/version.hpp").read_text())[1]
cmake = Path("CMakeLists.txt").read_text()
homepage = re.search(r'HOMEPAGE_URL "(.*)"', cmake)[1]
description = re.search(r'DESCRIPTION "(.*)"', cmake)[1]


def check(good, sentence):
    if not good:
        print(sentence)


# ---- vcpkg -----------------------------------------------------------------------------------

# The order of `vcpkg format-manifest`.
order = ["$schema", "name", "version-semver", "description", "homepage", "license", "supports",
         "dependencies", "default-features", "features"]


def manifest(path):
    text = path.read_text()
    read = json.loads(text)
    name = lambda d: d if isinstance(d, str) else d["name"]
    check(text == json.dumps(read, indent=2) + "\n" and list(read) == [k for k in order if k in read]
          and read["dependencies"] == sorted(read["dependencies"], key=name)
          and list(read["features"]) == sorted(read["features"]),
          f"{path}: not as vcpkg format-manifest writes it")
    check(read["version-semver"] == version, f"{path}: not version {version}")
    check(read["homepage"] == homepage, f"{path}: homepage is not that of CMakeLists.txt")
    check(read["description"] == description, f"{path}: description is not that of CMakeLists.txt")
    check(read.get("supports") == "!windows", f"{path}: supports what was never tried")
    check("zlib" not in text, f"{path}: names zlib, which nothing uses")
    return read


ours, theirs = manifest(Path("vcpkg.json")), manifest(port / "vcpkg.json")
ours["features"].pop("tests")
ours.pop("$schema")
theirs["dependencies"] = [d for d in theirs["dependencies"] if isinstance(d, str)]
for key in ours.keys() | theirs.keys():
    check(ours.get(key) == theirs.get(key), f"vcpkg.json: {key} differs from the port's")
portfile = (port / "portfile.cmake").read_text()
check("#" not in portfile, f"{port}/portfile.cmake: holds a comment")
check("debug/share" in portfile and "share/doc" in portfile,
      f"{port}/portfile.cmake: leaves what the registry does not want")

# ---- Conan -----------------------------------------------------------------------------------


class Refused(Exception):
    pass


class Version(float):
    def __lt__(self, other):  # Conan's compares with text, too
        return float(self) < float(other)


class Toolchain:
    made = []

    def __init__(self, recipe):
        self.cache_variables = {}
        self.made.append(self)

    def generate(self):
        pass


class Folders(dict):
    def __missing__(self, name):
        self[name] = Bag(libs=[], requires=[], defines=[], system_libs=[],
                         set_property=lambda *_: None)
        return self[name]


def double(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


double("conan", ConanFile=object)
double("conan.errors", ConanInvalidConfiguration=Refused)
double("conan.tools")
double("conan.tools.build", check_min_cppstd=lambda recipe, least: None, can_run=None)
double("conan.tools.cmake", CMake=None, CMakeDeps=Toolchain, CMakeToolchain=Toolchain,
       cmake_layout=lambda recipe: None)
double("conan.tools.files", copy=None, load=lambda recipe, path: Path(path).read_text(), rmdir=None)
double("conan.tools.scm", Version=Version)


def load(path):
    spec = importlib.util.spec_from_file_location("recipe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recipe(module, **settings):
    made = module.TidingsConan()
    given = {"os": "Linux", "compiler": "gcc", "version": "12", **settings}
    compiler = type("compiler", (str,), {})(given["compiler"])
    compiler.version = given["version"]
    made.settings = Bag(os=given["os"], compiler=compiler)
    made.options = Bag(shared=False, tls=True, sqlite=True)
    made.cpp = Bag(source=Bag(components=Folders()), build=Bag(components=Folders()))
    made.cpp_info = Bag(components=Folders(), set_property=lambda *_: None)
    made.recipe_folder = "."
    made.required, made.tools = [], []
    made.requires = lambda what, **_: made.required.append(what)
    made.tool_requires = made.tools.append
    return made


sys.dont_write_bytecode = True
module = load("conanfile.py")
r = recipe(module)
check(hasattr(module, "required_conan_version"), "conanfile.py: no required_conan_version")
r.set_version()
check(r.version == version, f"conanfile.py: not version {version}")
check(r.homepage == homepage and r.url, "conanfile.py: url or homepage is missing")
check(r.description == description, "conanfile.py: description is not that of CMakeLists.txt")


def exported(path):
    takes = [p for p in r.exports_sources if not p.startswith("!")]
    drops = [p[1:] for p in r.exports_sources if p.startswith("!")]
    return (any(fnmatch.fnmatch(path, p) for p in takes)
            and not any(fnmatch.fnmatch(path, p) for p in drops))


for path in ("cmake/packaging/conan/test_package/build/gcc/generators/x.cmake",
             "cmake/packaging/conan/test_package/CMakeUserPresets.json", "CMakeUserPresets.json",
             "build/dev/CMakeCache.txt", "cmake/CMakeUserPresets.json"):
    check(not exported(path), f"conanfile.py: exports {path}, which builds leave behind")
tracked = subprocess.run(["git", "ls-files", "include", "src", "cmake/*.cmake", "cmake/*.in"],
                         capture_output=True, text=True).stdout.split()
for path in tracked + ["CMakeLists.txt", "LICENSE", "README.md", "docs/architecture.md"]:
    check(exported(path) or "packaging" in path or path.endswith("setup_debian.sh"),
          f"conanfile.py: does not export {path}")

r.layout()
for component in "tidings", "test", "sqlite":
    check(getattr(r.cpp.source.components[component], "includedirs", None) == ["include"],
          f"conanfile.py: editable, {component} finds no headers")
check(getattr(r.cpp.build.components["tidings"], "libdirs", None) == ["."],
      "conanfile.py: editable, the library is not found")

r.build_requirements()
check(any(t.startswith("cmake/[>=3.23") for t in r.tools), "conanfile.py: does not bring CMake")
r.requirements()
check(not any("zlib" in t for t in r.required), "conanfile.py: requires zlib, which nothing uses")
r.generate()
check(any(getattr(t, "user_presets_path", None) is False for t in Toolchain.made),
      "conanfile.py: writes CMakeUserPresets.json into the tree")
for t in Toolchain.made:
    for name in t.cache_variables:
        check(f"option({name} " in cmake, f"conanfile.py: sets {name}, which is no option")
r.package_info()
check(r.cpp_info.components["sqlite"].libs == ["tidings_sqlite"]
      and "sqlite3::sqlite3" in r.cpp_info.components["sqlite"].requires
      and any(d.startswith("sqlite3/") for d in r.required),
      "conanfile.py: the component sqlite is not whole")
check("zlib::zlib" not in r.cpp_info.components["tidings"].requires, "conanfile.py: links zlib")

refused = [{"compiler": "gcc", "version": "11"}, {"compiler": "clang", "version": "15"},
           {"compiler": "msvc", "version": "194", "os": "Windows"}]
accepted = [{"compiler": "gcc", "version": "12"}, {"compiler": "clang", "version": "16"}]
for settings in refused + accepted:
    try:
        recipe(module, **settings).validate()
        answer = accepted
    except Refused:
        answer = refused
    check(settings in answer, f"conanfile.py: validate is wrong about {settings}")

package = Path("cmake/packaging/conan/test_package")
load(package / "conanfile.py")
check(".." not in (package / "CMakeLists.txt").read_text(),
      f"{package}/CMakeLists.txt: leaves its folder, which Conan copies alone")
check("/CMakeUserPresets.json" in (package / ".gitignore").read_text()
      and "CMakeUserPresets.json" in Path(".gitignore").read_text(),
      ".gitignore: does not know CMakeUserPresets.json")
