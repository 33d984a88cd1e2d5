// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest_hook/impl/hook_answer.hpp>
#include <tidings/rest_hook/impl/hub_links.hpp>
#include <tidings/rest_hook/impl/rest_server.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/json_media_type.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

using answer_kind = server_answer::kind;

namespace {

constexpr unsigned most_pages = 100;

// What no API answers that has done it; empty: it may have. One may leave out what its body is.
std::string fault_of_answer(server_step s, const http::response& answer) {
    const bool made = answer.status == 201 || answer.status == 202;
    if (answer.status != 200 && !(made && s == server_step::subscribe))
        return "the API answered " + std::to_string(answer.status);
    const auto type = answer.fields.get("content-type");
    if (!type.empty() && !is_json_media_type(type))
        return "the API answered no JSON, but " + std::string(type);
    return {};
}

}  // namespace

// The lease alone does not say whether the server has it still.
std::optional<server_step> rest_server::first(const subscriber_record& r,
                                              io::system_time now) const {
    if (r.id.empty() || (r.until && *r.until <= now)) return server_step::subscribe;
    return server_step::check;
}

std::string rest_server::url_of(server_step s, const subscriber_record& r) const {
    if (s == server_step::subscribe) return options_.api_url;
    if (s == server_step::find && !r.way.url.empty()) return r.way.url;
    if (s == server_step::find)
        return options_.api_url + "?topic=" + http::percent_encode(options_.event);
    return options_.api_url + '/' + http::percent_encode(r.id);
}

http::request rest_server::make(server_step s, const subscriber_record& r) const {
    const char* method = "GET";
    std::string body;
    if (s == server_step::subscribe) {
        method = "POST";
        body = new_subscription(r);
    } else if (s == server_step::renew || s == server_step::revive) {
        method = "PATCH";
        body = changes(s, r);
    } else if (s == server_step::unsubscribe) {
        method = "DELETE";
    }
    auto made = request_to(options_.api_url, method, options_);
    if (!body.empty()) made.fields.set("Content-Type", "application/json");
    made.body = std::move(body);
    return made;
}

std::string rest_server::new_subscription(const subscriber_record& r) const {
    json_writer out;
    out.add("event", options_.event).add("target_url", r.callback).add("secret", r.secret);
    if (options_.lease.count() != 0) out.add("lease_seconds", options_.lease.count());
    return out.end();
}

// What stands at the server already changes nothing.
std::string rest_server::changes(server_step s, const subscriber_record& r) const {
    json_writer out;
    out.add("target_url", r.callback);
    if (s == server_step::revive) out.add("state", "active");
    const auto lease = options_.lease.count() != 0 ? options_.lease : r.lease;
    if (lease.count() > 0) out.add("lease_seconds", lease.count());
    return out.end();
}

server_answer rest_server::read(server_step s, const http::response& answer, subscriber_record& r,
                                io::system_time now) const {
    const bool gone = answer.status == 404 || answer.status == 410;
    if (s == server_step::unsubscribe && (gone || !error_of(answer)))
        return {.what = answer_kind::ended};
    if (error_of(answer)) return read_refusal(s, answer);
    if (auto why = fault_of_answer(s, answer); !why.empty())
        return {.error = errc::invalid_json, .reason = std::move(why)};
    if (s == server_step::find) return read_list(answer, r);
    return read_subscription(answer, r, now);
}

server_answer rest_server::read_refusal(server_step s, const http::response& answer) {
    server_answer a{.error = error_of(answer),
                    .reason = reason_of(text_member(answer.body, "detail"))};
    const bool of_one = s != server_step::subscribe && s != server_step::find;
    const bool gone = answer.status == 404 || answer.status == 410;
    const bool not_known = answer.status == 405 || answer.status == 501;
    if (s == server_step::subscribe && answer.status == 409) {
        a.what = answer_kind::next;
        a.then = server_step::find;
    } else if (of_one && gone) {
        a.what = answer_kind::gone;
    } else if (not_known && s == server_step::check) {
        a.what = answer_kind::active;  // an API that cannot be asked
        a.error = {};
    } else if (not_known && s == server_step::renew) {
        a.what = answer_kind::next;  // one that is subscribed at again
    } else if (is_temporary(answer.status)) {
        a.what = answer_kind::again;
    }
    return a;
}

// The same end again says nothing of how long the lease was. An end may be any that a clock has.
void rest_server::note_end(std::optional<io::system_time> until, io::system_time now,
                           subscriber_record& r) {
    if (until == r.until) return;
    r.until = until;
    r.lease = {};
    if (!until || *until <= now) return;
    r.lease = *until > now + longest_granted
                  ? longest_granted
                  : std::chrono::ceil<std::chrono::seconds>(*until - now);
}

server_answer rest_server::read_subscription(const http::response& answer, subscriber_record& r,
                                             io::system_time now) {
    const auto id = text_member(answer.body, "id");
    if (id.empty())
        return {.error = errc::invalid_json, .reason = "the API's answer has no id that is a text"};
    r.id = id;
    if (auto secret = text_member(answer.body, "secret"); !secret.empty())
        r.secret = std::move(secret);
    error_code ec;
    const auto end = text_member(answer.body, "expiration_date");
    const auto until = end.empty() ? wall_time() : parse_timestamp(end, ec);
    if (ec) return {.error = ec};
    note_end(end.empty() ? std::nullopt : std::optional(to_system_time(until)), now, r);
    const auto state = text_member(answer.body, "state");
    if (state == "pending") return {.what = answer_kind::pending};
    if (state != "disabled") return {.what = answer_kind::active};
    return {.what = answer_kind::unwanted,
            .error = errc::webhook_disabled,
            .reason = reason_of(text_member(answer.body, "reason"))};
}

// Its path is made at random: what leads there is its own.
server_answer rest_server::read_list(const http::response& answer, subscriber_record& r) const {
    const server_answer none{.what = answer_kind::ended, .error = errc::store_conflict};
    if (!is_json(answer.body) || !answer.body.starts_with('['))
        return {.error = errc::invalid_json};
    for (const auto one : json_elements(answer.body)) {
        if (text_member(one, "target_url") != r.callback) continue;
        r.id = text_member(one, "id");
        if (r.id.empty()) return none;
        return {.what = answer_kind::next, .then = server_step::check};
    }
    r.way.url = page_behind(answer);
    if (r.way.url.empty() || ++r.way.pages >= most_pages) return none;
    return {.what = answer_kind::next, .then = server_step::find};
}

// RFC 8288; only where the token may go, too. Empty: it is the last page.
std::string rest_server::page_behind(const http::response& answer) const {
    auto link = read_link(answer.fields, "next");
    const auto& api = options_.api_url;
    if (link.starts_with('?')) link.insert(0, api);
    if (link.starts_with('/') && !link.starts_with("//")) {
        const auto host = api.find("://") + 3;
        link.insert(0, api, 0, api.find('/', host));
    }
    return is_web_url(link) && same_origin(link, api) ? link : std::string();
}

}  // namespace tidings::rest_hook::detail
