// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace tidings {

/// How an inlet finds the topic of an event that came in. By default: the topic the wire named (the
/// CloudEvents extension `topic`), else the event's type, each of its dot-separated parts made a
/// safe token (`com.acme.order.created`).
class topic_rule {
 public:
    topic_rule() = default;
    /// Every event goes to this topic. @throws std::invalid_argument if it is not one.
    TIDINGS_DECL static topic_rule literal(std::string topic);
    /// `prefix` and a dot are put before what the default gives.
    /// @throws std::invalid_argument if it is not a topic.
    TIDINGS_DECL static topic_rule prefix(std::string prefix);
    /// A function of the event. What it returns is checked like any topic.
    TIDINGS_DECL static topic_rule function(std::function<std::string(const event&)> f);

    /// The topic. `wire_topic` is empty where the wire named none.
    /// @error errc::bad_topic, errc::foreign_wildcard, errc::reserved_topic, errc::callback_threw,
    /// errc::out_of_memory
    TIDINGS_DECL std::string resolve(const event& e, std::string_view wire_topic,
                                     error_code& ec) const;

 private:
    std::string literal_;
    std::string prefix_;
    std::function<std::string(const event&)> function_;
};

}  // namespace tidings
