// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/webhook/impl/receiver_state.hpp>
#include <tidings/webhook/impl/standard_reader.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t max_sources = 4096;  // with a rate of their own
constexpr std::string_view secret_name = "x-hook-secret";

http::response retry_later(std::string_view why) {
    auto r = http::problem(503, "Not accepted", why);
    r.fields.set("Retry-After", "1");
    return r;
}

http::response busy() {
    return retry_later("too many events are being accepted right now");
}

http::response closed() {
    return http::problem(503, "Closed", make_error_code(errc::closed).message());
}

// What travels beside an event stands in its extensions once a reader has made it. A hop count that
// is not a number was not written by this library and counts as 0; one beyond an int32 counts as
// the largest of these, so that adding to it does not wrap.
unsigned hops_of(const event& e) noexcept {
    const auto* value = e.extension("hops");
    if (value == nullptr) return 0;
    if (const auto* number = std::get_if<std::int32_t>(value))
        return *number < 0 ? 0 : static_cast<unsigned>(*number);
    constexpr unsigned most = std::numeric_limits<std::int32_t>::max();
    unsigned hops = 0;
    if (const auto* text = std::get_if<std::string>(value)) {
        const auto ec = std::from_chars(text->data(), text->data() + text->size(), hops).ec;
        if (ec == std::errc::result_out_of_range) return most;
    }
    return std::min(hops, most);
}

/// The event with a note of its ids, for a history that keeps both together.
/// @error as `publication::make` @throws std::bad_alloc
event_ptr with_note(const event_ptr& e, const claimed_ids& ids, error_code& ec) {
    auto note = ids.kept() ? ids.kept()->note(ids.stored_keys()) : nullptr;
    if (!note) return e;
    auto info = e->info();
    info.remote = new remote_origin({}, 0, std::move(note));
    return publication::make(e->topic(), e, std::move(info), ec);
}

// A repetition of an event is known by.
std::string key_of(const publication& p) {
    return std::string("id\n").append(p.source()).append(1, '\n').append(p.id());
}

}  // namespace

claimed_ids::~claimed_ids() {
    if (receiver_) receiver_->seen().forget(keys_);
}

// An id that is not fresh is another's.
recent_ids::seen claimed_ids::claim(std::string_view id) {
    auto& all = receiver_->seen();
    recent_ids::result ignored;
    if (kept_) stored_keys_.push_back(kept_->key_of(id));
    keys_.push_back(all.key_of(id));
    const std::span last(&keys_.back(), 1);
    try {
        auto seen = all.begin(last, ignored);
        // What is accepted is stored before it is forgotten here: it is seen in one of the two.
        if (seen == recent_ids::seen::fresh && kept_ && kept_->contains(stored_keys_.back())) {
            all.forget(last);
            seen = recent_ids::seen::known;
        }
        if (seen != recent_ids::seen::fresh) keys_.pop_back();
        return seen;
    } catch (...) {
        keys_.pop_back();
        throw;
    }
}

bool claimed_ids::is_stored() const noexcept {
    const auto& all = stored_keys_;
    return kept_ && std::all_of(all.begin(), all.end(),
                                [this](const auto& k) { return kept_->contains(k); });
}

void claimed_ids::accept() {
    receiver_->seen().accept(keys_);
    keys_.clear();
}

acceptance::acceptance(std::shared_ptr<receiver_state> r, http::exchange x, claimed_ids known_as,
                       std::shared_ptr<void> among)
    : receiver(std::move(r)),
      home(x.lane()),
      exchange(std::move(x)),
      ids(std::move(known_as)),
      place(std::move(among)),
      deadline([this] { receiver->on_late(*this); }) {
    exchange.request() = {};  // it was read
    deadline.arm(home->timers(), receiver->accept_timeout());
}

receiver_state::receiver_state(std::shared_ptr<subscriber> sink, receiver_options o)
    : signed_(o.verifier != nullptr),
      answers_challenges_(static_cast<bool>(o.challenge)),
      consent_{std::move(o.webhook_origins), o.webhook_rate},
      max_body_bytes_(o.max_body_bytes),
      max_batch_events_(o.max_batch_events),
      accept_timeout_(o.accept_timeout),
      accepting_(std::make_shared<outstanding>(o.max_accepting, o.max_accepting_bytes)),
      rate_(o.source_rate.per_second, static_cast<double>(o.source_rate.burst), max_sources),
      parts_(std::make_shared<const user_parts>(user_parts{
          std::move(sink), std::move(o.verifier), o.reader ? std::move(o.reader) : read_standard(),
          std::move(o.challenge), std::move(o.intent),
          inlet(std::move(o.topic), o.origin != 0 ? o.origin : make_origin()), std::move(o.log),
          std::move(o.metrics), std::move(o.ids)})),
      seen_(o.max_remembered_bytes) {}

void receiver_state::close() noexcept {
    parts released;  // outside the mutex: it may own anything
    const std::lock_guard lock(mutex_);
    released.swap(parts_);
}

