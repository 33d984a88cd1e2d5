// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/control_event.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/webhook/impl/endpoint_state.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

// Standard Webhooks signs `id.timestamp.body`: an id with a dot would make that ambiguous. Other
// characters that cannot stand in a field go the same way. The result is as stable as the id.
std::string message_id_of(const publication& p) {
    const auto& id = p.id();
    const bool plain = id.size() <= 256 && std::all_of(id.begin(), id.end(), [](char c) {
                           return c > ' ' && c < '\x7f' && c != '.';
                       });
    return plain ? id : "msg_" + sha256_hex(p.source() + '\n' + id);
}

std::string label_of(const endpoint_options& o) {
    return o.id == o.url ? origin_of(o.url) : o.id + " at " + origin_of(o.url);
}

}  // namespace

std::string origin_of(const std::string& url) {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    if (ec) return '"' + url.substr(0, url.find('?')) + '"';
    return target.scheme + "://" + target.authority();
}

endpoint_state::endpoint_state(std::shared_ptr<sender_state> sender, endpoint_options options,
                               standard_signer signer)
    : sender_(std::move(sender)),
      on_gone_(std::exchange(options.on_gone, nullptr)),
      options_(std::move(options)),
      label_(label_of(options_)),
      signer_(std::move(signer)) {}

void endpoint_state::close() noexcept {
    active_ = false;
    take_on_gone();
}

std::function<void()> endpoint_state::take_on_gone() noexcept {
    std::function<void()> taken;
    const std::lock_guard lock(on_gone_mutex_);
    taken.swap(on_gone_);
    return taken;
}

endpoint_counters endpoint_state::counters() const noexcept {
    return {accepted, delivered, failed_attempts, dead};
}

net::any_io_executor endpoint_state::default_executor() const noexcept {
    return sender_->executor();
}

error_code endpoint_state::make_entry(const event_ptr& e, store::outbox_entry& out) const {
    error_code ec;
    out.endpoint = options_.id;
    out.message_id = message_id_of(*e);
    out.due = sender_->first_due();
    auto kept = std::make_shared<wire_form>(e);
    const std::string* bytes = nullptr;
    if (options_.form == body_form::structured) {
        *kept = cloudevents_json(*e, ec);
        bytes = kept->get();
        out.content_type = std::string(cloudevents_json_type) + "; charset=utf-8";
    } else {
        http::fields f;
        bytes = write_binary_event(*e, f, ec);
        for (const auto& [name, value] : f) {
            if (name == "Content-Type")
                out.content_type = value;
            else
                out.fields.emplace_back(name, value);
        }
    }
    if (ec) return ec;
    // The event's own bytes, however many endpoints are owed them, and what keeps them.
    out.body = std::shared_ptr<const std::string>(std::move(kept), bytes);
    return {};
}

outcome endpoint_state::deliver(const event_ptr& e) noexcept {
    if (!active_ || !sender_->taking()) return outcome::closed;
    if (is_control(e)) return outcome::delivered;
    try {
        store::outbox_entry entry;
        if (make_entry(e, entry)) return outcome::dropped;
        const auto self = std::static_pointer_cast<endpoint_state>(shared_from_this());
        sender_->append(std::move(entry),
                        [self](error_code ec) { ++(ec ? self->dead : self->accepted); });
        return outcome::queued;
    } catch (const std::bad_alloc&) {
        return outcome::dropped;
    }
}

void endpoint_state::start_deliver(event_ptr e, deliver_handler handler) {
    if (!active_ || !sender_->taking())
        return std::move(handler)(make_error_code(errc::closed), outcome::closed);
    if (is_control(e)) return std::move(handler)(error_code(), outcome::delivered);
    store::outbox_entry entry;
    if (const auto ec = make_entry(e, entry)) return std::move(handler)(ec, outcome::dropped);
    sender_->append(std::move(entry),
                    [self = std::static_pointer_cast<endpoint_state>(shared_from_this()),
                     h = std::move(handler)](error_code ec) mutable {
                        ++(ec ? self->dead : self->accepted);
                        std::move(h)(ec, ec ? outcome::dropped : outcome::queued);
                    });
}

error_code endpoint_state::make_request(const store::outbox_entry& e, io::system_time now,
                                        http::request& out) const {
    standard_headers signature;
    if (const auto ec = signer_.sign(e.message_id, now, *e.body, signature)) return ec;
    out.method = "POST";
    out.fields = options_.fields;
    if (!e.content_type.empty()) out.fields.set("Content-Type", e.content_type);
    out.fields.set(standard_headers::id_name, signature.id);
    out.fields.set(standard_headers::timestamp_name, signature.timestamp);
    out.fields.set(standard_headers::signature_name, signature.signature);
    for (const auto& [name, value] : e.fields) out.fields.append(name, value);
    out.body = *e.body;
    return {};
}

}  // namespace tidings::webhook::detail
