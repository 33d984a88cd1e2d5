// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest_hook/impl/hook_answer.hpp>
#include <tidings/rest_hook/impl/hub_links.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/rest_hook/impl/websub_server.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// A page that was read safely names no other for what is not.
bool is_safe_link(const std::string& from, const std::string& to) {
    return is_web_url(to) && (from.starts_with("http:") || to.starts_with("https:"));
}

}  // namespace

std::string websub_server::url_of(server_step s, const subscriber_record& r) const {
    if (!r.way.url.empty()) return r.way.url;
    return s == server_step::discover ? options_.topic_url : r.hub;
}

// The hub that was just found is the one there is.
bool websub_server::may_look_again(server_step s, const subscriber_record& r) const {
    return s == server_step::subscribe && options_.hub_url.empty() && !r.just_found;
}

// While the lease runs the hub is asked again; then the topic may name another one.
server_step websub_server::after_failure(server_step s, const subscriber_record& r,
                                         io::system_time now) const {
    const bool over = r.until && *r.until <= now;
    const bool looks = over && s == server_step::subscribe && options_.hub_url.empty();
    return looks ? server_step::discover : s;
}

http::request websub_server::make(server_step s, const subscriber_record& r) const {
    const auto url = url_of(s, r);
    if (s == server_step::discover) return request_to(url, "GET", options_);
    auto made = request_to(url, "POST", options_);
    made.fields.set("Content-Type", "application/x-www-form-urlencoded");
    const bool begins = s != server_step::unsubscribe;
    made.body = begins ? "hub.mode=subscribe" : "hub.mode=unsubscribe";
    made.body += "&hub.topic=" + http::percent_encode(r.topic);
    made.body += "&hub.callback=" + http::percent_encode(r.callback);
    if (!begins) return made;
    made.body += "&hub.secret=" + http::percent_encode(r.secret);
    if (options_.lease.count() != 0)
        made.body += "&hub.lease_seconds=" + std::to_string(options_.lease.count());
    return made;
}

server_answer websub_server::read(server_step s, const http::response& answer, subscriber_record& r,
                                  io::system_time) const {
    return s == server_step::discover ? read_topic(answer, r) : read_hub(s, answer, r);
}

bool websub_server::is_moved(const http::response& answer, bool also_for_get) noexcept {
    const auto s = answer.status;
    return s == 307 || s == 308 || (also_for_get && (s == 301 || s == 302 || s == 303));
}

// W3C WebSub 4: the hub is asked for the topic that says `self`.
server_answer websub_server::read_topic(const http::response& answer, subscriber_record& r) const {
    const auto asked = url_of(server_step::discover, r);
    if (is_moved(answer, true)) {
        const std::string to(answer.fields.get("location"));
        if (!is_safe_link(asked, to)) return {.error = errc::http_status};
        r.way.url = to;
        return {.what = server_answer::kind::next, .then = server_step::discover};
    }
    if (const auto ec = error_of(answer)) {
        const bool again = is_temporary(answer.status);
        return {.what = again ? server_answer::kind::again : server_answer::kind::refused,
                .error = ec};
    }
    auto links = read_hub_links(answer.fields);
    if (!is_safe_link(asked, links.hub))
        return {.error = errc::not_found, .reason = "the topic names no hub"};
    r.topic = is_safe_link(asked, links.self) ? std::move(links.self) : asked;
    r.hub = std::move(links.hub);
    r.just_found = true;
    return {.what = server_answer::kind::next, .then = server_step::subscribe};
}

// 5.1.2: a hub answers in plain text, and may send to another one.
server_answer websub_server::read_hub(server_step s, const http::response& answer,
                                      subscriber_record& r) const {
    if (is_moved(answer, false)) {
        const std::string to(answer.fields.get("location"));
        if (!is_safe_link(url_of(s, r), to)) return {.error = errc::http_status};
        r.way.url = to;
        return {.what = server_answer::kind::next, .then = s};
    }
    const auto ec = error_of(answer);
    if (!ec) return {.what = server_answer::kind::pending};
    server_answer a{.error = ec, .reason = reason_of(answer.body)};
    const bool gone = answer.status == 404 || answer.status == 410;
    if (s == server_step::unsubscribe && gone)
        a.what = server_answer::kind::ended;
    else if ((gone || answer.status == 403) && may_look_again(s, r))
        return {.what = server_answer::kind::next, .then = server_step::discover};
    else if (is_temporary(answer.status))
        a.what = server_answer::kind::again;
    return a;
}

}  // namespace tidings::rest_hook::detail
