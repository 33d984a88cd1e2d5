// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/server.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace tidings::http::detail {

class body_budget;
class body_share;
class server_connection;

/// "/events" stands before "/events" and "/events/x", not before "/eventsx".
inline bool stands_before(std::string_view prefix, std::string_view path) noexcept {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

struct route {
    std::string prefix;  // without a slash at its end
    std::shared_ptr<mounted> service;
};

/// The longest prefix first.
using route_table = std::vector<route>;

/// The value of a Date field, made once a second.
class date_cache {
 public:
    TIDINGS_DECL std::string_view text(io::system_time now);

 private:
    std::chrono::seconds second_{-1};
    std::string text_{};
};

/// A lane of the server and the connections in it; lane-confined once the server has started. It
/// owns its connections, and they hold it: it is emptied before it is destroyed.
struct shard {
    std::shared_ptr<tidings::detail::lane> lane{};
    std::shared_ptr<const server_options> options{};
    std::shared_ptr<const route_table> routes{};  // null: the server has stopped
    std::unordered_set<std::shared_ptr<server_connection>> connections{};
    std::shared_ptr<body_budget> bodies{};  // null: no server, one adopted connection
    bool on_loopback = false;               // where the server listens
    bool draining = false;
    date_cache date{};
    std::string answer{};  // memory for one that is being written
    static constexpr std::size_t kept_answer_bytes = 16 * 1024;

    /// Refuses a Host that is no name of this machine, where the server is for this machine alone.
    std::optional<response> refuse_host(const request& r, bool from_loopback) const;
    void log(log_level level, std::string_view message, error_code ec = {}) const;
    void count_answer(unsigned status) const;
    /// Of the budget for bodies, for a connection from there.
    std::unique_ptr<body_share> make_share(bool authenticated, const std::string& remote_address,
                                           bool loopback) const;
    /// The same in place.
    void share_in(std::optional<body_share>& place, bool authenticated,
                  const std::string& remote_address, bool loopback) const;
};

}  // namespace tidings::http::detail
