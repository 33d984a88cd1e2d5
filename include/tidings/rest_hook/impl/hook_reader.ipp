// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_pairs.hpp>
#include <tidings/rest_hook/impl/hook_reader.hpp>
#include <tidings/rest_hook/impl/hook_wishes.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/secret.hpp>

#include <algorithm>
#include <array>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// A present one may be repeated, also where the application publishes it no more.
bool is_offered(const reading& how, const std::string& pattern) noexcept {
    if (how.types == nullptr || how.types->takes(pattern)) return true;
    if (how.before == nullptr) return false;
    const auto& present = how.before->record.topics;
    return std::find(present.begin(), present.end(), pattern) != present.end();
}

/// Applies members to a record, each once, whatever it is called.
class hook_reader {
 public:
    hook_reader(const reading& how, hook_record& out) noexcept : how_(how), out_(out) {}

    refusal read(std::string_view object) {
        if (how_.what == reading::kind::replace) begin_anew();
        std::string unknown, first;
        for (const auto& [name, raw] : json_members(object)) {
            const auto at = index_of(name);
            if (at == members.size()) {
                if (!is_valid_utf8(name)) return malformed(name, "a member's name is not text");
                if (unknown.empty()) first = name;
                unknown += (unknown.empty() ? "" : ", ") + in_quotes(name);
                continue;
            }
            if (auto refused = take(at, name, raw)) return refused;
        }
        if (!unknown.empty())
            return problem_of(first, 422, bad_member_title, "a subscription has no " + unknown);
        return finish();
    }

 private:
    struct member {
        std::array<std::string_view, 6> names;
        refusal (hook_reader::*take)(std::string_view name, std::string_view raw);
        void (*reset)(hook_record&);  // what `null` means in a merge; null: it is refused
    };
    static constexpr std::size_t proof_at = 8;  // among them
    static const std::array<member, 22> members;

    static std::size_t index_of(std::string_view name) noexcept {
        std::size_t at = 0;
        while (at < members.size()) {
            const auto& names = members[at].names;
            if (std::find(names.begin(), names.end(), name) != names.end() && !name.empty()) break;
            ++at;
        }
        return at;
    }

    // PUT: what identifies it stays, and its secrets, which the owner may not know any more.
    void begin_anew() {
        hook_record blank{.id = out_.id,
                          .secret = out_.secret,
                          .retired = out_.retired,
                          .created_at = out_.created_at,
                          .resumed_at = out_.resumed_at,
                          .owner = out_.owner,
                          .shown_by = out_.shown_by,
                          .per_minute = out_.per_minute,
                          .question = out_.question,
                          .permitted_until = out_.permitted_until,
                          .announced = out_.announced};
        out_ = std::move(blank);
    }

    refusal take(std::size_t at, std::string_view name, std::string_view raw) {
        // One text is the list of it, so that the two may stand side by side.
        auto said =
            at == 0 && raw.starts_with('"') ? '[' + std::string(raw) + ']' : std::string(raw);
        if (said_[at] && *said_[at] != said)
            return malformed(name, in_quotes(name) + " says what was said already, and differs");
        if (said_[at]) return std::nullopt;
        said_[at] = std::move(said);
        const auto& m = members[at];
        if (raw != "null") return (this->*m.take)(name, raw);
        if (how_.what != reading::kind::merge) {
            said_[at].reset();
            return std::nullopt;
        }
        if (m.reset == nullptr) return refused(name, in_quotes(name) + " cannot be removed");
        m.reset(out_);
        return std::nullopt;
    }

    refusal read_text(std::string_view name, std::string_view raw, std::string& out) {
        if (!raw.starts_with('"')) return malformed(name, in_quotes(name) + " is not a string");
        out = read_json_string(raw);
        if (out.empty()) return malformed(name, in_quotes(name) + " is empty");
        if (!is_valid_utf8(out)) return malformed(name, in_quotes(name) + " is not text");
        return std::nullopt;
    }

