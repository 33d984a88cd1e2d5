// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/resource_name.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/rest_hook/impl/table_request.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/make_secret.hpp>

#include <charconv>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

http::response json_answer(unsigned status, std::string body) {
    return {status,
            {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
            std::move(body)};
}

http::response not_there() {
    return http::problem(404, "Not found", make_error_code(errc::not_found).message());
}

http::response wrong_method(std::string_view allowed) {
    auto r = http::problem(405, "Method not allowed", allowed);
    r.fields.set("Allow", allowed);
    return r;
}

// Where the collection stands: what the request's path has before the suffix.
std::string collection_path(const http::exchange& x) {
    const auto path = x.request().path();
    return std::string(path.substr(0, path.size() - x.suffix().size()));
}

std::string principal_name(const principal& who) {
    return who.anonymous ? "" : who.name;
}

struct page_request {
    std::size_t max = 0;
    std::string after{};
};

bool read_page(const http::query_parameters& query, std::size_t most, page_request& out) {
    for (const auto& [name, value] : query) {
        if (name == "after") out.after = value;
        if (name != "limit") continue;
        const char* const stop = value.data() + value.size();
        const auto [end, ec] = std::from_chars(value.data(), stop, out.max);
        if (ec == std::errc::result_out_of_range) out.max = most;
        if ((ec != std::errc() && ec != std::errc::result_out_of_range) || end != stop ||
            out.max == 0)
            return false;
        out.max = std::min(out.max, most);
    }
    return true;
}

}  // namespace

manager_state::manager_state(std::shared_ptr<bus_state> b,
                             std::shared_ptr<webhook::detail::sender_state> s,
                             manager_options options)
    : options_(std::make_shared<const manager_options>(std::move(options))),
      access_({.authenticator = options_->authenticator,
               .authorizer = options_->authorizer,
               .allowed_origins = options_->allowed_origins,
               .auth_timeout = options_->auth_timeout,
               .max_pending_auth = options_->max_pending_auth,
               .log = options_->log}),
      sender_(s),
      hooks_(std::make_shared<hook_list>(std::move(b), std::move(s), options_)) {}

// Rises with time, so that the order of ids is that of age.
std::string manager_state::make_id(io::system_time now) const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    auto time = static_cast<std::uint64_t>(ms.count());
    std::string bytes(14, '\0');
    options_->environment.random->fill(
        std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    for (std::size_t i = 6; i-- > 0; time >>= 8) bytes[i] = static_cast<char>(time & 0xff);
    return "hook_" + hex_encode(bytes);
}

void manager_state::close() noexcept {
    access_.refuse_pending();
    hooks_->close();
}

void manager_state::admit(http::exchange& x) const {
    access_.admit(x, methods);
}

