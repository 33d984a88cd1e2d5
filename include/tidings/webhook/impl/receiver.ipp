// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/receiver.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace tidings::webhook {

namespace detail {

using namespace tidings::detail;

namespace {

http::response retry_later(std::string_view why) {
    auto r = http::problem(503, "Not accepted", why);
    r.fields.set("Retry-After", "1");
    return r;
}

// What travels beside an event stands in its extensions once a reader has made it. A count that is
// none was made by nobody of ours.
unsigned hops_of(const event& e) noexcept {
    const auto* value = e.extension("hops");
    if (value == nullptr) return 0;
    if (const auto* number = std::get_if<std::int32_t>(value))
        return *number < 0 ? 0 : static_cast<unsigned>(*number);
    unsigned hops = 0;
    if (const auto* text = std::get_if<std::string>(value))
        std::from_chars(text->data(), text->data() + text->size(), hops);
    return hops;
}

}  // namespace

class receiver_state;

/// An event that the subscriber was asked to take, and who waits for what it says. Owned by the
/// subscriber until then.
struct acceptance {
    acceptance(std::shared_ptr<receiver_state> r, http::exchange x, std::string event_key,
               std::string signature);
    /// A subscriber that drops the question has accepted nothing.
    ~acceptance();

    const std::shared_ptr<receiver_state> receiver;
    http::exchange exchange;  // empty once it was answered
    const std::string key;
    const std::string attempt_id;
    bool concluded = false;
    wheel_timer deadline;
};

class receiver_state final : public std::enable_shared_from_this<receiver_state> {
 public:
    receiver_state(std::shared_ptr<subscriber> sink, receiver_options options)
        : sink_(std::move(sink)),
          options_(std::move(options)),
          inlet_(options_.topic, options_.origin != 0 ? options_.origin : make_origin()),
          seen_(options_.max_remembered_ids),
          used_(options_.max_remembered_ids) {
        if (!options_.reader) options_.reader = read_standard();
    }

    void handle(http::exchange& x);
    /// The subscriber has spoken.
    void conclude(acceptance& a, const event_ptr& e, error_code ec, outcome o);
    /// What was asked may be asked again.
    void forget(const acceptance& a);
    void on_late(acceptance& a);
    const receiver_options& options() const noexcept { return options_; }

 private:
    event_ptr read(const http::request& r, error_code& ec) const;
    void accept(http::exchange x, const event_ptr& e, std::string attempt_id);
    void count(std::string_view result) const noexcept {
        if (options_.metrics) options_.metrics->count("webhooks_received", {{"result", result}}, 1);
    }

    std::shared_ptr<subscriber> sink_;
    receiver_options options_;
    inlet inlet_;
    recent_ids seen_;  // events
    recent_ids used_;  // attempts
};

acceptance::acceptance(std::shared_ptr<receiver_state> r, http::exchange x, std::string event_key,
                       std::string attempt)
    : receiver(std::move(r)),
      exchange(std::move(x)),
      key(std::move(event_key)),
      attempt_id(std::move(attempt)),
      deadline([this] { receiver->on_late(*this); }) {
    deadline.arm(exchange.lane()->timers(), receiver->options().accept_timeout);
}

acceptance::~acceptance() {
    if (!concluded) receiver->forget(*this);
}

void receiver_state::handle(http::exchange& x) {
    const auto& r = x.request();
    if (r.method != "POST") {
        auto refused = http::problem(405, "Method not allowed", "webhooks are posted");
        refused.fields.set("Allow", "POST");
        return x.respond(std::move(refused));
    }
    if (r.body.size() > options_.max_body_bytes)
        return x.respond(
            http::problem(413, "Too large", make_error_code(errc::too_large).message()));
    std::string attempt_id;
    if (options_.verifier) {
        const auto find = [&r](std::string_view name) {
            return r.fields.count(name) == 1 ? r.fields.find(name) : std::nullopt;
        };
        const auto now = x.environment().clock->wall_now();
        if (const auto ec = options_.verifier->verify(find, r.body, now)) {
            count("unverified");
            if (options_.log)
                options_.log({log_level::warning, "webhook", "signature refused", ec});
            return x.respond(http::problem(401, "Signature refused", ec.message()));
        }
        attempt_id = options_.verifier->attempt_id(find);
    }
    error_code ec;
    const auto e = read(r, ec);
    if (!e) {
        count("malformed");
        return x.respond(http::problem(400, "Not an event", ec.message()));
    }
    accept(std::move(x), e, std::move(attempt_id));
}

event_ptr receiver_state::read(const http::request& r, error_code& ec) const {
    wire_event e;
    try {
        e.event = options_.reader(r, ec);
    } catch (...) {
        ec = errc::callback_threw;
    }
    if (ec) return {};
    if (const auto* topic = e.event.extension("topic"); topic != nullptr)
        if (const auto* text = std::get_if<std::string>(topic)) e.topic = *text;
    e.hops = hops_of(e.event);
    e.event.remove_extension("topic").remove_extension("hops");
    const auto topic = inlet_.topic_of(e, ec);
    return ec ? event_ptr() : inlet_.make(topic, std::move(e), ec);
}

void receiver_state::accept(http::exchange x, const event_ptr& e, std::string attempt_id) {
    auto key = e->source() + '\n' + e->id();
    const auto standing = seen_.begin(key);
    // Whether the first delivery will be accepted is not known yet: nothing is promised.
    if (standing == recent_ids::standing::pending)
        return x.respond(retry_later("the same event is being accepted right now"));
    if (standing == recent_ids::standing::known) {
        count("repeated");
        return x.respond({202, {{"Content-Type", "application/json"}}, R"({"duplicate":true})"});
    }
    // Not 2xx: two events of one id in one second may be honest, and the next attempt is another.
    if (!attempt_id.empty() && used_.begin(attempt_id) != recent_ids::standing::fresh) {
        seen_.forget(key);
        count("replayed");
        if (options_.log)
            options_.log({log_level::warning, "webhook", "signature used before", {}});
        return x.respond(http::problem(401, "Signature refused", "it came with another event"));
    }
    const auto lane = x.lane();
    const auto& io = lane->executor();
    const auto asked = lane->make_resident<acceptance>(shared_from_this(), std::move(x),
                                                       std::move(key), std::move(attempt_id));
    sink_->async_deliver(e, net::bind_executor(io, [asked, e](error_code ec, outcome o) {
                             asked->receiver->conclude(*asked, e, ec, o);
                         }));
}

void receiver_state::conclude(acceptance& a, const event_ptr& e, error_code ec, outcome o) {
    a.concluded = true;
    a.deadline.cancel();
    if (ec || o == outcome::dropped || o == outcome::closed) {
        forget(a);
        count("refused");
        const auto why = ec ? ec : make_error_code(errc::overflow);
        return a.exchange.respond(retry_later(why.message()));
    }
    seen_.accept(a.key);
    used_.accept(a.attempt_id);
    count("accepted");
    std::string body = R"({"id":)";
    append_json_string(body, e->id());
    body += R"(,"topic":)";
    append_json_string(body, e->topic());
    a.exchange.respond({202, {{"Content-Type", "application/json"}}, body + '}'});
}

void receiver_state::forget(const acceptance& a) {
    seen_.forget(a.key);
    used_.forget(a.attempt_id);
}

void receiver_state::on_late(acceptance& a) {
    count("late");
    if (options_.log)
        options_.log({log_level::warning, "webhook", "not accepted in time", errc::timed_out});
    a.exchange.respond(retry_later("the event was not accepted in time"));
}

}  // namespace detail

