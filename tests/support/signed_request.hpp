// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/header_lookup.hpp>
#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::test {

/// A request as a verifier sees it, for tests of signatures without a server.
struct signed_request {
    std::map<std::string, std::string, std::less<>> headers;
    std::string body;

    std::optional<std::string_view> operator()(std::string_view name) const {
        const auto found = headers.find(name);
        if (found == headers.end()) return std::nullopt;
        return found->second;
    }
    error_code verified_by(const webhook::verifier& v,
                           std::chrono::system_clock::time_point now) const {
        return v.verify(*this, body, now);
    }
    signed_request with(std::string_view name, std::string_view value) const {
        auto changed = *this;
        changed.headers[std::string(name)] = value;
        return changed;
    }
};

}  // namespace tidings::test
