// SPDX-License-Identifier: BSL-1.0
// Stands in for libFuzzer: feeds a fuzz target the files, and the files of the folders, that the
// command line names, and an empty input. Arguments that begin with a dash are libFuzzer's.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        return false;
    }
    // An exact copy on the heap, so that a sanitizer sees a read past its end.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<fs::path> inputs;
    for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
        if (argument.starts_with('-')) continue;
        if (!fs::is_directory(argument)) {
            inputs.emplace_back(argument);
            continue;
        }
        for (const auto& entry : fs::recursive_directory_iterator{argument}) {
            if (entry.is_regular_file()) inputs.push_back(entry.path());
        }
    }
    if (inputs.empty()) {
        std::fprintf(stderr, "no inputs: an empty corpus proves nothing\n");
        return 1;
    }
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (const auto& path : inputs) {
        // Named first, so that a crash leaves its cause as the last line.
        std::printf("%s\n", path.c_str());
        std::fflush(stdout);
        if (!replay(path)) return 1;
    }
    std::printf("%zu inputs replayed\n", inputs.size());
}
