// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/rest_hook/impl/portal/portal_files.hpp>
#include <tidings/rest_hook/impl/portal/token_book.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// A portal behind its handles: the files of the page, the visitor's session, and the manager's API
/// in the visitor's name. Safe from any thread.
class portal_state {
 public:
    portal_state(const api_parts& p, const portal_options& o);

    std::string make_ticket(portal_visitor v, error_code& ec) noexcept;
    void end_sessions(std::string_view principal_name) noexcept;
    void close() noexcept;
    void admit(http::exchange& x) const;
    /// @param hooks null: the manager is closed
    void handle(http::exchange& x, const std::shared_ptr<manager_state>& hooks);

 private:
    /// A session, and the cookie that names it.
    struct session {
        portal_visitor visitor{};
        std::string token{};
    };

    bool begin(http::exchange& x) const;
    std::optional<session> session_of(const http::request& r) const;
    void serve_session(http::exchange& x);
    void redeem(http::exchange& x);
    std::string describe(const portal_visitor& v) const;
    http::response ask_to_replace(const portal_visitor& present, const portal_visitor& next) const;
    http::response let_in(const portal_visitor& v, std::string_view ticket, bool by_https);

    const std::vector<std::string> origins_;  // none, or the page's
    const std::shared_ptr<webhook::detail::sender_state> sender_;
    const std::size_t max_body_bytes_;
    const std::chrono::seconds session_lifetime_;
    const portal_files files_;
    io::clock& clock_;
    token_book tickets_;
    token_book sessions_;
};

}  // namespace tidings::rest_hook::detail
