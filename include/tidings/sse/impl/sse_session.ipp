// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/sse_writer.hpp>
#include <tidings/control_event.hpp>
#include <tidings/sse/impl/sse_session.hpp>
#include <tidings/text/utf8.hpp>

namespace tidings::sse::detail {

using namespace tidings::detail;

sse_session::sse_session(http::live_stream stream,
                         const std::shared_ptr<const sse_session_options>& options,
                         std::shared_ptr<const sse::hooks> hooks, std::string last_event_id)
    : session(std::move(stream), {options, &options->live}),
      options_(options),
      hooks_(std::move(hooks)),
      last_event_id_(std::move(last_event_id)) {}

frame_kind sse_session::frames(sse::payload p) noexcept {
    static constexpr char tags[2] = {};
    return {&tags[p == payload::data ? 1 : 0]};
}

error_code sse_session::frame_of(const event_ptr& e, std::string& out) {
    const auto position = e->position() ? e->position()->text() : std::string();
    std::optional<std::string_view> id;
    if (e->position()) id = position;
    error_code ec;
    if (options_->payload == payload::data) {
        const auto bytes = e->text(ec);
        if (!ec && !is_valid_utf8(bytes)) ec = errc::invalid_utf8;
        return ec ? ec : append_sse_event(out, bytes, e->type(), id);
    }
    const auto json = cloudevents_json_without_cr(*e, ec);
    if (ec) return ec;
    return append_sse_event(out, *json, is_control(e) ? e->type() : "", id);
}

// It carries the position, so that an idle client's stays fresh.
std::string sse_session::beat(const position& here) {
    std::string text;
    if (here.empty() || here == told_ || append_sse_id(text, here.text())) text = ":\n\n";
    told_ = here;
    return text;
}

std::string sse_session::say_goodbye(error_code why) {
    goodbye_ = why;
    return {};
}

void sse_session::opened() {
    const auto keep = hooks_;
    if (keep && keep->on_open) keep->on_open(self());
}

void sse_session::ended(error_code why) {
    const auto keep = hooks_;
    if (keep && keep->on_close) keep->on_close(self(), goodbye_.value_or(why));
}

error_code sse_session::send(std::string_view data, std::string_view event,
                             std::optional<std::string_view> id) {
    std::string text;
    if (const auto ec = append_sse_event(text, data, event, id)) return ec;
    return live_session::send(std::move(text));
}

error_code sse_session::comment(std::string_view text) {
    std::string line;
    append_sse_comment(line, text);
    return live_session::send(std::move(line));
}

error_code sse_session::retry(std::chrono::milliseconds after) {
    std::string field;
    append_sse_retry(field, after);
    return live_session::send(std::move(field));
}

}  // namespace tidings::sse::detail
