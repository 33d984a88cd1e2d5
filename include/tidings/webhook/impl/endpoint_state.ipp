// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/webhook/impl/endpoint_state.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

// Standard Webhooks signs `id.timestamp.body`: an id with a dot would make that ambiguous. Other
// characters that cannot stand in a field go the same way. The result is as stable as the id.
std::string message_id_of(const publication& p) {
    const std::string id(p.id());
    const bool plain = id.size() <= 256 && std::all_of(id.begin(), id.end(), [](char c) {
                           return c > ' ' && c < '\x7f' && c != '.';
                       });
    return plain ? id : "msg_" + sha256_hex(std::string(p.source()) + '\n' + id);
}

}  // namespace

endpoint_state::endpoint_state(std::shared_ptr<sender_state> sender,
                               std::shared_ptr<endpoint_target> target) noexcept
    : sender_(std::move(sender)),
      target_(std::move(target)) {}

endpoint_state::~endpoint_state() {
    target_->abandon();
    sender_->forget_soon(target_);
}

net::any_io_executor endpoint_state::default_executor() const noexcept {
    return sender_->executor();
}

error_code endpoint_state::make_entry(const event_ptr& e, store::outbox_entry& out) const {
    error_code ec;
    out.endpoint = target_->id();
    out.message_id = message_id_of(*e);
    out.due = sender_->first_due();
    out.expires = expiry_of(*e);
    out.message = sender_->messages().make(e, target_->options().form, ec);
    if (!ec && !target_->has_room_for(*out.message))
        out.message = sender_->messages().make(e, body_form::structured, ec);
    return ec;
}

outcome endpoint_state::deliver(const event_ptr& e) noexcept {
    if (!active() || !sender_->taking()) return outcome::closed;
    if (is_control(e)) return outcome::delivered;
    try {
        store::outbox_entry entry;
        if (make_entry(e, entry)) return outcome::dropped;
        sender_->append(std::move(entry), [target = target_](error_code ec) {
            ++(ec ? target->dead : target->accepted);
        });
        return outcome::queued;
    } catch (const std::bad_alloc&) {
        return outcome::dropped;
    }
}

void endpoint_state::start_deliver(event_ptr e, deliver_handler handler) {
    if (!active() || !sender_->taking())
        return std::move(handler)(make_error_code(errc::closed), outcome::closed);
    if (is_control(e)) return std::move(handler)(error_code(), outcome::delivered);
    store::outbox_entry entry;
    if (const auto ec = make_entry(e, entry)) return std::move(handler)(ec, outcome::dropped);
    sender_->append(std::move(entry),
                    [target = target_, h = std::move(handler)](error_code ec) mutable {
                        ++(ec ? target->dead : target->accepted);
                        std::move(h)(ec, ec ? outcome::dropped : outcome::queued);
                    });
}

}  // namespace tidings::webhook::detail
