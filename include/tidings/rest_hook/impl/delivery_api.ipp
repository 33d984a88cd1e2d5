// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/delivery_api.hpp>
#include <tidings/rest_hook/impl/delivery_view.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view ping_topic = "hook.ping";

// A topic that a pattern matches.
std::string example_of(const std::string& pattern) {
    std::string topic;
    for (const char c : pattern) {
        if (c == '*' || c == '>')
            topic += "test";
        else
            topic += c;
    }
    return topic;
}

/// What a request for a test says.
struct test_event {
    std::string topic{};
    std::string type{};
    std::string data{};  // JSON
};

refusal read_test(std::string_view object, test_event& out) {
    for (const auto& [name, raw] : json_members(object)) {
        auto* const text = name == "topic" ? &out.topic : name == "type" ? &out.type : nullptr;
        if (text == nullptr && name != "data")
            return refused(name, "a test has no " + in_quotes(name));
        if (text == nullptr) {
            out.data = raw;
            continue;
        }
        if (raw == "null") continue;
        if (!raw.starts_with('"')) return malformed(name, in_quotes(name) + " is not a string");
        *text = read_json_string(raw);
    }
    return std::nullopt;
}

refusal read_key(std::string_view name, std::string_view raw, std::uint64_t& out) {
    const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), out);
    if (ec == std::errc() && end == raw.data() + raw.size() && out != 0) return std::nullopt;
    return malformed(name, in_quotes(name) + " is not the number of one");
}

std::string no_time(std::string_view name) {
    return in_quotes(name) + " is not a time of RFC 3339";
}

refusal read_time(std::string_view name, std::string_view raw, store::outbox_time& out) {
    error_code ec = errc::event_bad_time;
    if (raw.starts_with('"')) out = to_system_time(parse_timestamp(read_json_string(raw), ec));
    if (!ec) return std::nullopt;
    return malformed(name, no_time(name));
}

// Of a query; nothing: it says none.
refusal read_query_time(std::string_view name, std::string_view text, store::outbox_time& out) {
    if (text.empty()) return std::nullopt;
    error_code ec;
    out = to_system_time(parse_timestamp(text, ec));
    if (!ec) return std::nullopt;
    return problem_of(name, 400, "Bad query", no_time(name));
}

http::response no_attempt() {
    return http::problem(410, "Gone", "the log has no such attempt, or has it no more");
}

}  // namespace

/// What a request to send again says.
struct delivery_api::wanted {
    refusal read(std::string_view object) {
        for (const auto& [name, raw] : json_members(object)) {
            if (raw == "null") continue;
            refusal no;
            if (name == "attempt") {
                no = read_key(name, raw, attempt);
            } else if (name == "delivery") {
                no = read_key(name, raw, delivery);
            } else if (name == "since") {
                no = read_time(name, raw, since);
            } else if (name == "until") {
                no = read_time(name, raw, until);
            } else if (name == "as_new") {
                if (raw != "true" && raw != "false")
                    return malformed(name, in_quotes(name) + " is not true or false");
                as_new = raw == "true";
            } else {
                return refused(name, "a redelivery has no " + in_quotes(name));
            }
            if (no) return no;
        }
        if (attempt != 0 && delivery != 0)
            return malformed("attempt", "an attempt or a delivery is sent again, not both");
        if (until < since) return malformed("until", R"("until" is before "since")");
        return std::nullopt;
    }

    std::uint64_t attempt = 0, delivery = 0;  // 0: all that failed
    store::outbox_time since = store::outbox_time::min(), until = store::outbox_time::max();
    bool as_new = false;
};

template <class... Values, class F>
auto delivery_api::handler(const call_ptr& c, F f) const {
    const auto waiting = wait_for_store(c, parts_.options->table_timeout);
    return lane_handler<Values...>(
        c->exchange.lane(), errc::store_failed,
        [waiting, f = std::move(f)](error_code ec, Values... values) mutable {
            if (waiting->end()) f(waiting->call, ec, std::move(values)...);
        });
}

template <class Row, class Show, class Place>
auto delivery_api::page_handler(const call_ptr& c, const std::string& path, const api_query& query,
                                Show show, Place place_of) const {
    return handler<std::vector<Row>>(
        c, [path, query, show, place_of](const call_ptr& call, error_code ec,
                                         const std::vector<Row>& found) {
            if (ec) return call->respond(answer_to(ec));
            std::string items;
            const auto shown = std::min(found.size(), query.limit());
            for (std::size_t i = 0; i < shown; ++i) append_element(items, show(*call, found[i]));
            auto r = json_answer(200, '[' + items + ']');
            if (found.size() > shown)
                r.fields.set("Link", query.next(path, place_of(found[shown - 1])));
            call->respond(std::move(r));
        });
}