receiver_state::parts receiver_state::open_parts() const {
    const std::lock_guard lock(mutex_);
    return parts_;
}

void receiver_state::log(std::string_view message, error_code ec) const {
    if (const auto to = open_parts(); to && to->log)
        to->log({log_level::warning, "webhook", message, ec});
}

template <class F>
bool receiver_state::guard(F f) const noexcept {
    try {
        f();
        return true;
    } catch (...) {
        if (const auto to = open_parts()) report_exception(to->log, "webhook");
        return false;
    }
}

void receiver_state::count(std::string_view result) const {
    if (const auto to = open_parts(); to && to->metrics)
        to->metrics->count("webhooks_received", {{"result", result}}, 1);
}

// The signature is of the body: no caller is known by the header.
bool receiver_state::admit(http::exchange& x) const {
    if (signed_) x.accept_any_host();
    if (x.request().method == "POST") {
        if (!accepting_->full()) return true;
        x.respond(busy());
        return false;
    }
    const auto& method = x.request().method;
    if (method == "GET" && answers_challenges_) return true;
    if (method == "OPTIONS" && !consent_.origins.empty())
        x.respond(consent_.answer(x.request()));
    else
        refuse_method(x);
    return false;
}

void receiver_state::refuse_method(http::exchange& x) const {
    auto refused = http::problem(405, "Method not allowed", "webhooks are posted");
    std::string allowed = "POST";
    if (answers_challenges_) allowed += ", GET";
    if (!consent_.origins.empty()) allowed += ", OPTIONS";
    refused.fields.set("Allow", allowed);
    x.respond(std::move(refused));
}

void receiver_state::handle(http::exchange& x) {
    if (!admit(x)) return;
    const auto& r = x.request();
    if (r.body.size() > max_body_bytes_)
        return x.respond(
            http::problem(413, "Too large", make_error_code(errc::too_large).message()));
    // Each callback may close the receiver: the next one is not called then.
    const auto keep = shared_from_this();
    const auto with = open_parts();
    if (!with) return x.respond(closed());
    const bool posted = r.method == "POST";
    if (posted && with->intent && r.fields.count(secret_name) == 1) return answer_intent(x, *with);
    std::string attempt_id;
    if (posted && with->verifier && !verify(x, *with, attempt_id)) return;
    if (is_closed()) return x.respond(closed());
    if (with->challenge && answer_challenge(x, *with)) return;
    if (!posted) return refuse_method(x);
    if (is_closed()) return x.respond(closed());
    if (const auto* reader = with->reader.target<standard_reader>();
        reader != nullptr && content_mode_of(r.fields) == content_mode::batch)
        return handle_batch(x, *with, *reader, attempt_id);
    error_code ec;
    const auto e = read(r, *with, ec);
    if (is_closed()) return x.respond(closed());
    if (ec == errc::out_of_memory) return x.respond(retry_later(ec.message()));
    if (!e) {
        count("malformed");
        return x.respond(http::problem(400, "Not an event", ec.message()));
    }
    accept(std::move(x), *with, e, std::move(attempt_id));
}

// False when the request was answered.
bool receiver_state::verify(http::exchange& x, const user_parts& with, std::string& attempt_id) {
    const auto& r = x.request();
    const auto find = [&r](std::string_view name) {
        if (name == ":path") return std::optional<std::string_view>(r.target);
        return r.fields.count(name) == 1 ? r.fields.find(name) : std::nullopt;
    };
    const auto now = x.environment().clock->wall_now();
    if (const auto ec = with.verifier->verify(find, r.body, now)) {
        count("unverified");
        log("signature refused", ec);
        x.respond(http::problem(401, "Signature refused", ec.message()));
        return false;
    }
    if (guard([&] { attempt_id = with.verifier->attempt_id(find); })) return true;
    x.respond(retry_later("the signature could not be read"));
    return false;
}

// True when the request was answered.
bool receiver_state::answer_challenge(http::exchange& x, const user_parts& with) const {
    std::optional<http::response> answer;
    const bool returned = guard([&] { answer = with.challenge(x.request()); });
    if (!returned) answer = retry_later("the challenge could not be answered");
    if (!answer) return false;
    count("challenge");
    x.respond(*std::move(answer));
    return true;
}

void receiver_state::answer_intent(http::exchange& x, const user_parts& with) const {
    bool wanted = false;
    if (!guard([&] { wanted = with.intent(x.request()); }))
        return x.respond(retry_later("the question could not be answered"));
    count("intent");
    if (!wanted)
        return x.respond(http::problem(404, "Not wanted", "the subscription is not wanted"));
    const std::string secret(x.request().fields.get(secret_name));
    x.respond({200, {{"X-Hook-Secret", secret}}, {}});
}

