// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/control_event.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/impl/operational_events.hpp>
#include <tidings/webhook/impl/parcel.hpp>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

json_writer about(const endpoint_target& t) {
    json_writer o;
    o.add("endpoint", t.subject());
    o.add("target", origin_of(t.terms().url));
    return o;
}

json_writer about(const endpoint_target& t, const store::outbox_entry& e) {
    const auto& m = *e.message;
    json_writer event;
    event.add("id", m.id).add("source", m.source);
    event.add("type", m.type).add("topic", m.topic);
    return about(t).raw("event", event.end()).add("webhook_id", id_of(e));
}

std::weak_ptr<bus_state> state_of(const tidings::bus* b) {
    return b != nullptr ? b->state() : nullptr;
}

}  // namespace

operational_events::operational_events(const operational_options& o)
    : bus_(state_of(o.bus)),
      on_(o.bus != nullptr),
      successes_(o.successes) {}

// Events about deliveries of such events would be endless.
bool operational_events::are_about(const store::outbox_entry& e) const noexcept {
    return on_ && !is_operational(e.message->topic);
}

void operational_events::note(std::string_view topic, const endpoint_target& t, std::string data) {
    error_code ec;
    event e(topic, "/tidings/webhook", data, "application/json");
    e.subject(t.subject());
    auto made = publication::make(topic, std::move(e), {}, ec);
    if (made) noted_.push_back(std::move(made));
}

void operational_events::note_attempt(const endpoint_target& t, const store::outbox_entry& e,
                                      const attempt& a, std::string_view cause,
                                      io::system_time now) {
    const bool success = a.result == verdict::success;
    if (!are_about(e) || (success && !successes_)) return;
    auto data = a.events == 1 ? about(t, e) : about(t).add("webhook_id", id_of(e));
    if (a.events != 1) data.add("events", static_cast<std::uint32_t>(a.events));
    data.add("attempt", a.number);
    if (a.status != 0) data.add("status", a.status);
    data.add("error", a.error);
    if (cause != a.error.message()) data.add_any("cause", cause);
    if (!a.phase.empty()) data.add("phase", a.phase);
    if (!success && a.next) {
        const auto next = std::chrono::floor<std::chrono::microseconds>(now + *a.next);
        data.add("next_attempt", format_timestamp(next));
    }
    note(success ? "tidings.webhook.attempt.succeeded" : "tidings.webhook.attempt.failed", t,
         data.end());
}

void operational_events::note_exhausted(const endpoint_target& t, const store::outbox_entry& e,
                                        std::uint32_t attempts, unsigned status, error_code why) {
    if (!are_about(e)) return;
    auto data = about(t, e);
    data.add("attempt", attempts);
    if (status != 0) data.add("status", status);
    note("tidings.webhook.exhausted", t, data.add("reason", why).end());
}

void operational_events::note_change(const endpoint_target& t, const endpoint_change& c) {
    if (!on_) return;
    if (c.what == endpoint_change::kind::recovered)
        note("tidings.webhook.endpoint.recovered", t, about(t).end());
    if (c.what == endpoint_change::kind::disabled)
        note("tidings.webhook.endpoint.disabled", t,
             about(t).add("reason", c.reason).add("text", c.text).end());
}

void operational_events::note_gone(const endpoint_target& t, unsigned status) {
    if (!on_) return;
    auto data = about(t).add("reason", make_error_code(errc::webhook_gone));
    note("tidings.webhook.endpoint.disabled", t, data.add("status", status).end());
}

error_code operational_events::publish(const event_ptr& e) {
    const auto bus = bus_.lock();
    return bus ? bus->publish_own(e).error : make_error_code(errc::closed);
}

}  // namespace tidings::webhook::detail
