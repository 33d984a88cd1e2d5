// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/impl/binary_fields.hpp>
#include <tidings/codec/impl/standard_payload.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/impl/message_maker.hpp>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

// The event's own bytes, or what is kept beside them; and what is said of them. Null with an error.
const std::string* encode(const event_ptr& e, body_form form, store::outbox_time now,
                          wire_form& kept, store::outbox_message& m, error_code& ec) {
    constexpr std::size_t usual_fields = 8;
    const std::string* bytes = nullptr;
    switch (form) {
        case body_form::binary:
            bytes = e->data_bytes(ec);
            m.content_type = e->content_type();
            m.fields.reserve(usual_fields);
            write_binary_fields(*e, [&](std::string name, std::string value) {
                m.fields.emplace_back(std::move(name), std::move(value));
            });
            break;
        case body_form::raw:
            bytes = e->data_bytes(ec);
            m.content_type = e->content_type();
            break;
        case body_form::standard:
            kept = standard_payload(*e, now, ec);
            m.content_type = "application/json";
            break;
        case body_form::structured:
        case body_form::batch:
            kept = cloudevents_json(*e, ec);
            m.content_type = std::string(cloudevents_json_type) + "; charset=utf-8";
            break;
    }
    if (ec) return nullptr;
    return bytes != nullptr ? bytes : kept.get();
}

std::shared_ptr<const store::outbox_message> new_message(const event_ptr& e, body_form form,
                                                         store::outbox_time now, error_code& ec) {
    auto m = std::make_shared<store::outbox_message>();
    m->source = e->source();
    m->id = e->id();
    m->type = e->type();
    m->topic = e->topic();
    m->position = e->position().value_or(position());
    m->body_footprint = e->footprint();
    auto kept = std::make_shared<wire_form>(e);
    const auto* bytes = encode(e, form, now, *kept, *m, ec);
    if (ec) return nullptr;
    if (bytes == kept->get()) m->body_footprint += bytes->size();
    // The event's own bytes, however many endpoints are owed them, and what keeps them.
    m->body = std::shared_ptr<const std::string>(std::move(kept), bytes);
    return m;
}

}  // namespace

message_maker::message message_maker::make(const event_ptr& e, body_form form,
                                           store::outbox_time now, error_code& ec) {
    // What stands in a batch is what is sent alone.
    if (form == body_form::batch) form = body_form::structured;
    auto& last = last_[static_cast<std::size_t>(form)];
    {
        const std::lock_guard lock(mutex_);
        if (last.of == e.get())
            if (auto known = last.what.lock()) return known;
    }
    auto made_now = new_message(e, form, now, ec);
    if (ec) return nullptr;
    const std::lock_guard lock(mutex_);
    last = {e.get(), made_now};
    return made_now;
}

std::string message_maker::webhook_id(const event_ptr& e, const message& m,
                                      const std::string& scope) {
    if (scope.empty()) {
        const std::lock_guard lock(mutex_);
        if (last_id_.of == e.get() && !last_id_.what.expired()) return last_id_.id;
    }
    std::string of(e->source());
    of.append("\n").append(e->id());
    if (!scope.empty()) of.append("\n").append(scope);
    auto id = "msg_" + sha256_hex(of);
    if (scope.empty()) {
        const std::lock_guard lock(mutex_);
        last_id_.id = id;
        last_id_.of = e.get();
        last_id_.what = m;
    }
    return id;
}

std::optional<store::outbox_time> expiry_of(const publication& p) noexcept {
    const auto* value = p.extension("expirytime");
    const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
    if (text == nullptr) return std::nullopt;
    error_code ec;
    const auto at = parse_timestamp(*text, ec);
    if (ec) return std::nullopt;
    return at;
}

}  // namespace tidings::webhook::detail
