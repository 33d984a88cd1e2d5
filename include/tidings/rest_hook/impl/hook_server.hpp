// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/rest_hook/impl/subscriber_record.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tidings::rest_hook {
struct subscriber_client_options;
}

namespace tidings::rest_hook::detail {

/// A request in the life of a subscription.
enum class server_step : std::uint8_t {
    discover,   ///< where the hub is
    subscribe,  ///< also of WebSub, to renew
    find,       ///< the subscription that is there already
    check,      ///< whether it is there still
    renew,      ///< also where its callback has moved
    revive,     ///< the same of one that the server has disabled
    unsubscribe,
};

/// What the answer to a step means.
struct server_answer {
    enum class kind : std::uint8_t {
        next,      ///< the step in `then` follows
        active,    ///< it stands, until the end in the record
        pending,   ///< the server has it, and waits for the proof
        again,     ///< the same may succeed later
        refused,   ///< the same would be answered so again
        gone,      ///< the server has it no more
        unwanted,  ///< the server has disabled it
        ended,     ///< it is unsubscribed
    };
    kind what = kind::refused;
    server_step then = server_step::subscribe;  ///< of `next`
    error_code error{};
    std::string reason{};  ///< in the server's words, at most 500 bytes
};

/// What of it a REST hook API and a WebSub hub do in ways of their own: requests are made, and
/// answers read, without I/O.
class hook_server {
 public:
    virtual ~hook_server() = default;
    /// How it goes on from a record; nothing where it is active as it is.
    virtual std::optional<server_step> first(const subscriber_record& r,
                                             io::system_time now) const = 0;
    virtual std::string url_of(server_step s, const subscriber_record& r) const = 0;
    virtual http::request make(server_step s, const subscriber_record& r) const = 0;
    /// Notes in `r` what the answer says of it.
    virtual server_answer read(server_step s, const http::response& answer, subscriber_record& r,
                               io::system_time now) const = 0;
    /// What is tried in the place of a step that has failed: the same, or what may lead elsewhere.
    virtual server_step after_failure(server_step s, const subscriber_record&,
                                      io::system_time) const {
        return s;
    }
    /// The step by which a lease is renewed.
    virtual server_step renewal() const noexcept = 0;
    /// Whether the server may have it: there is something to unsubscribe.
    virtual bool may_stand(const subscriber_record& r) const noexcept = 0;
    /// Whether a step of a pending subscription finds out that it is active; else the server's
    /// question does.
    virtual bool is_polled() const noexcept = 0;
};

/// The begin of a server's words.
TIDINGS_DECL std::string reason_of(std::string_view text);
TIDINGS_DECL bool same_origin(const std::string& url, const std::string& other);
/// A request with the user's fields and credentials, where `url` is of an origin that has them.
TIDINGS_DECL http::request request_to(const std::string& url, std::string method,
                                      const subscriber_client_options& o);

}  // namespace tidings::rest_hook::detail
