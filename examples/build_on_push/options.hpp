// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace build {

/// What the command line says.
struct options {
    std::uint16_t port = 0;       ///< 0: the system picks
    std::string secret{};         ///< as entered at GitHub
    std::string report{};         ///< the webhook that gets each outcome; empty: none
    std::string report_secret{};  ///< of that: `whsec_...`
    bool local = false;           ///< the report may go to this machine, without TLS
    command what{};
};

constexpr auto usage =
    "usage: build_on_push --secret TEXT [--port N] [--timeout SECONDS]\n"
    "                     [--report URL --report-secret whsec_... [--local]] -- COMMAND ...\n";

/// Empty: the command line is wrong.
std::optional<options> read_options(int argc, char** argv);

}  // namespace build