std::optional<hook_view> delivery_api::find(const call_ptr& c, const std::string& id) const {
    auto found = parts_.hooks->find(c->viewer, id);
    if (!found) c->respond(not_there());
    return found;
}

std::string delivery_api::source_of(const call_ptr& c, const std::string& id) const {
    return c->collection + '/' + http::percent_encode(id);
}

void delivery_api::ping(const call_ptr& c, const std::string& id) {
    const auto v = find(c, id);
    if (!v) return;
    if (auto no = read_nothing(c->exchange.request(), parts_.options->max_body_bytes))
        return c->respond(std::move(*no));
    json_writer data;
    data.add("hook", id).add("target_url", v->record.target_url);
    event e(ping_topic, source_of(c, id));
    e.data(data.end(), "application/json");
    send(c, *v, ping_topic, std::move(e));
}

void delivery_api::test(const call_ptr& c, const std::string& id) {
    const auto v = find(c, id);
    if (!v) return;
    std::string object;
    test_event t;
    if (auto no = read_body(c->exchange.request(), parts_.options->max_body_bytes, object))
        return c->respond(std::move(*no));
    if (auto no = read_test(object, t)) return c->respond(std::move(*no));
    const auto& topics = v->record.topics;
    if (t.data.empty()) {
        if (auto found = parts_.types->sample_for(topics, t.topic)) {
            t.topic = std::move(found->topic);
            t.data = std::move(found->data);
        }
    }
    if (t.topic.empty()) t.topic = example_of(topics.front());
    const auto bad = check_topic(t.topic);
    const bool matches = !bad && std::any_of(topics.begin(), topics.end(), [&](const auto& p) {
        return topic_matches(p, t.topic);
    });
    if (!matches)
        return c->respond(problem_of("topic", 422, bad_event_title,
                                     bad ? bad.message() : "the subscription does not match it"));
    if (t.type.empty()) t.type = t.topic;
    if (t.data.empty()) t.data = json_writer().add("hook", id).end();
    event e(t.type, source_of(c, id));
    e.extension("test", attribute_value(true));
    e.data(std::move(t.data), "application/json");
    send(c, *v, t.topic, std::move(e));
}

