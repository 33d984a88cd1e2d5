// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/json_depth.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/impl/data_index.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/json_media_type.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace tidings::detail {

namespace {

constexpr std::string_view data_prefix = "data.";
constexpr char data_index_form = 0;

/// A member of an object that is in no array.
struct data_member {
    std::uint32_t within;     // the number of the object that it is of; the outermost is 0
    std::uint32_t name_hash;  // of the name as it reads
    std::uint32_t name;       // this and the next: where it begins in the text
    std::uint32_t value;
    std::uint32_t object;  // the number of the object that it is; 0: it is none
};

std::uint32_t hash_of(std::string_view name) noexcept {
    std::uint32_t hash = 2166136261;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
    return hash;
}

std::string_view literal_at(std::string_view text, std::size_t at) noexcept {
    return text.substr(at, skip_json_string(text, at) - at);
}

// What a literal reads as, in `room` where it has escapes.
std::string_view text_of(std::string_view literal, std::string& room) {
    const auto inner = literal.substr(1, literal.size() - 2);
    if (inner.find('\\') == inner.npos) return inner;
    return room = read_json_string(literal);
}

// Whether the literal at `at` reads as `name`. A publisher may make many names of one hash: of a
// longer one no more is looked at than `name` may take.
bool reads_as(std::string_view text, std::size_t at, std::string_view name) {
    constexpr auto most_per_byte = sizeof R"(\u0000)" - 1;
    const auto window = text.substr(0, at + name.size() * most_per_byte + sizeof R"("")" - 1);
    const auto end = skip_json_string(window, at);
    std::string room;
    return end <= window.size() && text_of(window.substr(at, end - at), room) == name;
}

// Behind the value that begins at `at`, whatever is nested in it. The text is well-formed.
std::size_t skip_value(std::string_view text, std::size_t at) noexcept {
    std::size_t depth = 0;
    do {
        const char c = text[at];
        if (c == '"') {
            at = skip_json_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
    } while (depth != 0);
    return at;
}

/// Walks the objects of a well-formed text, not deeper than a path may lead.
class data_walk {
 public:
    explicit data_walk(std::string_view text) noexcept : text_(text) {}

    /// Empty also where there are more members than filters look at.
    std::vector<data_member> members() {
        at_ = text_.find_first_not_of(" \t\r\n");
        if (at_ == text_.npos || text_[at_++] != '{') return {};
        std::size_t depth = 1;
        while (depth != 0 && found_.size() <= max_filter_data_members) {
            at_ = text_.find_first_of("\"}", at_);
            if (text_[at_] == '"') {
                if (take_member(open_[depth - 1], depth < open_.size()))
                    open_[depth++] = last_object_;
            } else {
                ++at_;
                --depth;
            }
        }
        if (found_.size() > max_filter_data_members) found_.clear();
        return std::move(found_);
    }

 private:
    // Whether it is an object that is looked into, whose brace is passed then.
    bool take_member(std::uint32_t within, bool deeper) {
        const auto name = at_;
        at_ = text_.find(':', skip_json_string(text_, at_)) + 1;
        at_ = text_.find_first_not_of(" \t\r\n", at_);
        const bool enters = deeper && text_[at_] == '{';
        found_.push_back({.within = within,
                          .name_hash = hash_of(text_of(literal_at(text_, name), room_)),
                          .name = static_cast<std::uint32_t>(name),
                          .value = static_cast<std::uint32_t>(at_),
                          .object = enters ? ++last_object_ : 0});
        at_ = enters ? at_ + 1 : skip_value(text_, at_);
        return enters;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
    std::array<std::uint32_t, max_filter_path> open_{};
    std::uint32_t last_object_ = 0;
    std::vector<data_member> found_;
    std::string room_;
};

/// The members of a publication's data, as they are kept in a form of it.
class data_index {
 public:
    explicit data_index(const std::string& bytes) noexcept : bytes_(bytes) {}

    static std::string make(const publication& p) {
        if (!p.has_data() || !is_json_media_type(p.content_type())) return {};
        error_code ec;
        const auto text = p.text(ec);
        if (text.size() > std::numeric_limits<std::uint32_t>::max()) return {};
        if (!ec) ec = check_json(text);
        if (ec == errc::out_of_memory) throw std::bad_alloc();
        if (ec) return {};
        auto all = data_walk(text).members();
        std::sort(all.begin(), all.end(), [](const data_member& a, const data_member& b) {
            return std::tie(a.within, a.name_hash, a.name) <
                   std::tie(b.within, b.name_hash, b.name);
        });
        std::string bytes(all.size() * sizeof(data_member), '\0');
        if (!all.empty()) std::memcpy(bytes.data(), all.data(), bytes.size());
        return bytes;
    }

    /// The member of this name; none: there is no such one. Of several with one name
    /// the last counts, as it does for most readers of JSON.
    std::optional<data_member> find(std::string_view text, std::uint32_t within,
                                    std::string_view name) const {
        const auto hash = hash_of(name);
        std::size_t first = 0;
        auto last = bytes_.size() / sizeof(data_member);
        while (first < last) {  // behind those of this hash
            const auto middle = first + (last - first) / 2;
            const auto m = at(middle);
            if (std::tie(within, hash) < std::tie(m.within, m.name_hash))
                last = middle;
            else
                first = middle + 1;
        }
        for (; first != 0; --first) {
            const auto m = at(first - 1);
            if (m.within != within || m.name_hash != hash) break;
            if (reads_as(text, m.name, name)) return m;
        }
        return std::nullopt;
    }

 private:
    data_member at(std::size_t i) const noexcept {
        data_member m;
        std::memcpy(&m, bytes_.data() + i * sizeof m, sizeof m);
        return m;
    }

    const std::string& bytes_;
};

std::string_view scalar_at(std::string_view text, std::size_t at, std::string& room) {
    switch (text[at]) {
        case '{':
        case '[':
        case 'n':
            return {};
        case '"':
            break;
        default:
            return text.substr(at, text.find_first_of(",}] \t\r\n", at) - at);
    }
    return text_of(literal_at(text, at), room);
}

}  // namespace

bool is_data_path(std::string_view name) noexcept {
    if (!name.starts_with(data_prefix) || !is_valid_utf8(name)) return false;
    std::size_t parts = 0;
    for (std::size_t at = data_prefix.size(); at <= name.size(); ++parts) {
        const auto end = std::min(name.find('.', at), name.size());
        if (end == at) return false;
        at = end + 1;
    }
    return parts <= max_filter_path;
}

std::string_view data_text(const publication& p, std::string_view path, std::string& room) {
    auto form = p.form(&data_index_form);
    if (!form) form = p.store_form(&data_index_form, data_index::make(p));
    const data_index index(*form);
    const auto text = p.text();
    std::uint32_t within = 0;
    for (auto at = data_prefix.size();;) {
        const auto end = std::min(path.find('.', at), path.size());
        const auto found = index.find(text, within, path.substr(at, end - at));
        if (!found) return {};
        if (end == path.size()) return scalar_at(text, found->value, room);
        if (found->object == 0) return {};
        within = found->object;
        at = end + 1;
    }
}

}  // namespace tidings::detail
