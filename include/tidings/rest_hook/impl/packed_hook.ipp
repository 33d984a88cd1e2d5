// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/packed_hook.hpp>

#include <chrono>
#include <cstring>
#include <new>
#include <type_traits>

namespace tidings::rest_hook::detail {

namespace {

// Bindings name all members: one that is added and missing here does not compile.

template <class T, class Of>
concept is_like = std::is_same_v<std::remove_const_t<T>, Of>;

template <class F, is_like<std::pair<std::string, std::string>> T>
void each_member(T& of, F f) {
    f(of.first, of.second);
}
template <class F, is_like<retired_secret> T>
void each_member(T& of, F f) {
    auto& [text, until] = of;
    f(text, until);
}
template <class F, is_like<hook_rate> T>
void each_member(T& of, F f) {
    auto& [thousandths, burst] = of;
    f(thousandths, burst);
}
template <class F, is_like<open_question> T>
void each_member(T& of, F f) {
    auto& [token, then, asked, next, until, ended] = of;
    f(token, then, asked, next, until, ended);
}
template <class F, is_like<websub_wish> T>
void each_member(T& of, F f) {
    auto& [mode, pattern, secret, hub, function, lease, permitted_until, reason] = of;
    f(mode, pattern, secret, hub, function, lease, permitted_until, reason);
}
template <class F, is_like<websub_terms> T>
void each_member(T& of, F f) {
    auto& [topic, hub, function, since, wish] = of;
    f(topic, hub, function, since, wish);
}
// The first of them are found again without memory.
template <class F, is_like<hook_record> T>
void each_member(T& of, F f) {
    auto& [id, topics, filters, target_url, secret, retired, state, reason, created_at, updated_at,
           resumed_at, owner, description, form, order, retry, rate, headers, metadata, shown_by,
           per_minute, question, websub, permitted_until, lease_until, announced] = of;
    f(id, owner, reason, topics, filters, target_url, secret, retired, state, created_at,
      updated_at, resumed_at, description, form, order, retry, rate, headers, metadata, shown_by,
      per_minute, question, websub, permitted_until, lease_until, announced);
}

/// Counts have seven bits in a byte, the lowest first; the highest bit of a byte says that another
/// one follows.
constexpr unsigned count_bits = 7;

/// Writes members one behind another; without a place to write to it adds up what they take.
class hook_packer {
 public:
    explicit hook_packer(char* to) noexcept : to_(to) {}

    std::size_t size() const noexcept { return size_; }

    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void take(const T& value) noexcept { put(&value, sizeof(value)); }
    template <class Clock, class Duration>
    void take(const std::chrono::time_point<Clock, Duration>& t) noexcept {
        take(t.time_since_epoch());
    }
    template <class Rep, class Period>
    void take(const std::chrono::duration<Rep, Period>& d) noexcept {
        take(d.count());
    }
    void take(const std::string& text) noexcept {
        take_count(text.size());
        put(text.data(), text.size());
    }
    template <class T>
    void take(const std::optional<T>& value) noexcept {
        take(value.has_value());
        if (value) take(*value);
    }
    template <class T>
    void take(const std::vector<T>& all) noexcept {
        take_count(all.size());
        for (const auto& each : all) take(each);
    }
    template <class T>
    requires std::is_class_v<T>
    void take(const T& all) noexcept {
        each_member(all, [this](const auto&... members) { (this->take(members), ...); });
    }

 private:
    void take_count(std::size_t count) noexcept {
        for (; count >> count_bits != 0; count >>= count_bits)
            take(static_cast<unsigned char>(count | (1U << count_bits)));
        take(static_cast<unsigned char>(count));
    }
    void put(const void* from, std::size_t count) noexcept {
        if (to_ != nullptr && count != 0) std::memcpy(to_ + size_, from, count);
        size_ += count;
    }

