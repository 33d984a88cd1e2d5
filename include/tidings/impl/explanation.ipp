// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/explanation.hpp>

namespace tidings {

namespace {

const char* words_of(subscription_kind k) noexcept {
    switch (k) {
        case subscription_kind::immediate:
            return "immediate callback";
        case subscription_kind::callback:
            return "callback";
        case subscription_kind::receiver:
            return "receiver";
        case subscription_kind::subscriber:
            return "subscriber";
        case subscription_kind::stream:
            break;
    }
    return "stream";
}

std::string line_of(const explained_subscription& s) {
    auto line = "  " + s.pattern + ": " + words_of(s.kind);
    if (!s.group.empty()) line += " of group " + s.group;
    if (s.full) line += ", full";
    if (!s.filter.empty()) line += ", only " + s.filter;
    if (s.kind == subscription_kind::stream) return line + '\n';
    const auto add = [&](const char* what, std::uint64_t n) {
        if (n != 0) line += std::string(", ") + what + ' ' + std::to_string(n);
    };
    line += ", matched " + std::to_string(s.counters.matched);
    add("delivered", s.counters.delivered);
    add("dropped", s.counters.dropped);
    add("discarded", s.counters.discarded);
    add("failed", s.counters.failed);
    return line + '\n';
}

}  // namespace

std::string to_string(const explanation& e) {
    auto text = e.topic + ": ";
    if (e.refused) {
        text += "refused, " + e.refused.message();
    } else {
        text += std::to_string(e.subscriptions.size()) + " of " + std::to_string(e.standing) +
                " subscriptions match; ";
        text += !e.kept ? "not kept" : e.kept_by.empty() ? "kept" : "kept by " + e.kept_by;
    }
    text += '\n';
    for (const auto& s : e.subscriptions) text += line_of(s);
    return text;
}

}  // namespace tidings
