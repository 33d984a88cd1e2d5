// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/subscriber_receiver.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/standard.hpp>
#include <tidings/webhook/websub.hpp>

#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

/// The signature of a hub, of which nothing is remembered: a topic may have the same content twice.
class hub_verifier final : public webhook::verifier {
 public:
    explicit hub_verifier(const std::string& secret) : by_(webhook::websub_schemes(), {secret}) {}
    error_code verify(const webhook::header_lookup& headers, std::string_view body,
                      io::system_time now) const noexcept override {
        return by_.verify(headers, body, now);
    }

 private:
    const webhook::hmac_verifier by_;
};

[[noreturn]] void refuse_client(const std::string& why) {
    throw std::invalid_argument("tidings::rest_hook::subscriber_client_options: " + why);
}

// What a path is put behind.
void check_base(const char* name, const std::string& url) {
    if (!is_web_url(url)) refuse_client(std::string(name) + " is no http or https URL");
    if (url.find_first_of("?#") != url.npos) refuse_client(std::string(name) + " has a query");
}

}  // namespace

webhook::receiver_options receiver_of(const subscriber_client_options& o,
                                      const std::string& secret) {
    auto r = o.receiver;
    const bool websub = o.api_url.empty();
    r.allow_unsigned = false;
    if (websub) {
        r.verifier = std::make_shared<hub_verifier>(secret);
        if (!r.reader)
            r.reader = webhook::read_standard({.type = "websub.content", .source = o.topic_url});
    } else {
        auto standard = webhook::from_standard({webhook::secret(secret)});
        r.verifier = std::move(standard.verifier);
        if (!r.reader) r.reader = std::move(standard.reader);
        if (r.webhook_origins.empty()) r.webhook_origins = {"*"};
    }
    if (!r.log) r.log = o.log;
    r.environment = o.environment;
    return r;
}

void check(const subscriber_client_options& o) {
    constexpr std::size_t max_name_bytes = 200;
    constexpr std::size_t secret_limit = 200;  // W3C WebSub 5.1: less than that
    const bool websub = !o.topic_url.empty();
    if (websub == !o.api_url.empty()) refuse_client("one of api_url and topic_url is needed");
    if (!websub) check_base("api_url", o.api_url);
    if (websub && !is_web_url(o.topic_url)) refuse_client("topic_url is no http or https URL");
    if (!o.hub_url.empty() && (!websub || !is_web_url(o.hub_url)))
        refuse_client("hub_url is no http or https URL, or without a topic_url");
    if (!websub && check_pattern(o.event)) refuse_client("event is no pattern");
    check_base("public_url", o.public_url);
    if (o.name.empty() || o.name.size() > max_name_bytes || !is_valid_utf8(o.name))
        refuse_client("name has 1 to 200 bytes of UTF-8");
    if (!(o.renew_before > 0 && o.renew_before <= 0.5))
        refuse_client("renew_before is more than 0 and at most 0.5");
    if (o.lease.count() < 0) refuse_client("lease is negative");
    if (o.secret.empty()) return;
    if (websub && o.secret.size() >= secret_limit) refuse_client("secret has 200 bytes or more");
    if (!websub) webhook::secret made(o.secret);  // throws
}

}  // namespace tidings::rest_hook::detail