    char* const to_;
    std::size_t size_ = 0;
};

std::uint32_t take_packed_count(const char*& at) noexcept {
    std::uint32_t count = 0;
    for (unsigned shift = 0;; shift += count_bits) {
        const auto byte = static_cast<unsigned char>(*at++);
        count |= (byte & ((1U << count_bits) - 1)) << shift;
        if (byte >> count_bits == 0) return count;
    }
}

std::string_view take_packed_text(const char*& at) noexcept {
    const auto size = take_packed_count(at);
    const auto* from = at;
    at += size;
    return {from, size};
}

/// Reads what a packer has written.
class hook_unpacker {
 public:
    explicit hook_unpacker(const char* from) noexcept : at_(from) {}

    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void take(T& value) noexcept {
        std::memcpy(&value, at_, sizeof(value));
        at_ += sizeof(value);
    }
    template <class Clock, class Duration>
    void take(std::chrono::time_point<Clock, Duration>& t) noexcept {
        Duration since;
        take(since);
        t = std::chrono::time_point<Clock, Duration>(since);
    }
    template <class Rep, class Period>
    void take(std::chrono::duration<Rep, Period>& d) noexcept {
        Rep count{};
        take(count);
        d = std::chrono::duration<Rep, Period>(count);
    }
    void take(std::string& text) { text = take_packed_text(at_); }
    template <class T>
    void take(std::optional<T>& value) {
        bool is = false;
        take(is);
        if (is) take(value.emplace());
    }
    template <class T>
    void take(std::vector<T>& all) {
        all.resize(take_packed_count(at_));
        for (auto& each : all) take(each);
    }
    template <class T>
    requires std::is_class_v<T>
    void take(T& all) {
        each_member(all, [this](auto&... members) { (this->take(members), ...); });
    }

 private:
    const char* at_;
};

}  // namespace

packed_hook::packed_hook(const hook_record& h, const hook_index& in) {
    hook_packer size(nullptr);
    size.take(h);
    bytes_ = std::make_unique<char[]>(sizeof(header) + size.size());
    hook_packer(bytes_.get() + sizeof(header)).take(h);
    const auto e = in.entry_of(h);
    std::uint8_t marks = 0;
    const auto set = [&](mark m, bool is) {
        if (is) marks = static_cast<std::uint8_t>(marks | static_cast<std::uint8_t>(m));
    };
    set(mark::by_hub, h.websub.has_value());
    set(mark::asked, h.is_asked());
    set(mark::ended, h.question.ended);
    set(mark::expires, e.expires.has_value());
    set(mark::unannounced, e.unannounced);
    ::new (static_cast<void*>(bytes_.get()))
        header{e.key, e.held, e.expires.value_or(io::system_time()), h.state, marks};
}

hook_record packed_hook::unpack() const {
    hook_record h;
    if (bytes_) hook_unpacker(body()).take(h);
    return h;
}

hook_index::entry packed_hook::entry() const noexcept {
    const auto* at = body();
    const auto id = take_text(at);
    const auto& h = head();
    return {id,
            take_text(at),
            h.key,
            h.held,
            is(mark::expires) ? http::detail::expiry_time(h.expires) : std::nullopt,
            is(mark::unannounced)};
}

std::string_view packed_hook::owner() const noexcept {
    if (!bytes_) return {};
    const auto* at = body();
    take_text(at);
    return take_text(at);
}

std::string_view packed_hook::reason() const noexcept {
    if (!bytes_) return {};
    const auto* at = body();
    for (int before = 0; before < 2; ++before) take_text(at);
    return take_text(at);
}

const char* packed_hook::topics() const noexcept {
    const auto* at = body();
    for (int before = 0; before < 3; ++before) take_text(at);
    return at;
}

std::uint32_t packed_hook::take_count(const char*& at) noexcept {
    return take_packed_count(at);
}

std::string_view packed_hook::take_text(const char*& at) noexcept {
    return take_packed_text(at);
}

}  // namespace tidings::rest_hook::detail
