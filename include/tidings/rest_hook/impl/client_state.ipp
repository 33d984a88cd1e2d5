// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest_hook/impl/client_state.hpp>
#include <tidings/rest_hook/impl/hook_answer.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

http::client_options http_options(const client_options& o) {
    http::client_options h;
    h.tls = o.tls;
    h.unix_path = o.unix_path;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.environment = o.environment;
    return h;
}

}  // namespace

client_state::client_state(net::any_io_executor executor, client_options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      http_(executor_, http_options(options_)) {}

http::request client_state::make_request(std::string method) const {
    http::request r;
    r.method = std::move(method);
    r.fields = options_.fields;
    if (!options_.token.empty()) r.fields.set("Authorization", "Bearer " + options_.token);
    return r;
}

void client_state::report(const http::response& r, error_code ec) const {
    if (!options_.log) return;
    const auto detail = text_member(r.body, "detail");
    options_.log({log_level::warning, "rest_hook", detail.empty() ? "refused" : detail, ec});
}

void client_state::subscribe(subscribe_handler h) {
    auto r = make_request("POST");
    r.fields.set("Content-Type", "application/json");
    r.body = R"({"event":)";
    append_json_string(r.body, options_.event);
    r.body += R"(,"target_url":)";
    append_json_string(r.body, options_.target_url);
    if (!options_.secret.empty()) {
        r.body += R"(,"secret":)";
        append_json_string(r.body, options_.secret);
    }
    r.body += '}';
    http_.async_request(
        options_.api_url, std::move(r),
        net::bind_executor(executor_, [weak = weak_from_this(), h = std::move(h)](
                                          error_code ec, const http::response& answer) mutable {
            registration made;
            const auto self = weak.lock();
            if (!ec && !self) ec = errc::closed;
            if (!ec) made = self->read_registration(answer, ec);
            std::move(h)(ec, std::move(made));
        }));
}

registration client_state::read_registration(const http::response& r, error_code& ec) {
    if ((ec = error_of(r))) {
        report(r, ec);
        return {};
    }
    registration made{text_member(r.body, "id"), text_member(r.body, "secret")};
    if (made.secret.empty()) made.secret = options_.secret;
    if (made.id.empty()) {
        ec = errc::invalid_json;
        return {};
    }
    const std::lock_guard lock(mutex_);
    id_ = made.id;
    return made;
}

void client_state::unsubscribe(unsubscribe_handler h) {
    auto which = id();  // not const: the handler is moved as it is called
    if (which.empty()) return std::move(h)(make_error_code(errc::not_found));
    http_.async_request(
        options_.api_url + '/' + http::percent_encode(which), make_request("DELETE"),
        net::bind_executor(executor_, [weak = weak_from_this(), which, h = std::move(h)](
                                          error_code ec, const http::response& answer) mutable {
            if (!ec) ec = error_of(answer);
            if (const auto self = weak.lock(); self && (!ec || ec == errc::not_found)) {
                const std::lock_guard lock(self->mutex_);
                if (self->id_ == which) self->id_.clear();
            }
            std::move(h)(ec);
        }));
}

}  // namespace tidings::rest_hook::detail