event_reader read_standard(std::string type, std::string source) {
    return [type = std::move(type), source = std::move(source)](const http::request& r,
                                                                error_code& ec) {
        if (content_mode_of(r.fields) != content_mode::none) {
            auto e = read_http_event(r.fields, r.body, ec);
            if (!e.topic.empty()) e.event.extension("topic", e.topic);
            if (e.hops != 0)
                e.event.extension("hops", static_cast<std::int32_t>(std::min(e.hops, 1'000'000U)));
            return std::move(e.event);
        }
        event e(type, source);
        e.id(r.fields.get("webhook-id"));
        e.data(r.body, r.fields.get("content-type"));
        return e;
    };
}

namespace detail {
namespace {

constexpr std::string_view github_type_prefix = "com.github.";

// A member's value if it is a string. @error errc::event_bad_data for a name that stands there
// twice: readers would not agree on what it says.
std::optional<std::string> text_member(
    const std::vector<std::pair<std::string, std::string_view>>& members, std::string_view name,
    error_code& ec) {
    std::optional<std::string> text;
    bool found = false;
    for (const auto& [key, value] : members) {
        if (key != name) continue;
        if (std::exchange(found, true)) ec = errc::event_bad_data;
        if (value.starts_with('"')) text = read_json_string(value);
    }
    return text;
}

}  // namespace
}  // namespace detail

event_reader read_github() {
    return [](const http::request& r, error_code& ec) {
        const auto name = r.fields.get("x-github-event");
        const auto id = r.fields.get("x-github-delivery");
        if (name.empty() || id.empty()) ec = errc::webhook_missing_header;
        if (!ec && !detail::is_json(r.body)) ec = errc::invalid_json;
        std::string type = std::string(detail::github_type_prefix) + topic_token(name);
        std::string source = "https://github.com/";
        if (!ec) {
            const auto members = detail::json_members(r.body);
            const auto action = detail::text_member(members, "action", ec);
            if (action) type += '.' + topic_token(*action);
            std::size_t repositories = 0;
            for (const auto& [key, value] : members) {
                if (key != "repository") continue;
                if (++repositories == 2) ec = errc::event_bad_data;
                source += detail::text_member(detail::json_members(value), "full_name", ec)
                              .value_or(std::string());
            }
        }
        event e(type, source);
        e.id(id);
        e.data(r.body, "application/json");
        return e;
    };
}

topic_rule github_topic() {
    return topic_rule::function([](const event& e) {
        std::string_view tokens = e.type();
        if (!tokens.starts_with(detail::github_type_prefix)) return std::string();
        tokens.remove_prefix(detail::github_type_prefix.size());
        // More than an event and its action were not made by `read_github`.
        if (std::count(tokens.begin(), tokens.end(), '.') > 1) return std::string();
        return "github." + std::string(tokens);
    });
}

receiver::receiver(any_subscriber sink, receiver_options options) {
    if (!options.verifier && !options.allow_unsigned)
        throw std::invalid_argument(
            "tidings::webhook::receiver: receiver_options::verifier is empty, and allow_unsigned "
            "is "
            "not set");
    if (!sink.get()) throw std::invalid_argument("tidings::webhook::receiver: no subscriber");
    state_ =
        std::make_shared<detail::receiver_state>(std::move(sink).release(), std::move(options));
}

void receiver::handle(http::exchange& x) {
    if (state_) return state_->handle(x);
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t receiver::max_body_bytes() const noexcept {
    return state_ ? state_->options().max_body_bytes : 0;
}

}  // namespace tidings::webhook