// To the one endpoint, and by nothing else than what brings its events.
void delivery_api::send(const call_ptr& c, const hook_view& to, std::string_view topic, event e) {
    std::string bytes(12, '\0');
    parts_.options->environment.random->fill(
        std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    const auto event_id = hex_encode(bytes);
    e.id(event_id).time(std::chrono::floor<event_time::duration>(now()));
    error_code ec;
    const auto made = publication::make(topic, std::move(e), {}, ec);
    if (ec) return c->respond(problem_of("type", 422, bad_member_title, ec.message()));
    if (to.record.websub) return c->respond(of_a_hub());
    const auto& endpoint = to.endpoint;
    if (!endpoint)
        return c->respond(http::problem(409, "Not served",
                                        to.now.state == hook_state::pending
                                            ? "the target has not agreed yet"
                                        : to.now.reason.empty() ? "the subscription is not served"
                                                                : to.now.reason));
    endpoint->start_deliver(
        made,
        handler<outcome>(c,
                         [event_id](const call_ptr& call, error_code failed, outcome) {
                             if (failed) return call->respond(answer_to(failed));
                             call->respond(202, json_writer().add("event", event_id).end());
                         }),
        nullptr);
}

void delivery_api::redeliver(const call_ptr& c, const std::string& id) {
    const auto v = find(c, id);
    if (!v) return;
    std::string object;
    wanted w;
    if (auto no = read_body(c->exchange.request(), parts_.options->max_body_bytes, object))
        return c->respond(std::move(*no));
    if (auto no = w.read(object)) return c->respond(std::move(*no));
    const auto endpoint = endpoint_id_of(v->record);
    w.attempt != 0 ? resend(c, endpoint, w) : redeliver_all(c, endpoint, w);
}

// Another subscription's attempt is none of this one.
template <class F>
void delivery_api::with_attempt(const call_ptr& c, const std::string& endpoint, std::uint64_t key,
                                F f) const {
    using page = std::vector<store::outbox_attempt>;
    auto on_found = handler<page>(
        c, [key, f = std::move(f)](const call_ptr& call, error_code ec, const page& found) mutable {
            if (ec) return call->respond(answer_to(ec));
            if (found.empty() || found.front().key != key) return call->respond(no_attempt());
            f(call, found.front());
        });
    guarded(parts_.options->log, "rest_hook", [&] {
        parts_.sender->outbox()->start_list_attempts(endpoint, key - 1, 1, std::move(on_found));
    });
}

void delivery_api::resend(const call_ptr& c, const std::string& endpoint, const wanted& w) {
    with_attempt(c, endpoint, w.attempt,
                 [self = shared_from_this(), w](const call_ptr& call, const auto&) {
                     auto on_done = [](const call_ptr& last, error_code failed) {
                         if (failed == errc::not_found) return last->respond(no_attempt());
                         if (failed) return last->respond(answer_to(failed));
                         last->respond(202, R"({"count":1})");
                     };
                     self->parts_.sender->resend(w.attempt, w.as_new,
                                                 self->handler<>(call, std::move(on_done)));
                 });
}

void delivery_api::show_attempt(const call_ptr& c, const std::string& id,
                                const std::string& attempt) {
    const auto v = find(c, id);
    if (!v) return;
    std::uint64_t key = 0;
    if (read_key("attempt", attempt, key)) return c->respond(not_there());
    with_attempt(c, endpoint_id_of(v->record), key,
                 [](const call_ptr& call, const store::outbox_attempt& found) {
                     call->respond(200,
                                   to_json(found, call->viewer.all, attempt_view::with_request));
                 });
}

void delivery_api::redeliver_all(const call_ptr& c, const std::string& endpoint, const wanted& w) {
    store::outbox_selection of{.endpoint = endpoint, .since = w.since, .until = w.until};
    if (w.delivery != 0) {
        of.after_key = w.delivery - 1;
        of.last_key = w.delivery;
    }
    const bool one = w.delivery != 0;
    parts_.sender->redeliver(
        std::move(of), w.as_new,
        handler<store::outbox_redelivered>(
            c, [one](const call_ptr& call, error_code ec, const store::outbox_redelivered& r) {
                if (ec) return call->respond(answer_to(ec));
                if (one && r.count == 0) return call->respond(not_there());
                call->respond(202, json_writer().add("count", r.count).end());
            }));
}

void delivery_api::list_deliveries(const call_ptr& c, const std::string& id,
                                   const http::query_parameters& q) {
    static constexpr std::array<std::string_view, 1> names{"state"};
    const auto v = find(c, id);
    if (!v) return;
    api_query query;
    store::outbox_selection of{.endpoint = endpoint_id_of(v->record)};
    if (auto no = query.read(q, names, parts_.options->max_page)) return c->respond(std::move(*no));
    if (auto no = query.number_after(of.after_key)) return c->respond(std::move(*no));
    if (const auto state = query.get("state")) {
        of.state = read_delivery_state(*state);
        if (!of.state)
            return c->respond(problem_of("state", 400, "Bad query",
                                         "state is pending, claimed, stopped or dead"));
    }
    of.max_entries = query.limit() + 1;
    auto on_done = page_handler<store::outbox_listed>(
        c, source_of(c, id) + "/deliveries", query,
        [](const api_call&, const auto& one) { return to_json(one); },
        [](const auto& one) { return std::to_string(one.entry.key); });
    guarded(parts_.options->log, "rest_hook",
            [&] { parts_.sender->outbox()->start_list(std::move(of), std::move(on_done)); });
}

void delivery_api::list_attempts(const call_ptr& c, const std::string& id,
                                 const http::query_parameters& q) {
    const auto v = find(c, id);
    if (!v) return;
    api_query query;
    std::uint64_t after = 0;
    if (auto no = query.read(q, {}, parts_.options->max_page)) return c->respond(std::move(*no));
    if (auto no = query.number_after(after)) return c->respond(std::move(*no));
    auto on_done = page_handler<store::outbox_attempt>(
        c, source_of(c, id) + "/attempts", query,
        [](const api_call& call, const auto& one) { return to_json(one, call.viewer.all); },
        [](const auto& one) { return std::to_string(one.key); });
    guarded(parts_.options->log, "rest_hook", [&] {
        parts_.sender->outbox()->start_list_attempts(endpoint_id_of(v->record), after,
                                                     query.limit() + 1, std::move(on_done));
    });
}

void delivery_api::list_counts(const call_ptr& c, const std::string& id,
                               const http::query_parameters& q) {
    static constexpr std::array<std::string_view, 1> names{"before"};
    const auto v = find(c, id);
    if (!v) return;
    api_query query;
    store::outbox_counts_selection of{.endpoint = endpoint_id_of(v->record)};
    if (auto no = query.read(q, names, parts_.options->max_page)) return c->respond(std::move(*no));
    if (auto no = read_query_time("after", query.after(), of.after))
        return c->respond(std::move(*no));
    if (auto no = read_query_time("before", query.get("before").value_or(""), of.before))
        return c->respond(std::move(*no));
    of.max_minutes = query.limit() + 1;
    auto on_done = page_handler<store::outbox_attempt_counts>(
        c, source_of(c, id) + "/attempt-counts", query,
        [](const api_call&, const auto& one) { return to_json(one); },
        [](const auto& one) { return to_text(one.minute); });
    guarded(parts_.options->log, "rest_hook", [&] {
        parts_.sender->outbox()->start_list_attempt_counts(std::move(of), std::move(on_done));
    });
}

}  // namespace tidings::rest_hook::detail
