// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/websocket/impl/publisher.hpp>

namespace tidings::websocket::detail {

std::optional<error_code> publisher::take(const std::shared_ptr<lane>& home,
                                          const tidings::principal& who, wire_event&& e,
                                          outcome_handler done) {
    error_code ec;
    auto topic = inlet_.topic_of(e, ec);
    if (ec) return ec;
    const auto& may = access_.state().authorizer();
    if (!may.is_asynchronous()) {
        const auto p = may ? may(who, action::publish, topic) : permission(false);
        const auto until = http::detail::earlier(who.expires, p.expires);
        if (!p || http::detail::has_expired(until, home->timers().clock())) return errc::forbidden;
        return publish(topic, std::move(e));
    }
    http::detail::permissions_wanted wanted{.principal = who,
                                            .action = action::publish,
                                            .topics = {topic},
                                            .full = http::detail::when_full::wait,
                                            .from = from_};
    // The question ends with this.
    asking_ = access_.state().permit(
        home, std::move(wanted),
        [this, topic, e = std::make_shared<wire_event>(std::move(e)),
         done = std::move(done)](const http::detail::permissions& p) mutable {
            const auto ended = std::move(asking_);
            auto refused = p.error;
            if (!refused && !p.denied.empty()) refused = errc::forbidden;
            if (!refused) refused = publish(topic, std::move(*e));
            done(refused);
        });
    return std::nullopt;
}

void publisher::cancel() noexcept {
    if (const auto asking = std::exchange(asking_, nullptr)) asking->cancel();
}

// The topic's function, the history and the codec may be the user's.
error_code publisher::publish(std::string_view topic, wire_event&& e) const noexcept {
    try {
        error_code ec;
        const auto p = inlet_.make(topic, std::move(e), ec);
        return p ? bus_->publish(p).error : ec;
    } catch (...) {
        return errc::callback_threw;
    }
}

}  // namespace tidings::websocket::detail
