// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/detail/json_depth.hpp>
#include <tidings/http/impl/message/content_coding.hpp>
#include <tidings/http/impl/resource_name.hpp>
#include <tidings/http/impl/server/peer_key.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest/impl/service_state.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace tidings::rest::detail {

using namespace tidings::detail;

namespace {

std::string receipt_json(const receipt& r, std::string_view id, bool duplicate) {
    struct count {
        std::string_view name;
        std::size_t number;
    };
    const count counts[] = {{R"(,"matched":)", r.matched},
                            {R"(,"delivered":)", r.delivered},
                            {R"(,"queued":)", r.queued},
                            {R"(,"dropped":)", r.dropped}};
    char text[160];  // the counts
    auto* end = text;
    for (const auto& c : counts) {
        end = std::copy(c.name.begin(), c.name.end(), end);
        end = std::to_chars(end, std::end(text), c.number).ptr;
    }
    std::string out;
    out.reserve(192 + id.size());
    out += R"({"id":)";
    append_json_string(out, id);
    out += R"(,"position":)";
    if (r.position)
        append_json_string(out, r.position->text());
    else
        out += "null";
    out.append(text, static_cast<std::size_t>(end - text));
    if (duplicate) out += R"(,"duplicate":true)";
    out += '}';
    return out;
}

http::response accepted(std::string body) {
    http::response r{.status = 202, .body = std::move(body)};
    r.fields.reserve(4);  // with those of CORS
    r.fields.append("Content-Type", "application/json");
    return r;
}

http::response duplicate_of(const recent_ids::result& first) {
    receipt r;
    r.position = first.position;
    return accepted(receipt_json(r, first.id, true));
}

http::response later(unsigned status, std::string_view title, std::string_view detail = {}) {
    auto r = http::problem(status, title, detail);
    r.fields.set("Retry-After", "1");
    return r;
}

http::response closed_answer() {
    return http::problem(503, "Closed", make_error_code(errc::closed).message());
}

// Why there is nothing to publish.
http::response refusal(error_code ec) {
    if (ec == errc::bad_topic || ec == errc::reserved_topic || ec == errc::foreign_wildcard)
        return http::problem(400, "Bad topic", ec.message());
    if (ec == errc::event_bad_content_type)
        return http::problem(415, "Unsupported media type",
                             "CloudEvents are taken as application/cloudevents+json or in binary "
                             "mode, one event a request");
    return http::problem(400, "Not an event", ec.message());
}

// Why the bus, the history or an outlet that must have the event did not take it.
http::response failure(error_code ec) {
    const auto within = [&](errc first, errc last) {
        return ec.category() == errc_category() && ec.value() >= static_cast<int>(first) &&
               ec.value() <= static_cast<int>(last);
    };
    const bool of_the_event = within(errc::event_without_id, errc::event_reserved_type) ||
                              within(errc::bad_topic, errc::foreign_wildcard) ||
                              ec == errc::hop_limit;
    return of_the_event ? refusal(ec) : later(503, "Not published to everyone", ec.message());
}

// It would end the readers of others, whose pages have it.
bool is_too_deep(std::string_view type, std::string_view body) noexcept {
    return is_json_media_type(type) && is_nested_deeper(body, max_json_depth);
}

http::response too_deep() {
    return http::problem(
        400, "Nested too deep",
        "JSON is nested deeper than " + std::to_string(max_json_depth) + " levels");
}

// Of a body that an event gets as a copy.
constexpr std::size_t max_copied_bytes = 256;

}  // namespace

service_state::service_state(std::shared_ptr<bus_state> bus, service_options options)
    : bus_(std::move(bus)),
      options_(std::move(options)),
      access_(make_access()),
      inlet_({}, make_origin()),
      publications_(
          std::make_shared<publications>(options_.max_remembered_bytes, options_.metrics)),
      rate_(options_.max_publishes_per_second) {}

http::access service_state::make_access() const {
    return http::access({.authenticator = options_.authenticator,
                         .authorizer = options_.authorizer,
                         .allowed_origins = options_.allowed_origins,
                         .auth_timeout = options_.auth_timeout,
                         .max_pending_auth = options_.max_pending_auth,
                         .log = options_.log});
}

void service_state::admit(http::exchange& x) {
    const bool publishes = x.request().method == "POST";
    const bool later = options_.authenticator.is_asynchronous();
    if (!access_.admit(x, methods) && publishes && !later) publications_->count("refused");
}

