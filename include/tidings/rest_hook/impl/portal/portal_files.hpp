// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/rest_hook/portal.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// The files of a portal's page, which anybody may have: they hold nothing of any subscription.
class portal_files {
 public:
    explicit portal_files(const portal_options& o);

    /// Of every answer of a portal, its API's too: the page runs the portal's own scripts only,
    /// makes no markup of text, is in no frame of another, and asks no other host.
    static http::fields fields();
    http::response answer(const http::exchange& x) const;

 private:
    struct file {
        std::string type{};
        std::string text{};
        std::string tag{};  ///< the value of ETag
    };
    void add(std::string name, std::string type, std::string text);

    std::map<std::string, file, std::less<>> files_;
};

}  // namespace tidings::rest_hook::detail
