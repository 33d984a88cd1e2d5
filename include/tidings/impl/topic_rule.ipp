// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/topic.hpp>
#include <tidings/topic_rule.hpp>

#include <stdexcept>

namespace tidings {

namespace {

std::string checked(std::string topic) {
    if (const auto ec = check_topic(topic))
        throw std::invalid_argument("tidings::topic_rule: \"" + topic + "\": " + ec.message());
    return topic;
}

// A type is a stranger's text: whatever it holds, each part between dots becomes one token.
std::string topic_of_type(std::string_view type) {
    std::string topic;
    for (;;) {
        const auto dot = type.find('.');
        topic += topic_token(type.substr(0, dot));
        if (dot == std::string_view::npos) return topic;
        topic += '.';
        type.remove_prefix(dot + 1);
    }
}

}  // namespace

topic_rule topic_rule::literal(std::string topic) {
    topic_rule rule;
    rule.literal_ = checked(std::move(topic));
    return rule;
}

topic_rule topic_rule::prefix(std::string prefix) {
    topic_rule rule;
    rule.prefix_ = checked(std::move(prefix)) + '.';
    return rule;
}

topic_rule topic_rule::function(std::function<std::string(const event&)> f) {
    topic_rule rule;
    rule.function_ = std::move(f);
    return rule;
}

std::string topic_rule::resolve(const event& e, std::string_view wire_topic, error_code& ec) const {
    ec = {};
    if (!literal_.empty()) return literal_;
    std::string topic;
    if (function_) {
        try {
            topic = function_(e);
        } catch (const std::bad_alloc&) {
            ec = errc::out_of_memory;
            return {};
        } catch (...) {
            ec = errc::callback_threw;
            return {};
        }
    } else {
        topic = prefix_ + (wire_topic.empty() ? topic_of_type(e.type()) : std::string(wire_topic));
    }
    ec = check_topic(topic);
    return topic;
}

}  // namespace tidings