    refusal take_topics(std::string_view name, std::string_view raw) {
        const bool list = raw.starts_with('[');
        if (!list && !raw.starts_with('"'))
            return malformed(name, in_quotes(name) + " is not a string, and no list of strings");
        const auto all = list ? json_elements(raw, max_topics + 1) : std::vector{raw};
        if (all.empty()) return malformed(name, in_quotes(name) + " is empty");
        if (all.size() > max_topics)
            return refused(name, "at most " + std::to_string(max_topics) + " patterns are taken");
        out_.topics.clear();
        for (const auto one : all) {
            std::string topic;
            if (auto no = read_text(name, one, topic)) return no;
            auto ec = check_pattern(topic);
            if (ec == errc::bad_pattern) ec = errc::hook_bad_event;
            if (ec) return problem_of(name, 422, bad_event_title, ec.message() + ": " + topic);
            if (!is_offered(how_, topic))
                return problem_of(name, 422, bad_event_title,
                                  "no event type of this server is matched by it: " + topic);
            const auto& known = out_.topics;
            if (std::find(known.begin(), known.end(), topic) == known.end())
                out_.topics.push_back(std::move(topic));
        }
        return std::nullopt;
    }
    refusal take_filters(std::string_view name, std::string_view raw) {
        return read_filters(name, raw, out_.filters);
    }
    // The present one may be repeated, also where the server sends slower by now.
    refusal take_rate(std::string_view name, std::string_view raw) {
        hook_rate same{};
        if (how_.before != nullptr && read_rate(raw, same) && same == how_.before->record.rate)
            return out_.rate = same, std::nullopt;
        return read_rate(name, raw, how_.max_rate, out_.rate);
    }
    refusal take_target(std::string_view name, std::string_view raw) {
        return read_text(name, raw, out_.target_url);
    }
    refusal take_secret(std::string_view name, std::string_view raw) {
        if (auto no = read_text(name, raw, out_.secret)) return no;
        error_code ec;
        webhook::secret::parse(out_.secret, ec);
        if (ec) return problem_of(name, 422, bad_secret_title, ec.message());
        out_.retired.clear();
        return std::nullopt;
    }
    refusal take_active(std::string_view name, std::string_view raw) {
        if (raw != "true" && raw != "false")
            return malformed(name, in_quotes(name) + " is not true or false");
        state_.active = raw == "true";
        return std::nullopt;
    }
    refusal take_state(std::string_view name, std::string_view raw) {
        std::string text;
        if (auto no = read_text(name, raw, text)) return no;
        state_.state = read_spelling<hook_state>(text);
        const auto now = how_.before != nullptr ? how_.before->now.state : hook_state::active;
        if (state_.state && (is_of_owner(*state_.state) || *state_.state == now))
            return std::nullopt;
        return refused(name, in_quotes(name) + R"( can be set to "active" or "paused")");
    }

    refusal take_description(std::string_view name, std::string_view raw) {
        if (raw == "\"\"") return out_.description.clear(), std::nullopt;
        if (auto no = read_text(name, raw, out_.description)) return no;
        if (out_.description.size() <= max_description_bytes) return std::nullopt;
        return refused(
            name, "a description has at most " + std::to_string(max_description_bytes) + " bytes");
    }

    template <class E>
    refusal read_named(std::string_view name, std::string_view raw, E& out) {
        std::string text;
        if (auto no = read_text(name, raw, text)) return no;
        const auto value = read_spelling<E>(text);
        if (!value) return refused(name, in_quotes(name) + " is one of " + all_spellings<E>());
        out = *value;
        return std::nullopt;
    }
    refusal take_form(std::string_view name, std::string_view raw) {
        webhook::body_form form{};
        if (auto no = read_named(name, raw, form)) return no;
        const bool default_again =
            form == how_.form && how_.before != nullptr && !how_.before->record.form;
        if (!default_again) out_.form = form;
        return std::nullopt;
    }
    refusal take_order(std::string_view name, std::string_view raw) {
        return read_named(name, raw, out_.order);
    }
    refusal take_retry(std::string_view name, std::string_view raw) {
        return read_named(name, raw, out_.retry);
    }

    // One that was not asked, because there was no proof yet, goes on as it is.
    refusal take_proof(std::string_view name, std::string_view raw) {
        proof p{};
        if (auto no = read_named(name, raw, p)) return no;
        const bool as_it_is =
            p == proof::none && how_.before != nullptr && !how_.before->record.shown_by;
        if (!as_it_is) out_.shown_by = p;
        return std::nullopt;
    }

    refusal take_headers(std::string_view name, std::string_view raw) {
        const auto* before = how_.before != nullptr ? &how_.before->record.headers : nullptr;
        return merge_headers(name, raw, before, out_.headers);
    }
    refusal take_metadata(std::string_view name, std::string_view raw) {
        return merge_metadata(name, raw, out_.metadata);
    }