void service_state::handle(http::exchange& x) {
    if (closed_) return x.respond(closed_answer());
    access_.handle(x, methods,
                   [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

void service_state::serve(http::exchange& x) {
    if (closed_) return x.respond(closed_answer());
    const auto& r = x.request();
    error_code ec;
    const auto name = http::detail::resource_name(x, ec);
    if (ec || name.empty())
        return x.respond(http::problem(
            ec ? 400 : 404, "No topic",
            ec ? http::bad_escape(x.suffix()) : "the path ends in a topic: orders.42.created"));
    if (r.method == "POST") return publish(x, name);
    if (r.method == "GET" || r.method == "HEAD") return read(x, name);
    auto refused = http::problem(405, "Method not allowed", "POST publishes, GET reads");
    refused.fields.set("Allow", "GET, HEAD, OPTIONS, POST");
    x.respond(std::move(refused));
}

or_refusal<void> service_state::check_rate(const http::exchange& x) {
    const auto& who = *x.caller();
    // Behind a proxy on this machine all strangers have its address.
    if (who.anonymous && x.loopback() && !options_.count_loopback) return {};
    const auto name =
        who.anonymous ? '@' + http::detail::peer_key(x.remote_address()) : '=' + who.name;
    if (rate_.take(name, x.environment().clock->now()).count() != 0)
        return later(429, "Too many requests", "this is more than max_publishes_per_second");
    return {};
}

// What is short is copied beside the attributes; more moves.
event service_state::event_of(std::string&& body, std::string_view type) const {
    const auto& o = options_;
    if (body.size() <= max_copied_bytes) return {o.default_type, o.default_source, body, type};
    event e(o.default_type, o.default_source);
    e.data(std::move(body), type);
    return e;
}

// The event has the body then.
or_refusal<wire_event> service_state::read_event(http::request& r, const std::string& key) const {
    error_code ec;
    if (auto packed = http::detail::refuse_packed(r)) return *std::move(packed);
    if (content_mode_of(r.fields) != content_mode::none) {
        auto e = read_http_event(r.fields, std::move(r.body), ec);
        if (ec) return refusal(ec);
        if (is_too_deep(e.event.content_type(), e.event.text())) return too_deep();
        return e;
    }
    auto type = r.fields.get("content-type");
    if (type.empty()) type = "application/octet-stream";
    // `curl -d` names forms whatever it sends.
    if (type == "application/x-www-form-urlencoded" && is_json(r.body)) type = "application/json";
    if (is_json_media_type(type) && !is_json(r.body))
        return http::problem(400, "Invalid JSON",
                             "the body is not the JSON its type says: " + json_fault(r.body));
    if (is_too_deep(type, r.body)) return too_deep();
    wire_event e;
    e.event = event_of(std::move(r.body), type);
    // Of the key, so that a history that outlives this process knows it, too.
    if (!key.empty()) e.event.id(sha256_hex(key).substr(0, 32));
    if ((ec = e.event.check())) return refusal(ec);
    return e;
}

// Refused when the same was published before, or is being published.
or_refusal<void> service_state::find_earlier(const wire_event& e, publication_attempt& a) {
    recent_ids::result first;
    const auto seen = a.begin(first);
    if (seen == recent_ids::seen::pending)
        return later(409, "Conflict", "the same is being published right now");
    if (seen == recent_ids::seen::known) return duplicate_of(first);
    const auto& history = bus_->history();
    if (!history || e.event.id().empty() || seen == recent_ids::seen::again) return {};
    const auto known = history->find(e.event.source(), e.event.id());
    if (!known) return {};
    first = {std::string(e.event.id()), *known};
    a.accept(first);
    return duplicate_of(first);
}

or_refusal<event_ptr> service_state::prepare(http::exchange& x, const std::string& topic,
                                             publication_attempt& a) {
    if (const auto rate = check_rate(x); !rate) return rate.error();
    std::string key(x.request().fields.get("idempotency-key"));
    // Neither a topic nor a field's value holds a line end.
    if (!key.empty()) key = topic + '\n' + key + '\n' + x.caller()->name;
    auto e = read_event(x.request(), key);
    if (!e) return e.error();
    const auto id = e->event.id();
    if (!key.empty()) a.add_id("key\n" + key);
    if (!id.empty())
        a.add_id(std::string("id\n").append(e->event.source()).append(1, '\n').append(id));
    if (const auto earlier = find_earlier(*e, a); !earlier) return earlier.error();
    error_code ec;
    auto p = inlet_.make(topic, std::move(*e), ec);
    if (!p) return refusal(ec);
    return p;
}

void service_state::publish(http::exchange& x, const std::string& topic) {
    publication_attempt a(publications_);
    http::stream_request asked;
    auto refused = http::read_stream_caller(x, asked);
    if (const auto ec = check_topic(topic); ec && !refused) refused = refusal(ec);
    if (refused) return x.respond(std::move(*refused));
    if (a.over(options_.max_publishing))
        return x.respond(later(429, "Too many requests", "max_publishing are under way"));
    if (!options_.authorizer) return publish_granted(x, topic, std::move(a));
    http::permit(
        x, access_.state(),
        {.principal = std::move(asked.principal), .action = action::publish, .topics = {topic}},
        [self = shared_from_this(), topic, a = std::move(a)](http::exchange& here,
                                                             const auto&) mutable {
            self->publish_granted(here, topic, std::move(a));
        });
}

void service_state::publish_granted(http::exchange& x, const std::string& topic,
                                    publication_attempt a) {
    if (closed_) return x.respond(closed_answer());
    auto p = prepare(x, topic, a);
    if (p) return start(x, std::move(*p), std::move(a));
    if (p.error().status == 202) a.count("duplicate");
    x.respond(p.error());
}

publication_wait::publication_wait(http::exchange&& x, publication_attempt&& a,
                                   std::chrono::milliseconds timeout)
    : publish_waiter(x.lane()),
      exchange_(std::move(x)),
      attempt_(std::move(a)),
      deadline_([this] { on_late(); }) {
    if (timeout.count() != 0) deadline_.arm(exchange_.lane()->timers(), timeout);
}

// What becomes of it is noted when it is known: until then the same is not published again.
void publication_wait::on_late() {
    exchange_.respond(later(503, "Not accepted in time",
                            "the event " + std::string(event()->id()) +
                                " may have been accepted: repeated with that id, or with its "
                                "Idempotency-Key, it is not published twice"));
}

void publication_wait::on_receipt(const receipt& r) {
    deadline_.cancel();
    // A repetition would reach the outlets that accepted the event twice, and be refused again by
    // those that refuse it for good.
    const bool final = r.matched != 0 && (r.error == condition::permanent ||  //
                                          r.error == condition::unauthorized);
    if (r.error && !final) {
        attempt_.count("failed");
        return exchange_.respond(failure(r.error));
    }
    attempt_.count("accepted");
    attempt_.accept(event(), r.position);
    exchange_.respond(accepted(receipt_json(r, event()->id(), false)));
}

// Where nothing is left to wait for, the answer is given in this turn, and the connection has the
// memory of the request back.
void service_state::start(http::exchange& x, event_ptr p, publication_attempt&& a) {
    auto* const made = new publication_wait(std::move(x), std::move(a), options_.accept_timeout);
    const auto wait = bus_->start_publish(std::move(p), publish_waiter::owner(made));
    if (!wait) return;
    wait->complete_here();
    x.request() = std::move(made->request());
}

void service_state::read(http::exchange& x, const std::string& pattern) {
    access_.read(x, {pattern},
                 [self = shared_from_this()](http::exchange& here, http::stream_request asked) {
                     self->answer_question(here, std::move(asked));
                 });
}

void service_state::answer_question(http::exchange& x, http::stream_request asked) {
    if (!bus_->history())
        return x.respond(http::problem(404, "No history", "this bus keeps no events to read"));
    auto q = read_question(x.request(), std::move(asked), options_);
    if (!q) return x.respond(q.error());
    if (polls_.size() >= options_.max_waiting)
        return x.respond(later(429, "Too many requests", "max_waiting questions are waiting"));
    answer(std::move(x), std::move(*q));
}

void service_state::answer(http::exchange x, long_poll_options q) {
    const auto lane = x.lane();
    const auto poll = lane->make_resident<long_poll>(bus_, std::move(x), std::move(q));
    poll->keep(polls_.add(poll));
    if (polls_.draining()) return poll->finish_soon();
    poll->start();
}

void service_state::drain() {
    access_.refuse_pending();
    polls_.drain([](long_poll& p) { p.finish_soon(); });
}

void service_state::close() {
    closed_ = true;
    drain();
}

}  // namespace tidings::rest::detail
