// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/store/sqlite/database.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

namespace tidings::test {

/// A folder of its own, which goes with everything in it.
class temporary_folder {
 public:
    temporary_folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / ("tidings-" + std::string(6, 'X'))).string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~temporary_folder() { std::filesystem::remove_all(path_); }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    std::string file(const std::string& name) const { return (path_ / name).string(); }
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

/// What a test opens: no waiting, no bound that the machine's disk could reach.
inline sqlite::database_options store_options(std::string path) {
    sqlite::database_options o;
    o.path = std::move(path);
    o.durable = sqlite::durability::process;
    o.min_free_bytes = 0;
    return o;
}

/// Runs an operation of a database to its end, on a context of its own.
template <class Start>
error_code wait_for(Start start) {
    net::io_context io;
    error_code result;
    int ends = 0;
    start(net::bind_executor(io, [&](error_code ec) {
        result = ec;
        ++ends;
    }));
    io.run();
    CHECK(ends == 1);
    return result;
}

inline error_code drain(sqlite::database& db) {
    return wait_for([&](auto h) { db.async_drain(std::move(h)); });
}

}  // namespace tidings::test
