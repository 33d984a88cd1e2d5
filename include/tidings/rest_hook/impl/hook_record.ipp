// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

std::string object_of(const text_pairs& pairs) {
    json_writer out;
    for (const auto& [name, value] : pairs) out.add(name, value);
    return out.end();
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string list;
    for (const auto& text : texts) {
        std::string quoted;
        append_json_string(quoted, text);
        append_element(list, quoted);
    }
    return '[' + list + ']';
}

std::string object_of(const open_question& q) {
    json_writer out;
    out.add("token", q.token).add("then", spell(q.then)).add("asked", q.asked);
    out.add("next", to_text(q.next)).add("until", to_text(q.until));
    if (q.ended) out.flag("ended", true);
    return out.end();
}

std::string object_of(const websub_terms& w) {
    json_writer out;
    out.add("topic", w.topic).add("hub", w.hub).add("digest", spell(w.function));
    out.add_any("since", w.since);
    if (w.wish.mode == websub_mode::none) return out.end();
    out.add("mode", spell(w.wish.mode)).add("pattern", w.wish.pattern);
    out.add_any("wish_hub", w.wish.hub).add("wish_digest", spell(w.wish.function));
    out.add_any("secret", w.wish.secret).add("lease", w.wish.lease.count());
    if (w.wish.permitted_until) out.add("permitted_until", to_text(*w.wish.permitted_until));
    return out.add_any("reason", w.wish.reason).end();
}

std::string list_of(const std::vector<retired_secret>& secrets) {
    std::string list;
    for (const auto& s : secrets)
        append_element(list,
                       json_writer().add("secret", s.text).add("until", to_text(s.until)).end());
    return '[' + list + ']';
}

/// Reads the members of a row; what it cannot read makes the row none of ours.
class row_reader {
 public:
    explicit row_reader(hook_record& out) noexcept : out_(out) {}

    void read(std::string_view name, std::string_view raw) {
        for (const auto& [member, value] : texts_)
            if (name == member) take(raw, *value);
        if (name == "event") take_topic(raw);
        if (name == "filters" && !read_filters(raw, out_.filters)) fail();
        if (name == "topics") take_list(raw, [this](auto one) { take_topic(one); });
        if (name == "retired") take_list(raw, [this](auto one) { take_secret(one); });
        if (name == "state") take_named(raw, out_.state);
        if (name == "form") take_named(raw, out_.form.emplace());
        if (name == "order") take_named(raw, out_.order);
        if (name == "retry") take_named(raw, out_.retry);
        if (name == "proof") take_named(raw, out_.shown_by.emplace());
        if (name == "rate" && !read_rate(raw, out_.rate)) fail();
        if (name == "per_minute") take_number(raw, out_.per_minute);
        if (name == "question") take_question(raw);
        if (name == "websub") take_websub(raw, out_.websub.emplace());
        if (name == "headers") take_pairs(raw, out_.headers);
        if (name == "metadata") take_pairs(raw, out_.metadata);
        if (name == "expires_at") take_time(raw, out_.permitted_until.emplace());
        if (name == "lease_until") take_time(raw, out_.lease_until.emplace());
        if (name == "announced") take_time(raw, out_.announced.emplace());
    }
    bool good() const noexcept {
        return good_ && !out_.topics.empty() && !out_.target_url.empty() &&
               (!out_.secret.empty() || out_.websub);
    }

