// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/content_coding.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

using refused_by = std::optional<http::response>;

constexpr std::size_t max_url_bytes = 2048;
constexpr std::size_t secret_limit = 200;  // 5.1: less than that

// A line of text about a parameter of the library's own, so that nothing of the peer's is in it.
refused_by bad(std::string_view name, std::string_view why) {
    return text_answer(400, std::string(name) + ' ' + std::string(why));
}

bool is_form(std::string_view type) {
    constexpr std::string_view form = "application/x-www-form-urlencoded";
    if (!starts_with_ignoring_case(type, form)) return false;
    type.remove_prefix(form.size());
    return type.empty() || type.find_first_of("; \t") == 0;
}

/// What of a form is the hub's; everything else is ignored (5.1).
class form_reader {
 public:
    explicit form_reader(websub_request& out) noexcept : out_(out) {}

    refused_by read(const std::string& body) {
        error_code ec;
        auto pairs = http::parse_query(body, ec);
        if (ec) return text_answer(400, "the body is not a form: it has a % that is no escape");
        for (auto& [name, value] : pairs)
            if (auto no = take(name, std::move(value))) return no;
        if (const auto* mode = find("hub.mode"); mode != nullptr && *mode == "publish")
            return finish_publish();
        return finish();
    }

 private:
    struct parameter {
        std::string_view name;
        std::optional<std::string> value{};
    };

    refused_by take(const std::string& name, std::string value) {
        const auto it =
            std::find_if(said_.begin(), said_.end(), [&](const auto& p) { return p.name == name; });
        const bool publishes = name == "hub.url" || name == "hub.url[]";
        if (it == said_.end() && !publishes) return std::nullopt;
        if (!is_valid_utf8(value)) return bad(publishes ? "hub.url" : it->name, "is not UTF-8");
        if (publishes || it->name == "hub.topic") urls_.push_back(value);
        if (publishes) return std::nullopt;
        twice_ = twice_ || (it->value && it->name == "hub.topic");
        if (it->value && it->name != "hub.topic") return bad(it->name, "stands twice");
        it->value = std::move(value);
        return std::nullopt;
    }
    const std::string* find(std::string_view name) const {
        for (const auto& p : said_)
            if (p.name == name && p.value) return &*p.value;
        return nullptr;
    }

    refused_by finish_publish() {
        out_.what = websub_request::kind::publish;
        if (urls_.empty()) return bad("hub.url", "is missing");
        out_.published = std::move(urls_);
        return std::nullopt;
    }
    refused_by finish() {
        const auto* mode = find("hub.mode");
        if (mode == nullptr) return bad("hub.mode", "is missing");
        if (*mode == "unsubscribe")
            out_.what = websub_request::kind::unsubscribe;
        else if (*mode != "subscribe")
            return bad("hub.mode", "is neither subscribe nor unsubscribe nor publish");
        if (twice_) return bad("hub.topic", "stands twice");
        if (auto no = take_url("hub.callback", out_.callback)) return no;
        if (auto no = take_url("hub.topic", out_.topic)) return no;
        if (auto no = take_lease()) return no;
        if (const auto* secret = find("hub.secret")) out_.secret = *secret;
        if (out_.secret.size() >= secret_limit) return bad("hub.secret", "has 200 bytes or more");
        return std::nullopt;
    }
    refused_by take_url(std::string_view name, std::string& out) {
        const auto* text = find(name);
        if (text == nullptr || text->empty()) return bad(name, "is missing");
        if (!is_web_url(*text))
            return bad(name, "is not an http or https URL of at most 2048 bytes");
        out = *text;
        return std::nullopt;
    }
    refused_by take_lease() {
        constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
        const auto* text = find("hub.lease_seconds");
        if (text == nullptr || text->empty()) return std::nullopt;
        std::uint64_t seconds = 0;
        const char* const stop = text->data() + text->size();
        const auto [end, ec] = std::from_chars(text->data(), stop, seconds);
        const bool huge = ec == std::errc::result_out_of_range;
        if (end != stop || (ec != std::errc() && !huge) || (seconds == 0 && !huge))
            return bad("hub.lease_seconds", "is not a positive number of seconds");
        const bool beyond = huge || seconds > static_cast<std::uint64_t>(most);
        out_.lease = std::chrono::seconds(beyond ? most : static_cast<std::int64_t>(seconds));
        return std::nullopt;
    }

    websub_request& out_;
    std::array<parameter, 5> said_{
        {{"hub.callback"}, {"hub.mode"}, {"hub.topic"}, {"hub.lease_seconds"}, {"hub.secret"}}};
    std::vector<std::string> urls_{};  // `hub.url` and `hub.topic`, of which publishers say many
    bool twice_ = false;               // `hub.topic`
};

}  // namespace

bool is_web_url(const std::string& text) {
    error_code ec;
    const auto target = http::url::parse(text, ec);
    return !ec && (target.scheme == "http" || target.scheme == "https") &&
           text.size() <= max_url_bytes && text.find_first_of("<>\"") == std::string::npos;
}

http::response text_answer(unsigned status, std::string_view text) {
    return {status,
            {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
            std::string(text) + '\n'};
}

std::optional<http::response> read_websub(const http::request& r, std::size_t max_body_bytes,
                                          websub_request& out) {
    if (r.body.size() > max_body_bytes)
        return text_answer(413, "at most " + std::to_string(max_body_bytes) + " bytes are taken");
    if (http::detail::is_packed(r)) {
        auto no = text_answer(415, "the body is taken as it is, without a Content-Encoding");
        no.fields.set("Accept-Encoding", "identity");
        return no;
    }
    if (!is_form(r.fields.get("content-type")))
        return text_answer(415, "a form, application/x-www-form-urlencoded, is taken");
    return form_reader(out).read(r.body);
}

}  // namespace tidings::rest_hook::detail
