// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/websub.hpp>

#include <utility>

namespace tidings::webhook {

std::vector<hmac_scheme> websub_schemes() {
    std::vector<hmac_scheme> schemes;
    for (const auto& [function, prefix] :
         {std::pair(digest::sha1, "sha1="), std::pair(digest::sha256, "sha256="),
          std::pair(digest::sha384, "sha384="), std::pair(digest::sha512, "sha512=")})
        schemes.push_back(
            {.signature_header = "x-hub-signature", .prefix = prefix, .function = function});
    return schemes;
}

challenge_responder answer_websub(std::function<bool(const websub_intent&)> wanted) {
    return [wanted = std::move(wanted)](const http::request& r) -> std::optional<http::response> {
        if (r.method != "GET") return std::nullopt;
        error_code ec;
        websub_intent intent;
        std::string challenge;
        for (auto& [name, value] : http::parse_query(r.query(), ec)) {
            if (name == "hub.mode")
                intent.mode = std::move(value);
            else if (name == "hub.topic")
                intent.topic = std::move(value);
            else if (name == "hub.challenge")
                challenge = std::move(value);
            else if (name == "hub.reason")
                intent.reason = std::move(value);
            else if (name == "hub.lease_seconds")
                intent.lease = detail::read_unix_time(value);
        }
        const bool asks = intent.mode == "subscribe" || intent.mode == "unsubscribe";
        if (ec || intent.topic.empty() || (asks && challenge.empty()) ||
            (!asks && intent.mode != "denied"))
            return http::problem(400, "Not a verification",
                                 "hub.mode, hub.topic and hub.challenge are needed");
        const bool confirmed = wanted && wanted(intent);
        if (!asks) return http::response{200, {}, {}};
        if (!confirmed) return http::problem(404, "Not wanted", "the subscription is not wanted");
        return http::response{200, {{"Content-Type", "text/plain; charset=utf-8"}}, challenge};
    };
}

}  // namespace tidings::webhook
