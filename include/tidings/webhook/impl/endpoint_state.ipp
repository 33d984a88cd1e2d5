// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/webhook/impl/endpoint_replay.hpp>
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

std::optional<std::string> partition_of(const publication& p, delivery_order order) {
    if (order == delivery_order::any) return std::nullopt;
    if (order == delivery_order::endpoint) return "";
    const auto* key = p.extension("partitionkey");
    const auto* text = key != nullptr ? std::get_if<std::string>(key) : nullptr;
    return text != nullptr ? std::optional(*text) : std::nullopt;
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

net::any_io_executor endpoint_state::executor() const noexcept {
    return sender_->executor();
}

error_code endpoint_state::make_entry(const event_ptr& e, store::outbox_entry& out) const {
    error_code ec;
    out.endpoint = target_->id();
    out.message_id = message_id_of(*e);
    out.partition = partition_of(*e, target_->terms().order);
    const auto now = sender_->now();
    const auto form = target_->terms().form;
    out.due = now + target_->schedule().first();
    if (target_->takes_batches()) out.due += target_->terms().batch.max_delay;
    out.expires = expiry_of(*e);
    out.message = sender_->messages().make(e, form, now, ec);
    if (ec) return ec;
    out.webhook_id = sender_->messages().webhook_id(e, out.message, target_->terms().id_scope);
    if (target_->has_room_for(*out.message)) return ec;
    if (form == body_form::raw) return errc::header_too_large;
    if (form == body_form::binary)
        out.message = sender_->messages().make(e, body_form::structured, now, ec);
    return ec;
}

void endpoint_state::close() noexcept {
    target_->close();
    sender_->on_endpoint_closed(target_->name(), leaving::closed);
}

void endpoint_state::withdraw() noexcept {
    sender_->withdraw(*target_);
}

void endpoint_state::enable() {
    sender_->enable(target_);
}

void endpoint_state::grant(std::optional<std::uint32_t> per_minute) {
    sender_->grant(target_, per_minute);
}

bool endpoint_state::keeps_place() const noexcept {
    return active() && sender_->keeps_places();
}

place_ptr endpoint_state::locate(std::string_view pattern, position here, bool anew,
                                 locate_handler h) {
    return sender_->locate(target_->id(), pattern, std::move(here), anew, std::move(h));
}

void endpoint_state::leave(const place_ptr& p) noexcept {
    sender_->leave(p, target_);
}

void endpoint_state::pass(const place_ptr& p, const std::optional<position>& at) noexcept {
    if (p && at) sender_->pass(p, *at);
}

void endpoint_state::store_passed(unique_function<void(error_code)> done) {
    sender_->store_passed(target_->id(), std::move(done));
}

// What can never be sent is behind it; another time there may be memory.
void endpoint_state::pass_refused(const place_ptr& p, const event_ptr& e, error_code ec) noexcept {
    if (ec != errc::out_of_memory) pass(p, e->position());
}

// That it has missed something is all that concerns it.
void endpoint_state::take_signal(const event_ptr& e, const place_ptr& at) noexcept {
    if (e->topic() != gap_type) return;
    ++target_->gaps;
    sender_->on_gap(target_, at, e->position().value_or(position()));
}

bool endpoint_state::is_about_itself(const event_ptr& e) const {
    return is_operational(e->topic()) && e->subject() == target_->subject();
}

// Where there is no memory to tell, it takes it, and tells then.
bool endpoint_state::declines(const event_ptr& e) const noexcept try {
    return is_about_itself(e);
} catch (const std::bad_alloc&) {
    return false;
}

outcome endpoint_state::deliver(const event_ptr& e, const place_ptr& at) noexcept {
    if (!active() || !sender_->taking()) return outcome::closed;
    if (is_control(e)) return take_signal(e, at), outcome::delivered;
    if (disabled()) return pass(at, e->position()), outcome::dropped;
    try {
        if (is_about_itself(e)) return pass(at, e->position()), outcome::delivered;
        store::outbox_entry entry;
        if (const auto ec = make_entry(e, entry)) return pass_refused(at, e, ec), outcome::dropped;
        const auto bytes = entry.message->body->size();
        sender_->append(std::move(entry), at, e->position(),
                        [t = target_, bytes](error_code ec) { t->note_accepted(bytes, ec); });
        return outcome::queued;
    } catch (const std::bad_alloc&) {
        return outcome::dropped;
    }
}

void endpoint_state::start_deliver(const event_ptr& e, deliver_handler handler,
                                   const place_ptr& at) {
    if (!active() || !sender_->taking())
        return std::move(handler)(make_error_code(errc::closed), outcome::closed);
    if (is_control(e)) {
        take_signal(e, at);
        return std::move(handler)(error_code(), outcome::delivered);
    }
    if (is_about_itself(e)) {
        pass(at, e->position());
        return std::move(handler)(error_code(), outcome::delivered);
    }
    if (const auto why = disabled()) {
        pass(at, e->position());
        return std::move(handler)(why, outcome::dropped);
    }
    store::outbox_entry entry;
    if (const auto ec = make_entry(e, entry)) {
        pass_refused(at, e, ec);
        return std::move(handler)(ec, outcome::dropped);
    }
    const auto bytes = entry.message->body->size();
    sender_->append(std::move(entry), at, e->position(),
                    [t = target_, bytes, h = std::move(handler)](error_code ec) mutable {
                        t->note_accepted(bytes, ec);
                        std::move(h)(ec, ec ? outcome::dropped : outcome::queued);
                    });
}

error_code endpoint_state::send_again(const event_ptr& e, const std::string& id_suffix,
                                      unique_function<void(error_code)> done) {
    if (!active() || !sender_->taking()) return errc::closed;
    if (const auto why = disabled()) return why;
    store::outbox_entry entry;
    if (const auto ec = make_entry(e, entry)) return ec;
    entry.webhook_id += id_suffix;
    sender_->append(std::move(entry), nullptr, {},
                    [target = target_, f = std::move(done)](error_code ec) mutable {
                        if (!ec) ++target->accepted;
                        f(ec);
                    });
    return {};
}

const std::shared_ptr<lane>& endpoint_state::home() const noexcept {
    return sender_->home();
}

void endpoint_state::replay(replay_range range, completion_handler<error_code, replayed> h) {
    const auto suffix = range.as_new ? sender_->new_suffix() : std::string();
    const auto run = std::make_shared<endpoint_replay>(shared_from_this(), std::move(range), suffix,
                                                       std::move(h));
    home()->post([run] { run->start(); });
}

}  // namespace tidings::webhook::detail
