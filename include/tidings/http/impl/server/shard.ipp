// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/http_date.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/http/impl/server/local_request.hpp>
#include <tidings/http/impl/server/peer_key.hpp>
#include <tidings/http/impl/server/shard.hpp>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

std::string_view status_class(unsigned status) noexcept {
    switch (status / 100) {
        case 2:
            return "2xx";
        case 3:
            return "3xx";
        case 4:
            return "4xx";
        default:
            return "5xx";
    }
}

// The address under which the budget counts a peer; empty for one that it does not.
std::string counted_key(const server_options& o, const std::string& remote_address, bool loopback) {
    return !loopback || o.count_loopback ? peer_key(remote_address) : std::string();
}

}  // namespace

std::string_view date_cache::text(io::system_time now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    if (std::exchange(second_, second) != second) text_ = http_date(now);
    return text_;
}

std::optional<response> shard::refuse_host(const request& r, bool from_loopback) const {
    if (!on_loopback || !from_loopback) return std::nullopt;
    return check_local_host(r, options->allowed_hosts);
}

void shard::log(log_level level, std::string_view message, error_code ec) const {
    if (options->log) options->log({level, "http", message, ec});
}

std::unique_ptr<body_share> shard::make_share(bool authenticated, const std::string& remote_address,
                                              bool loopback) const {
    return std::make_unique<body_share>(bodies, authenticated,
                                        counted_key(*options, remote_address, loopback));
}

void shard::share_in(std::optional<body_share>& place, bool authenticated,
                     const std::string& remote_address, bool loopback) const {
    place.emplace(bodies, authenticated, counted_key(*options, remote_address, loopback));
}

void shard::count_answer(unsigned status) const {
    if (options->metrics)
        options->metrics->count("http_requests", {{"status", status_class(status)}}, 1);
}

}  // namespace tidings::http::detail
