// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/webhook/impl/receiver_state.hpp>
#include <tidings/webhook/impl/standard_reader.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

http::response taken(std::size_t accepted, std::size_t duplicates) {
    return {202,
            {{"Content-Type", "application/json"}},
            "{\"accepted\":" + std::to_string(accepted) +
                ",\"duplicates\":" + std::to_string(duplicates) + '}'};
}

bool is_json_batch(const http::fields& f) noexcept {
    const auto type = f.get("content-type");
    if (!starts_with_ignoring_case(type, cloudevents_batch_type)) return false;
    return type.size() == cloudevents_batch_type.size() ||
           std::string_view("; \t").find(type[cloudevents_batch_type.size()]) !=
               std::string_view::npos;
}

}  // namespace

batch_acceptance::batch_acceptance(std::shared_ptr<receiver_state> r, http::exchange x,
                                   claimed_ids whole, std::vector<claimed_ids> each,
                                   std::shared_ptr<void> among)
    : receiver(std::move(r)),
      home(x.lane()),
      exchange(std::move(x)),
      ids(std::move(whole)),
      of_event(std::move(each)),
      place(std::move(among)),
      waiting(of_event.size()),
      deadline([this] { receiver->on_late(*this); }) {
    exchange.request() = {};  // it was read
    deadline.arm(home->timers(), receiver->accept_timeout());
}

std::vector<event_ptr> receiver_state::read_batch(const http::request& r, const user_parts& with,
                                                  error_code& ec) const {
    std::vector<event_ptr> events;
    if (max_batch_events_ == 0 || !is_json_batch(r.fields)) ec = errc::event_bad_content_type;
    if (!ec) ec = check_json_array(r.body);
    if (!ec && json_elements(r.body, max_batch_events_ + 1).size() > max_batch_events_)
        ec = errc::too_large;
    if (ec) return events;
    for (auto& e : parse_cloudevents_batch(r.body, ec)) {
        // A rule for topics is code of the user's.
        const bool returned = guard([&] {
            events.push_back(make_event(standard_reader::event_of(std::move(e)), with, ec));
        });
        if (!returned) ec = errc::callback_threw;
        if (!ec && is_closed()) ec = errc::closed;
        if (ec) break;
    }
    return events;
}

void receiver_state::handle_batch(http::exchange& x, const user_parts& with,
                                  const standard_reader& reader, const std::string& attempt_id) {
    // What a signature does not cover proves nothing.
    const auto name = reader.options().header_prefix + "id";
    const auto id = with.verifier ? std::string(x.request().fields.get(name)) : std::string();
    claimed_ids batch(shared_from_this(), with.ids);
    const auto seen = id.empty() ? recent_ids::seen::fresh : batch.claim("batch\n" + id);
    if (seen == recent_ids::seen::pending)
        return x.respond(retry_later("the same batch is being accepted right now"));
    if (seen == recent_ids::seen::known) {
        count("repeated");
        return x.respond({202, {{"Content-Type", "application/json"}}, R"({"duplicate":true})"});
    }
    error_code ec;
    const auto events = read_batch(x.request(), with, ec);
    if (ec == errc::closed) return x.respond(closed());
    if (ec == errc::out_of_memory) return x.respond(retry_later(ec.message()));
    if (!ec) return accept_batch(std::move(x), with, events, std::move(batch), attempt_id);
    count("malformed");
    const bool large = ec == errc::too_large;
    const bool foreign = ec == errc::event_bad_content_type;
    x.respond(http::problem(large     ? 413
                            : foreign ? 415
                                      : 400,
                            large ? "Too many events" : "Not a batch of events", ec.message()));
}

