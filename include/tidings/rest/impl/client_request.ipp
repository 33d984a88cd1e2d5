// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/rest/impl/client_request.hpp>

namespace tidings::rest::detail {

using namespace tidings::detail;

http::request make_request(const client_options& o, std::string method) {
    http::request r;
    r.method = std::move(method);
    r.idempotent = true;  // a publication by its event's id
    r.fields = o.fields;
    if (!o.token.empty()) r.fields.set("Authorization", "Bearer " + o.token);
    return r;
}

http::request event_request(const client_options& o, const publication& p, error_code& ec) {
    const auto json = cloudevents_json(p, ec);
    if (json == nullptr) return {};
    auto r = make_request(o, "POST");
    r.fields.set("Content-Type", cloudevents_json_type);
    r.body = *json;
    return r;
}

std::string topic_url(const client_options& o, std::string_view topic) {
    return o.url + '/' + http::percent_encode(topic);
}

std::string poll_url(const client_options& o, std::chrono::seconds wait, std::size_t max_batch,
                     const std::optional<position>& after) {
    using tidings::detail::append_query;
    auto url = topic_url(o, o.topics.front());
    append_query(url, "wait", std::to_string(wait.count()) + 's');
    append_query(url, "max", std::to_string(max_batch));
    for (std::size_t i = 1; i < o.topics.size(); ++i) append_query(url, "topic", o.topics[i]);
    tidings::detail::append_after_gap(url, o.after_gap);
    if (after) append_query(url, "after", after->text());
    return url;
}

http::client_options reader_options(const client_options& o) {
    auto h = tidings::detail::http_options(o);
    h.request_timeout += o.wait;
    h.max_response_bytes = o.max_response_bytes;
    return h;
}

client_options without_callbacks(client_options o) {
    o.on_error = nullptr;
    o.log = nullptr;
    o.topic = {};
    return o;
}

std::string key_of(const std::string& source, const std::string& id) {
    return source + '\n' + id;
}

}  // namespace tidings::rest::detail
