// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_job.hpp>
#include <tidings/http/impl/client/client_state.hpp>
#include <tidings/impl/finds_memory.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

std::string place_of(const url& to, const std::string& unix_path) {
    if (!unix_path.empty()) return unix_path;
    return (to.ipv6_literal ? '[' + to.host + ']' : to.host) + ':' + std::to_string(to.port);
}

}  // namespace

client_job::client_job(std::weak_ptr<client_state> s, response_handler h)
    : state(std::move(s)),
      handler(std::move(h)),
      deadline([this] { abort(errc::timed_out); }) {}

void client_job::finish(error_code ec, response r) {
    deadline.cancel();
    connection = nullptr;
    pool = nullptr;
    if (!handler) return;
    const auto s = state.lock();
    if (s && ec && asked.detail != nullptr)
        finds_memory([&] {
            *asked.detail = diagnostics(place_of(asked.target->to, s->options().unix_path) + ": " +
                                        ec.message());
        });
    std::move(handler).complete_here(ec, std::move(r));
}

void cut(const exchange_trace& t) {
    if (const auto job = t.job.lock()) job->abort(net::error::operation_aborted);
}

void client_job::abort(error_code ec) {
    const auto self = shared_from_this();
    const auto s = state.lock();
    auto* const p = pool;
    if (p != nullptr) std::erase(p->waiting, self);
    auto so_far = no_answer();
    if (connection != nullptr) {
        so_far = connection->take_head();
        connection->close();
    }
    if (s && p != nullptr) finds_memory([&] { s->serve(*p); });  // else those wait
    finish(ec, std::move(so_far));
}

}  // namespace tidings::http::detail