 private:
    void take(std::string_view raw, std::string& out) {
        if (!raw.starts_with('"')) return fail();
        out = read_json_string(raw);
    }
    void take_topic(std::string_view raw) {
        std::string topic;
        take(raw, topic);
        if (check_pattern(topic)) return fail();
        if (std::find(out_.topics.begin(), out_.topics.end(), topic) != out_.topics.end()) return;
        out_.topics.push_back(std::move(topic));
    }
    void take_time(std::string_view raw, io::system_time& out) {
        std::string text;
        take(raw, text);
        error_code ec;
        out = to_system_time(parse_timestamp(text, ec));
        if (ec) fail();
    }
    void take_secret(std::string_view raw) {
        auto& s = out_.retired.emplace_back();
        for (const auto& [name, value] : json_members(raw)) {
            if (name == "secret") take(value, s.text);
            if (name == "until") take_time(value, s.until);
        }
        if (s.text.empty()) fail();
    }
    void take_number(std::string_view raw, std::uint32_t& out) {
        const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), out);
        if (ec != std::errc() || end != raw.data() + raw.size()) fail();
    }
    void take_question(std::string_view raw) {
        if (!raw.starts_with('{')) return fail();
        auto& q = out_.question;
        for (const auto& [name, value] : json_members(raw)) {
            if (name == "token") take(value, q.token);
            if (name == "then") take_named(value, q.then);
            if (name == "asked") take_number(value, q.asked);
            if (name == "next") take_time(value, q.next);
            if (name == "until") take_time(value, q.until);
            if (name == "ended") q.ended = value == "true";
        }
        if (q.then != hook_state::active && q.then != hook_state::paused) fail();
    }
    void take_websub(std::string_view raw, websub_terms& w) {
        if (!raw.starts_with('{')) return fail();
        std::uint32_t lease = 0;
        for (const auto& [name, value] : json_members(raw)) {
            if (name == "topic") take(value, w.topic);
            if (name == "hub") take(value, w.hub);
            if (name == "digest") take_named(value, w.function);
            if (name == "since") take(value, w.since);
            if (name == "mode") take_named(value, w.wish.mode);
            if (name == "pattern") take(value, w.wish.pattern);
            if (name == "wish_hub") take(value, w.wish.hub);
            if (name == "wish_digest") take_named(value, w.wish.function);
            if (name == "secret") take(value, w.wish.secret);
            if (name == "lease") take_number(value, lease);
            if (name == "permitted_until") take_time(value, w.wish.permitted_until.emplace());
            if (name == "reason") take(value, w.wish.reason);
        }
        w.wish.lease = std::chrono::seconds(lease);
        const bool asks = w.wish.mode != websub_mode::none;
        if (w.topic.empty() || (asks && check_pattern(w.wish.pattern))) fail();
    }
    template <class E>
    void take_named(std::string_view raw, E& out) {
        std::string text;
        take(raw, text);
        const auto value = read_spelling<E>(text);
        if (!value) return fail();
        out = *value;
    }
    void take_pairs(std::string_view raw, text_pairs& out) {
        if (!raw.starts_with('{')) return fail();
        for (const auto& [name, value] : json_members(raw))
            take(value, out.emplace_back(name, "").second);
    }
    template <class F>
    void take_list(std::string_view raw, F take_one) {
        if (!raw.starts_with('[')) return fail();
        for (const auto one : json_elements(raw)) take_one(one);
    }
    void fail() noexcept { good_ = false; }

    hook_record& out_;
    const std::pair<std::string_view, std::string*> texts_[8] = {
        {"target_url", &out_.target_url}, {"secret", &out_.secret},
        {"reason", &out_.reason},         {"created_at", &out_.created_at},
        {"updated_at", &out_.updated_at}, {"resumed_at", &out_.resumed_at},
        {"owner", &out_.owner},           {"description", &out_.description}};
    bool good_ = true;
};

}  // namespace

std::string to_text(io::system_time t) {
    return format_timestamp(std::chrono::floor<wall_time::duration>(t));
}

std::string endpoint_id_of(const hook_record& h) {
    return h.websub && !h.websub->since.empty() ? h.id + '.' + h.websub->since : h.id;
}

std::size_t bytes_held(const hook_record& h) noexcept {
    constexpr std::size_t beside = 512;  // names, times, words
    constexpr std::size_t of_one = 4;    // quotes and separators
    std::size_t bytes = beside + h.target_url.size() + h.secret.size() + h.description.size();
    bytes += h.id.size() + h.owner.size() + h.reason.size();
    for (const auto& topic : h.topics) bytes += topic.size() + of_one;
    for (const auto& filter : h.filters) bytes += filter.size() + of_one;
    for (const auto& s : h.retired) bytes += s.text.size() + 64;
    for (const auto* pairs : {&h.headers, &h.metadata})
        for (const auto& [name, value] : *pairs) bytes += name.size() + value.size() + of_one;
    if (h.websub)
        bytes += h.websub->topic.size() + h.websub->hub.size() + h.websub->wish.pattern.size();
    return bytes;
}

std::string to_row_value(const hook_record& h) {
    json_writer out;
    out.raw("topics", list_of(h.topics));
    if (!h.filters.empty()) out.raw("filters", to_json(h.filters));
    out.add("target_url", h.target_url).add("secret", h.secret);
    if (!h.retired.empty()) out.raw("retired", list_of(h.retired));
    if (h.state != hook_state::active) out.add("state", spell(h.state));
    out.add_any("reason", h.reason);
    out.add("created_at", h.created_at).add_any("updated_at", h.updated_at);
    out.add_any("resumed_at", h.resumed_at).add("owner", h.owner);
    out.add_any("description", h.description);
    if (h.form) out.add("form", spell(*h.form));
    if (h.order != webhook::delivery_order::any) out.add("order", spell(h.order));
    if (h.retry != retry_preset::sender) out.add("retry", spell(h.retry));
    if (h.rate.thousandths != 0) out.raw("rate", to_json(h.rate));
    if (h.shown_by) out.add("proof", spell(*h.shown_by));
    if (h.per_minute != 0) out.add("per_minute", h.per_minute);
    if (h.is_asked()) out.raw("question", object_of(h.question));
    if (h.websub) out.raw("websub", object_of(*h.websub));
    if (!h.headers.empty()) out.raw("headers", object_of(h.headers));
    if (!h.metadata.empty()) out.raw("metadata", object_of(h.metadata));
    if (h.permitted_until) out.add("expires_at", to_text(*h.permitted_until));
    if (h.lease_until) out.add("lease_until", to_text(*h.lease_until));
    if (h.announced) out.add("announced", to_text(*h.announced));
    return out.end();
}

std::optional<hook_record> read_row(const store::row& r) {
    if (!is_json(r.value)) return std::nullopt;
    hook_record h{.id = r.key};
    row_reader reader(h);
    for (const auto& [name, raw] : json_members(r.value)) reader.read(name, raw);
    return reader.good() ? std::optional(std::move(h)) : std::nullopt;
}

}  // namespace tidings::rest_hook::detail
