// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace hub {

struct address {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
};

struct options {
    address listen{"127.0.0.1", 8080};
    address admin{"127.0.0.1", 8081};
    std::string github_secret{};
    std::string token{};
    std::string data{};      ///< a folder; empty: everything is in memory
    std::string key_file{};  ///< empty: what `data` has of secrets is plain text
    bool set_damaged_aside = false;
    std::string webhook_url{};
    std::string webhook_secret{};
    std::string webhook_topic = ">";
    /// The least level that is logged; nothing: no log.
    std::optional<tidings::log_level> log_level = tidings::log_level::info;
    bool help = false;
};

/// Reads the command line. On a mistake: nothing, and what is wrong in `error`.
std::optional<options> parse_options(int argc, char** argv, std::string& error);

std::string usage();

}  // namespace hub