    refusal take_lease(std::string_view name, std::string_view raw) {
        return lease_.take_seconds(name, raw, how_.now);
    }
    refusal take_expiration(std::string_view name, std::string_view raw) {
        std::string text;
        if (auto no = read_text(name, raw, text)) return no;
        if (how_.before == nullptr) return lease_.take_date(name, text, how_.now);
        // The end of the permission that is written back as it was read is no lease.
        const auto& before = how_.before->record;
        if (!before.ends() || before.lease_until == before.ends() ||
            text != to_text(*before.ends()))
            return lease_.take_date(name, text, how_.now);
        out_.lease_until = before.lease_until;
        return std::nullopt;
    }

    // What the server gives may be repeated, as by a client that writes back what it has read.
    refusal take_fixed(std::string_view name, std::string_view raw) {
        std::string given, text;
        if (how_.before != nullptr) given = fixed_value(name);
        if (raw.starts_with('"')) text = read_json_string(raw);
        if (how_.before != nullptr && text == given && !given.empty()) return std::nullopt;
        return refused(name, in_quotes(name) + " is the server's, and cannot be set");
    }
    std::string fixed_value(std::string_view name) const {
        const auto& b = *how_.before;
        if (name == "id") return b.record.id;
        if (name == "owner") return b.record.owner;
        if (name == "created_at") return b.record.created_at;
        if (name == "reason") return b.now.reason;
        if (name == "confirm_by" && b.now.state == hook_state::pending)
            return to_text(b.record.question.until);
        if (name == "confirm_by") return {};
        return b.record.updated_at.empty() ? b.record.created_at : b.record.updated_at;
    }

    refusal finish() {
        if (out_.topics.empty()) return missing("event", "\"event\", a topic pattern, is missing");
        if (out_.target_url.empty()) return missing("target_url", "\"target_url\" is missing");
        if (!state_.agrees())
            return malformed("state", R"("active" and "state" contradict each other)");
        const bool elsewhere =
            how_.before != nullptr && how_.before->record.target_url != out_.target_url;
        if (elsewhere && !said_[proof_at]) out_.shown_by.reset();
        state_.apply(how_, out_);
        lease_.apply(how_, out_);
        return std::nullopt;
    }

    const reading& how_;
    hook_record& out_;
    std::array<std::optional<std::string>, 22> said_{};
    state_wish state_{};
    lease_wish lease_{};
};

const std::array<hook_reader::member, 22> hook_reader::members{{
    {{"event", "events", "events[]", "topic", "topics", "topics[]"},
     &hook_reader::take_topics,
     nullptr},
    {{"target_url", "target", "targetUrl", "url", "hookUrl", "callback_url"},
     &hook_reader::take_target,
     nullptr},
    {{"secret"}, &hook_reader::take_secret, nullptr},
    {{"active"}, &hook_reader::take_active, nullptr},
    {{"state"}, &hook_reader::take_state, nullptr},
    {{"description"},
     &hook_reader::take_description,
     [](hook_record& h) { h.description.clear(); }},
    {{"content_mode"}, &hook_reader::take_form, [](hook_record& h) { h.form.reset(); }},
    {{"order"}, &hook_reader::take_order, [](hook_record& h) { h.order = {}; }},
    {{"proof"}, &hook_reader::take_proof, [](hook_record& h) { h.shown_by.reset(); }},
    {{"retry"}, &hook_reader::take_retry, [](hook_record& h) { h.retry = {}; }},
    {{"filters", "filters[]"},
     &hook_reader::take_filters,
     [](hook_record& h) { h.filters.clear(); }},
    {{"rate"}, &hook_reader::take_rate, [](hook_record& h) { h.rate = {}; }},
    {{"headers"}, &hook_reader::take_headers, [](hook_record& h) { h.headers.clear(); }},
    {{"metadata"}, &hook_reader::take_metadata, [](hook_record& h) { h.metadata.clear(); }},
    {{"lease_seconds"}, &hook_reader::take_lease, [](hook_record& h) { h.lease_until.reset(); }},
    {{"expiration_date"},
     &hook_reader::take_expiration,
     [](hook_record& h) { h.lease_until.reset(); }},
    {{"id"}, &hook_reader::take_fixed, nullptr},
    {{"owner"}, &hook_reader::take_fixed, nullptr},
    {{"created_at"}, &hook_reader::take_fixed, nullptr},
    {{"updated_at"}, &hook_reader::take_fixed, nullptr},
    {{"reason"}, &hook_reader::take_fixed, nullptr},
    {{"confirm_by"}, &hook_reader::take_fixed, nullptr},
}};

}  // namespace

std::optional<http::response> read_hook(std::string_view object, const reading& how,
                                        hook_record& h) {
    return hook_reader(how, h).read(object);
}

}  // namespace tidings::rest_hook::detail