event_ptr receiver_state::read(const http::request& r, const user_parts& with,
                               error_code& ec) const {
    event e("", "");
    const bool returned = guard([&] {
        try {
            e = with.reader(r, ec);
        } catch (const std::bad_alloc&) {
            ec = errc::out_of_memory;
        }
    });
    if (!returned) ec = errc::callback_threw;
    if (!ec && is_closed()) ec = errc::closed;
    return ec ? event_ptr() : make_event(std::move(e), with, ec);
}

event_ptr receiver_state::make_event(event read, const user_parts& with, error_code& ec) {
    wire_event e{.event = std::move(read)};
    if (const auto* topic = e.event.extension("topic"); topic != nullptr)
        if (const auto* text = std::get_if<std::string>(topic)) e.topic = *text;
    e.hops = hops_of(e.event);
    e.event.remove_extension("topic").remove_extension("hops");
    const auto topic = with.in.topic_of(e, ec);
    return ec ? event_ptr() : with.in.make(topic, std::move(e), ec);
}

void receiver_state::accept(http::exchange x, const user_parts& with, const event_ptr& came,
                            std::string attempt_id) {
    claimed_ids ids(shared_from_this(), with.ids);
    const auto seen = ids.claim(key_of(*came));
    // Whether the first delivery will be accepted is not known yet: nothing is promised.
    if (seen == recent_ids::seen::pending)
        return x.respond(retry_later("the same event is being accepted right now"));
    if (seen == recent_ids::seen::known) {
        count("repeated");
        return x.respond({202, {{"Content-Type", "application/json"}}, R"({"duplicate":true})"});
    }
    // Not 2xx: two events of one id in one second may be honest, and the next attempt is another.
    if (!attempt_id.empty() && ids.claim("attempt\n" + attempt_id) != recent_ids::seen::fresh) {
        count("replayed");
        log("signature used before", {});
        return x.respond(http::problem(401, "Signature refused", "it came with another event"));
    }
    const auto wait = rate_.take(std::string(came->source()), x.environment().clock->now());
    if (wait.count() != 0) return x.respond(over_rate(wait));
    error_code ec;
    const auto e = with_note(came, ids, ec);
    if (ec) return x.respond(retry_later(ec.message()));
    auto place = accepting_->enter(e->footprint());
    if (!place) return x.respond(busy());
    const auto lane = x.lane();
    const auto asked = lane->make_resident<acceptance>(shared_from_this(), std::move(x),
                                                       std::move(ids), std::move(place));
    auto on_answer = lane->bind(
        [asked, e](error_code why, outcome o) { asked->receiver->conclude(asked, e, why, o); });
    if (guard([&] { with.sink->async_deliver(e, std::move(on_answer)); })) return;
    // With its handler it has dropped the question, unless it had answered that.
    count("refused");
    asked->exchange.respond(retry_later("the subscriber failed"));
}

// What a history has committed with its ids is taken, whatever became of it behind that.
void receiver_state::conclude(const std::shared_ptr<acceptance>& a, const event_ptr& e,
                              error_code ec, outcome o) {
    a->deadline.cancel();
    const bool stored = a->ids.is_stored();
    if (!stored && (ec || o == outcome::dropped || o == outcome::closed)) {
        a->place.reset();
        claimed_ids(std::move(a->ids));  // forgotten before the peer can ask again
        count("refused");
        const auto why = ec ? ec : make_error_code(errc::overflow);
        return a->exchange.respond(retry_later(why.message()));
    }
    keep(a->home, {a, &a->ids},
         [keep = shared_from_this(), a, e] { keep->answer_accepted(*a, *e); });
}

// Then they are where they belong. `then` in the lane.
void receiver_state::keep(const std::shared_ptr<lane>& home,
                          const std::shared_ptr<claimed_ids>& ids,
                          tidings::unique_function<void()> then) {
    if (!ids->kept()) {
        ids->accept();
        return then();
    }
    if (ids->is_stored()) {
        claimed_ids(std::move(*ids));
        return then();
    }
    auto keys = ids->stored_keys();
    const auto kept = ids->kept();
    auto on_added = lane_handler<>(
        home, errc::store_failed,
        [keep = shared_from_this(), ids, f = std::move(then)](error_code why) mutable {
            if (why) keep->log("the id of an event that was accepted is in memory only", why);
            if (why) ids->accept();
            claimed_ids(std::move(*ids));
            f();
        });
    guard([&] { kept->start_add(std::move(keys), std::move(on_added)); });
}

void receiver_state::answer_accepted(acceptance& a, const publication& e) {
    a.place.reset();
    count("accepted");
    std::string body = R"({"id":)";
    append_json_string(body, e.id());
    body += R"(,"topic":)";
    append_json_string(body, e.topic());
    a.exchange.respond({202, {{"Content-Type", "application/json"}}, body + '}'});
}

void receiver_state::on_late(acceptance& a) {
    count("late");
    log("not accepted in time", errc::timed_out);
    a.exchange.respond(retry_later("the event was not accepted in time"));
}

}  // namespace tidings::webhook::detail
