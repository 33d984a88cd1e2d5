// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/impl/message_maker.hpp>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

std::shared_ptr<const store::outbox_message> new_message(const event_ptr& e, body_form form,
                                                         error_code& ec) {
    auto m = std::make_shared<store::outbox_message>();
    m->source = e->source();
    m->id = e->id();
    m->type = e->type();
    m->topic = e->topic();
    m->position = e->position().value_or(position());
    m->body_footprint = e->footprint();
    auto kept = std::make_shared<wire_form>(e);
    const std::string* bytes = nullptr;
    http::fields f;
    if (form == body_form::binary) {
        bytes = write_binary_event(*e, f, ec);
        if (ec) return nullptr;
    }
    if (bytes == nullptr) {
        *kept = cloudevents_json(*e, ec);
        if (ec) return nullptr;
        bytes = kept->get();
        m->body_footprint += bytes->size();
        f = {{"Content-Type", std::string(cloudevents_json_type) + "; charset=utf-8"}};
    }
    for (const auto& [name, value] : f) {
        if (name == "Content-Type")
            m->content_type = value;
        else
            m->fields.emplace_back(name, value);
    }
    // The event's own bytes, however many endpoints are owed them, and what keeps them.
    m->body = std::shared_ptr<const std::string>(std::move(kept), bytes);
    return m;
}

}  // namespace

message_maker::message message_maker::make(const event_ptr& e, body_form form, error_code& ec) {
    auto& last = last_[form == body_form::binary ? 0 : 1];
    {
        const std::lock_guard lock(mutex_);
        if (last.of == e.get())
            if (auto known = last.what.lock()) return known;
    }
    auto made_now = new_message(e, form, ec);
    if (ec) return nullptr;
    const std::lock_guard lock(mutex_);
    last = {e.get(), made_now};
    return made_now;
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
