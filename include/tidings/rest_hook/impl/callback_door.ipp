// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/rest_hook/impl/callback_door.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

http::response not_ready() {
    auto r = http::problem(503, "Not ready", "the subscription is not served right now");
    r.fields.set("Retry-After", "1");
    return r;
}

}  // namespace

void callback_door::open(std::string path, webhook::receiver_options receiver, listener heard) {
    const auto weak = weak_from_this();
    receiver.challenge = webhook::answer_websub([weak](const webhook::websub_intent& asked) {
        const auto self = weak.lock();
        return self && self->hears(asked);
    });
    if (echoes_)
        receiver.intent = [weak](const http::request& r) {
            const auto self = weak.lock();
            return self && self->agrees_to_echo(r);
        };
    std::unique_lock lock(mutex_);
    const auto sink = sink_;
    lock.unlock();
    if (!sink) return;
    std::optional<webhook::receiver> made(std::in_place, sink, std::move(receiver));
    lock.lock();
    if (!sink_) return;  // closed meanwhile
    path_ = '/' + std::move(path);
    receiver_.swap(made);
    heard_.swap(heard);
    phase_ = phase::open;
    lock.unlock();
    if (made) made->close();
}

void callback_door::expect(expected_question q) {
    const std::lock_guard lock(mutex_);
    std::swap(expected_, q);
}

void callback_door::shut(bool stands) {
    const std::lock_guard lock(mutex_);
    phase_ = stands || path_.empty() ? phase::not_ready : phase::over;
    expected_ = {};
}

void callback_door::close() noexcept {
    std::shared_ptr<subscriber> sink;  // outside the mutex: they may own anything
    std::optional<webhook::receiver> receiver;
    listener heard;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::open) phase_ = phase::not_ready;
        sink.swap(sink_);
        receiver.swap(receiver_);
        heard.swap(heard_);
    }
    if (receiver) receiver->close();
}

// Nothing where it was answered.
std::optional<webhook::receiver> callback_door::enter(http::exchange& x) {
    std::optional<webhook::receiver> in;
    http::response no;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::not_ready)
            no = not_ready();
        else if (!equal_in_constant_time(x.suffix(), path_))
            no = http::problem(404, "Not found", "there is no such callback");
        else if (phase_ == phase::over)
            no = http::problem(410, "Gone", "the subscription has ended");
        else
            in = receiver_;
    }
    if (!in) x.respond(std::move(no));
    return in;
}

void callback_door::admit(http::exchange& x) {
    if (auto in = enter(x)) in->admit(x);
}

void callback_door::handle(http::exchange& x) {
    if (auto in = enter(x)) in->handle(x);
}

bool callback_door::agrees(const webhook::websub_intent& asked) const {
    using kind = expected_question::kind;
    const std::lock_guard lock(mutex_);
    if (asked.topic != expected_.topic) return false;
    if (asked.mode == "subscribe")
        return expected_.what == kind::subscribe &&
               asked.lease.value_or(std::chrono::seconds(1)) > std::chrono::seconds(0);
    if (asked.mode == "unsubscribe") return expected_.what == kind::unsubscribe;
    return asked.mode == "denied" && expected_.what != kind::none;
}

bool callback_door::hears(const webhook::websub_intent& asked) const {
    if (!agrees(asked)) return false;
    listener to;
    {
        const std::lock_guard lock(mutex_);
        to = heard_;
    }
    if (to) to(asked);
    return true;
}

// Before the id is known the path alone says that it is what was asked for.
bool callback_door::agrees_to_echo(const http::request& r) const {
    listener to;
    {
        const std::lock_guard lock(mutex_);
        if (expected_.what != expected_question::kind::subscribe) return false;
        const auto id = r.fields.find("x-hook-subscription");
        if (id && !expected_.id.empty() && *id != expected_.id) return false;
        to = heard_;
    }
    if (to) to({.mode = "subscribe"});
    return true;
}

}  // namespace tidings::rest_hook::detail