void manager_state::handle(http::exchange& x) {
    access_.handle(x, methods,
                   [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

void manager_state::serve(http::exchange& x) {
    http::stream_request caller;
    if (auto refused = http::read_stream_caller(x, caller)) return x.respond(std::move(*refused));
    // A service cannot see where its server listens: the request tells.
    if (!options_->authorizer && !http::is_local(x))
        return x.respond(http::problem(403, "Not granted",
                                       "beyond this machine, subscriptions are managed only where "
                                       "the server's program has set an authorizer"));
    http::permit(x, access_.state(),
                 {.principal = caller.principal, .action = action::manage, .topics = {""}},
                 [self = shared_from_this(), caller](http::exchange& here, const auto&) {
                     self->serve_granted(here, caller);
                 });
}

void manager_state::serve_granted(http::exchange& x, const http::stream_request& caller) {
    if (auto refused = check_phase()) return x.respond(std::move(*refused));
    error_code ec;
    const auto name = http::detail::resource_name(x, ec);
    if (ec) return x.respond(http::problem(400, "Bad path", ec.message()));

    const auto& method = x.request().method;
    const bool reads = method == "GET" || method == "HEAD";
    const auto& who = caller.principal;
    if (name.empty()) {
        if (method == "POST") return create(x, who);
        if (reads) return list(x, caller);
        return x.respond(wrong_method("GET, HEAD, POST"));
    }
    if (method == "DELETE") return remove(x, who, name);
    if (reads) return show(x, who, name);
    x.respond(wrong_method("GET, HEAD, DELETE"));
}

std::optional<http::response> manager_state::check_phase() const {
    const auto phase = hooks_->now();
    if (phase == hook_list::phase::closed)
        return try_again(make_error_code(errc::closed).message());
    if (phase == hook_list::phase::loading) return try_again("the subscriptions are being loaded");
    return std::nullopt;
}

std::optional<http::response> manager_state::check_target(const std::string& url) const {
    const auto ec = sender_->check_target(url);
    if (!ec) return std::nullopt;
    return http::problem(
        422, bad_target_title,
        make_error_code(errc::hook_bad_target).message() + ": " +
            (ec == errc::address_refused ? "its port or address is not one that may be called"
                                         : ec.message()));
}

void manager_state::create(http::exchange& x, const principal& who) {
    hook_record h;
    if (auto refused = read_hook(x.request(), options_->max_body_bytes, h))
        return x.respond(std::move(*refused));
    if (auto refused = check_target(h.target_url)) return x.respond(std::move(*refused));
    http::permit(x, access_.state(), {.principal = who, .topics = {h.event}},
                 [self = shared_from_this(), who, h](
                     http::exchange& here, const http::detail::expiry_time& until) mutable {
                     if (until)
                         h.expires_at =
                             format_timestamp(std::chrono::floor<event_time::duration>(*until));
                     self->create_granted(here, who, std::move(h));
                 });
}

void manager_state::create_granted(http::exchange& x, const principal& who, hook_record h) {
    if (auto refused = check_phase()) return x.respond(std::move(*refused));
    const auto now = x.environment().clock->wall_now();
    h.id = make_id(now);
    h.created_at = format_timestamp(std::chrono::floor<event_time::duration>(now));
    h.owner = principal_name(who);
    const bool made = h.secret.empty();
    if (made) h.secret = webhook::make_secret(*options_->environment.random);
    if (auto refused = reserve(h)) return x.respond(std::move(*refused));

    const auto lane = x.lane();
    auto value = to_row_value(h);
    // After a timeout the reservation is dropped, so that the client can repeat the request.
    const auto waiting = lane->make_resident<table_request>(
        std::move(x), options_->table_timeout, [weak = std::weak_ptr(hooks_), id = h.id] {
            if (const auto hooks = weak.lock()) hooks->drop(id);
        });
    auto on_done = lane_handler<std::uint64_t>(
        lane, errc::store_failed,
        [self = shared_from_this(), waiting, h, made](error_code ec, std::uint64_t revision) {
            waiting->deadline.cancel();
            self->on_put(std::move(waiting->exchange), h, made, revision, ec);
        });
    guarded(options_->log, "rest_hook",
            [&] { hooks_->table().start_put(h.id, std::move(value), 0, std::move(on_done)); });
}

std::optional<http::response> manager_state::reserve(const hook_record& h) {
    using result = hook_list::reservation::result;
    const auto made = hooks_->reserve(h);
    switch (made.what) {
        case result::made:
            return std::nullopt;
        case result::same_exists:
            return http::problem(409, "Subscribed already",
                                 "the target has the same subscription, " + made.existing);
        case result::list_full:
            return http::problem(429, "Too many subscriptions", "no more are taken");
        case result::owner_full:
            break;
    }
    return http::problem(429, "Too many subscriptions",
                         "at most " + std::to_string(options_->max_hooks_per_principal) +
                             " of yours are taken; delete some");
}

void manager_state::on_put(http::exchange x, const hook_record& h, bool show_secret,
                           std::uint64_t revision, error_code ec) {
    // Answered 503 already: the client repeats the request, and will not know of this one.
    if (!x && ec != errc::store_conflict) return hooks_->erase_later(h.id);
    if (ec) {
        hooks_->drop(h.id);
        if (options_->log && hooks_->now() != hook_list::phase::closed)
            options_->log(
                {log_level::error, "rest_hook", "a subscription could not be stored", ec});
        // The answer may be all that was lost: the client repeats the request, and will not know of
        // this one.
        if (ec != errc::store_conflict) hooks_->erase_later(h.id);
        return x.respond(ec == errc::store_conflict ? http::problem(409, "Conflict", ec.message())
                                                    : try_again(ec.message()));
    }
    ec = hooks_->serve(h, revision);
    if (ec) {
        hooks_->erase_later(h.id);
        return x.respond(try_again("subscribing failed: " + ec.message()));
    }
    auto answer = json_answer(201, to_json(h, true, show_secret));
    answer.fields.set("Location", collection_path(x) + '/' + h.id);
    x.respond(std::move(answer));
}

void manager_state::show(http::exchange& x, const principal& who, const std::string& id) const {
    auto body = hooks_->show(principal_name(who), id);
    x.respond(body ? json_answer(200, std::move(*body)) : not_there());
}

void manager_state::list(http::exchange& x, const http::stream_request& caller) const {
    page_request page{.max = std::min<std::size_t>(100, options_->max_page)};
    if (!read_page(caller.query, options_->max_page, page))
        return x.respond(http::problem(400, "Bad query", "limit is a number from 1"));
    const auto found = hooks_->list(principal_name(caller.principal), page.after, page.max);
    auto answer = json_answer(200, '[' + found.items + ']');
    if (found.more)
        answer.fields.set("Link", '<' + collection_path(x) + "?limit=" + std::to_string(page.max) +
                                      "&after=" + found.last + ">; rel=\"next\"");
    x.respond(std::move(answer));
}

void manager_state::remove(http::exchange& x, const principal& who, const std::string& id) {
    if (!hooks_->holds(principal_name(who), id)) return x.respond(not_there());
    const auto lane = x.lane();
    const auto waiting =
        lane->make_resident<table_request>(std::move(x), options_->table_timeout, nullptr);
    auto on_done = lane_handler<>(
        lane, errc::store_failed, [self = shared_from_this(), waiting, id](error_code ec) {
            waiting->deadline.cancel();
            auto& held = waiting->exchange;
            if (ec && ec != errc::not_found) return held.respond(try_again(ec.message()));
            self->hooks_->drop(id);
            held.respond(ec ? not_there() : http::response{.status = 204});
        });
    guarded(options_->log, "rest_hook",
            [&] { hooks_->table().start_erase(id, 0, std::move(on_done)); });
}

}  // namespace tidings::rest_hook::detail
