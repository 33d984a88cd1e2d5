// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/twilio.hpp>

#include <memory>
#include <string>
#include <utility>

namespace tidings::webhook {

event_reader read_twilio() {
    return [](const http::request& r, error_code& ec) {
        std::string type = "com.twilio.event", account;
        if (detail::is_form(r))
            for (auto& [name, value] : http::parse_query(r.body, ec)) {
                if (name == "MessageSid") type = "com.twilio.message";
                if (name == "CallSid") type = "com.twilio.call";
                if (name == "AccountSid") account = std::move(value);
            }
        event e(type, "https://twilio.com/" + account);
        const auto token = r.fields.get("i-twilio-idempotency-token");
        e.id(token.empty() ? r.fields.get(twilio_verifier::signature_name) : token);
        e.data(r.body, r.fields.get("content-type"));
        return e;
    };
}

topic_rule twilio_topic() {
    return detail::provider_topic("twilio", 1);
}

receiver_options from_twilio(const std::vector<std::string>& auth_tokens, std::string origin) {
    return {.verifier = std::make_shared<twilio_verifier>(auth_tokens, std::move(origin)),
            .reader = read_twilio(),
            .topic = twilio_topic()};
}

}  // namespace tidings::webhook