void receiver_state::accept_batch(http::exchange x, const user_parts& with,
                                  const std::vector<event_ptr>& events, claimed_ids batch,
                                  const std::string& attempt_id) {
    std::vector<event_ptr> fresh;
    std::vector<claimed_ids> ids;
    std::set<std::string> keys;
    bool pending = false;
    for (const auto& e : events) {
        auto key = key_of(*e);
        if (keys.contains(key)) continue;  // twice in the batch
        claimed_ids id(shared_from_this(), with.ids);
        const auto seen = id.claim(key);
        keys.insert(std::move(key));
        pending = pending || seen == recent_ids::seen::pending;
        if (seen != recent_ids::seen::fresh && seen != recent_ids::seen::again) continue;
        fresh.push_back(e);
        ids.push_back(std::move(id));
    }
    if (fresh.empty() && pending)
        return x.respond(retry_later("the same events are being accepted right now"));
    if (fresh.empty()) {
        count("repeated");
        batch.accept();
        return x.respond(taken(0, events.size()));
    }
    if (!attempt_id.empty() && batch.claim("attempt\n" + attempt_id) != recent_ids::seen::fresh) {
        count("replayed");
        log("signature used before", {});
        return x.respond(http::problem(401, "Signature refused", "it came with other events"));
    }
    const auto asked = fresh.size();
    const auto wait = hold_to_rate(fresh, ids, x.environment().clock->now());
    if (fresh.empty()) return x.respond(over_rate(wait));
    std::size_t bytes = 0;
    for (const auto& e : fresh) bytes += e->footprint();
    auto place = accepting_->enter(bytes, fresh.size());
    if (!place) return x.respond(busy());
    const auto lane = x.lane();
    const auto b = lane->make_resident<batch_acceptance>(
        shared_from_this(), std::move(x), std::move(batch), std::move(ids), std::move(place));
    b->repeated = events.size() - asked;
    // What is accepted for another request may still be refused there.
    if (pending) b->refused = errc::timed_out;
    if (wait.count() != 0) b->refused = errc::rate_limited;
    ask_for_batch(b, with, fresh);
}

// What is over the rate of its source is not taken, and comes again with the batch: with each
// repetition as much more is taken as there is room for.
std::chrono::milliseconds receiver_state::hold_to_rate(std::vector<event_ptr>& fresh,
                                                       std::vector<claimed_ids>& ids,
                                                       io::steady_time now) {
    std::chrono::milliseconds longest(0);
    std::vector<event_ptr> kept;
    std::vector<claimed_ids> ids_of_kept;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
        const auto wait = rate_.take(std::string(fresh[i]->source()), now);
        longest = std::max(longest, wait);
        if (wait.count() != 0) continue;
        kept.push_back(std::move(fresh[i]));
        ids_of_kept.push_back(std::move(ids[i]));
    }
    fresh = std::move(kept);
    ids = std::move(ids_of_kept);  // the others are forgotten
    return longest;
}

http::response receiver_state::over_rate(std::chrono::milliseconds wait) const {
    count("limited");
    auto r = http::problem(429, "Too many events", "this is more than the rate of its source");
    const auto after = std::chrono::ceil<std::chrono::seconds>(wait);
    r.fields.set("Retry-After", std::to_string(after.count()));
    return r;
}

void receiver_state::ask_for_batch(const std::shared_ptr<batch_acceptance>& b,
                                   const user_parts& with, const std::vector<event_ptr>& events) {
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (is_closed()) return b->exchange.respond(closed());
        error_code ec;
        const auto e = with_note(events[i], b->of_event[i], ec);
        if (ec) return b->exchange.respond(retry_later(ec.message()));
        auto on_answer = b->home->bind(
            [b, i](error_code why, outcome o) { b->receiver->conclude(b, i, why, o); });
        if (guard([&] { with.sink->async_deliver(e, std::move(on_answer)); })) continue;
        // With its handler it has dropped the question.
        count("refused");
        return b->exchange.respond(retry_later("the subscriber failed"));
    }
}

void receiver_state::conclude(const std::shared_ptr<batch_acceptance>& b, std::size_t which,
                              error_code ec, outcome o) {
    auto& ids = b->of_event[which];
    if (ids.is_stored() || (!ec && o != outcome::dropped && o != outcome::closed))
        return keep(b->home, {b, &ids}, [keep = shared_from_this(), b] {
            keep->count("accepted");
            keep->leave(b);
        });
    claimed_ids(std::move(ids));  // forgotten
    count("refused");
    b->refused = ec ? ec : make_error_code(errc::overflow);
    leave(b);
}

// All or none: of what is repeated the events that were taken are known.
void receiver_state::leave(const std::shared_ptr<batch_acceptance>& b) {
    if (--b->waiting != 0) return;
    b->deadline.cancel();
    b->place.reset();
    if (b->refused) {
        claimed_ids(std::move(b->ids));  // forgotten before the peer can ask again
        return b->exchange.respond(retry_later(b->refused.message()));
    }
    keep(b->home, {b, &b->ids},
         [b] { b->exchange.respond(taken(b->of_event.size(), b->repeated)); });
}

void receiver_state::on_late(batch_acceptance& b) {
    count("late");
    log("not accepted in time", errc::timed_out);
    b.exchange.respond(retry_later("the events were not accepted in time"));
}

}  // namespace tidings::webhook::detail
