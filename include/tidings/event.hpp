// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/text_pack.hpp>
#include <tidings/errc.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tidings {

/// A CloudEvents extension value: String (and what is written as one), Boolean or Integer.
using attribute_value = std::variant<std::string, bool, std::int32_t>;

/// Nothing turns the value into bytes: a wire that asks gets errc::event_no_wire_form.
struct no_wire_form {};

/// CloudEvents time has no fixed resolution; this library keeps microseconds.
using event_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

namespace detail {

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view> &&
    !std::same_as<std::remove_cvref_t<T>, std::nullptr_t>;

/// Takes every list in braces; worse than JSON where nlohmann's type is complete.
struct brace {
    template <class T>
    brace(const T&) {}
    brace(std::initializer_list<brace>) {}
};
template <class T>
struct braces {
    braces(std::initializer_list<brace>) {}
};

/// A C++ value carried as an event's data.
class native_value {
 public:
    explicit native_value(const void* tag) noexcept : tag_(tag) {}
    virtual ~native_value() = default;
    native_value(const native_value&) = delete;
    native_value& operator=(const native_value&) = delete;

    const void* tag() const noexcept { return tag_; }
    virtual const void* get() const noexcept = 0;
    /// Bytes for a wire. @error errc::event_no_wire_form, or what the encoder reports.
    virtual error_code encode(std::string& out) const noexcept = 0;

 private:
    const void* tag_;
};

template <class T>
inline constexpr char type_tag = 0;

template <class T, class Encode>
class native_holder;

}  // namespace detail

/// One thing that happened: the CloudEvents 1.0 attributes, extensions and data. A plain value
/// until it is published; not safe to share between threads before that.
///
/// Data is bytes with a content type, or a C++ value (`of`). Setters never fail: what is wrong is
/// found when the event is frozen (published) and reported there.
class event {
 public:
    /// An event without data. Both attributes must be non-empty (CloudEvents 1.0, 3.1).
    TIDINGS_DECL event(std::string_view type, std::string_view source);

    /// Data as text, as it stands; for text that is JSON name the content type "application/json".
    template <detail::text_like Text>
    event(std::string_view type, std::string_view source, const Text& text,
          std::string_view content_type = plain_text)
        : event(copied(), type, source, std::string_view(text), content_type) {}

    /// Data as bytes, which must name their media type (RFC 2046).
    event(std::string_view type, std::string_view source, std::span<const std::byte> bytes,
          std::string_view content_type)
        : event(copied(), type, source,
                std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                content_type) {}

    /// Data as JSON: `event{"type", "/source", {{"total", 99}}}`. Include <tidings/event_json.hpp>
    /// (or <tidings/tidings.hpp>). Text that is not UTF-8 is reported when the event is frozen.
    event(std::string_view type, std::string_view source, const nlohmann::json& json);
    template <std::same_as<nlohmann::ordered_json> Json>
    event(std::string_view type, std::string_view source, const Json& json);

    // For data that is none of these, and for braces without that header: they only say so. The
    // compiler prints the line of the deleted one.
    // clang-format off
    template <class T>
    requires(!detail::text_like<T> && !std::same_as<T, nlohmann::json> && !std::same_as<T, nlohmann::ordered_json>)
    event(std::string_view, std::string_view, const T&) = delete;  // data is text, bytes with a content type, JSON in braces, nlohmann::json(value), or event::of(type, source, value)
    // clang-format on
    template <class T = void>
    event(std::string_view, std::string_view, detail::braces<T>) {
        static_assert(detail::never<T>,
                      "data in braces is JSON: #include <tidings/event_json.hpp>");
    }

    /// Data as a C++ value, read back with `get<T>()`. `encode` is called as
    /// `error_code encode(const T&, std::string& out)` when a wire asks for bytes, at most once per
    /// event as a rule; its `content_type` member names the media type. See `as_json`.
    template <class T, class Encode = no_wire_form>
    static event of(std::string_view type, std::string_view source, T value, Encode encode = {});

    // Attributes. An empty text means: absent.
    event& id(std::string_view v) & { return set(detail::text_pack::id, v); }
    event&& id(std::string_view v) && { return std::move(id(v)); }
    event& type(std::string_view v) & { return set(detail::text_pack::type, v); }
    event&& type(std::string_view v) && { return std::move(type(v)); }
    event& source(std::string_view v) & { return set(detail::text_pack::source, v); }
    event&& source(std::string_view v) && { return std::move(source(v)); }
    event& subject(std::string_view v) & { return set(detail::text_pack::subject, v); }
    event&& subject(std::string_view v) && { return std::move(subject(v)); }
    event& data_schema(std::string_view v) & { return set(detail::text_pack::data_schema, v); }
    event&& data_schema(std::string_view v) && { return std::move(data_schema(v)); }
    event& time(event_time v) & { return time_ = v, *this; }
    event&& time(event_time v) && { return std::move(time(v)); }

    /// Sets an extension; `name` is `[a-z0-9]+` (CloudEvents 1.0, 3.1), checked when frozen.
    TIDINGS_DECL event& extension(std::string_view name, attribute_value value) &;
    event&& extension(std::string_view name, attribute_value value) && {
        return std::move(extension(name, std::move(value)));
    }
    template <detail::text_like Text>
    event& extension(std::string_view name, const Text& text) & {
        return extension(name, attribute_value(std::string(std::string_view(text))));
    }
    template <detail::text_like Text>
    event&& extension(std::string_view name, const Text& text) && {
        return std::move(extension(name, text));
    }
    /// Takes an extension away, if it is there.
    TIDINGS_DECL event& remove_extension(std::string_view name) &;

    /// Replaces the data.
    TIDINGS_DECL event& data(std::string bytes, std::string_view content_type) &;

    // Views of the event, as long as it lives and is not changed.
    std::string_view id() const noexcept { return texts_.get(detail::text_pack::id); }
    std::string_view type() const noexcept { return texts_.get(detail::text_pack::type); }
    std::string_view source() const noexcept { return texts_.get(detail::text_pack::source); }
    std::string_view subject() const noexcept { return texts_.get(detail::text_pack::subject); }
    std::string_view data_schema() const noexcept {
        return texts_.get(detail::text_pack::data_schema);
    }
    std::string_view content_type() const noexcept {
        return known_content_type_ != 0 ? known_content_types[known_content_type_]
                                        : texts_.get(detail::text_pack::content_type);
    }
    const std::optional<event_time>& time() const noexcept { return time_; }
    const std::vector<std::pair<std::string, attribute_value>>& extensions() const noexcept {
        return extensions_;
    }
    /// The value of an extension, or null.
    TIDINGS_DECL const attribute_value* extension(std::string_view name) const noexcept;

    /// Whether the event has data at all; an empty body is data too.
    bool has_data() const noexcept { return has_data_; }
    /// The bytes; empty for a C++ value, whose bytes the publication makes.
    std::string_view text() const noexcept {
        return long_text_ ? std::string_view(*long_text_) : texts_.get(detail::text_pack::data);
    }
    std::span<const std::byte> data() const noexcept {
        const auto t = text();
        return std::as_bytes(std::span(t.data(), t.size()));
    }
    /// The C++ value, or null when the data is not a T.
    template <class T>
    const T* get() const noexcept {
        return value_ && value_->tag() == &detail::type_tag<T>
                   ? static_cast<const T*>(value_->get())
                   : nullptr;
    }

    /// What is wrong with the event, if anything: the check that freezing makes.
    /// @error errc::event_without_source, errc::event_without_type, errc::event_bad_attribute_name,
    /// errc::event_bad_attribute_value, errc::event_bad_type, errc::event_bad_source,
    /// errc::event_bad_time (not in the years 0 to 9999),
    /// errc::invalid_utf8 (from the JSON constructor)
    error_code check() const noexcept {
        const auto found = find_problem();
        return found == errc() ? error_code() : error_code(found);
    }
    /// For library code: the same without a category; 0: nothing.
    TIDINGS_DECL errc find_problem() const noexcept;

    /// For library code: the bytes of all texts, about; see `publication::footprint`.
    TIDINGS_DECL std::size_t size() const noexcept;
    /// For library code: the string that holds the data, where it is a long text; or null.
    const std::string* own_text() const noexcept { return long_text_.get(); }
    /// For library code: the carried value.
    const std::shared_ptr<const detail::native_value>& native() const noexcept { return value_; }

 private:
    static constexpr std::string_view plain_text = "text/plain; charset=utf-8";
    /// Kept by their place here, from the second on.
    static constexpr std::string_view known_content_types[] = {{}, plain_text, "application/json"};
    /// Longer data stands in a string of its own.
    static constexpr std::size_t max_packed_data = 256;

    struct copied {};
    TIDINGS_DECL event(copied, std::string_view type, std::string_view source,
                       std::string_view data, std::string_view content_type);
    event& set(detail::text_pack::field f, std::string_view v) {
        texts_.set(f, v);
        return *this;
    }
    errc find_extension_problem() const noexcept;
    static std::uint8_t place_among_known(std::string_view content_type) noexcept;
    TIDINGS_DECL void set_content_type(std::string_view v);

    detail::text_pack texts_;  // data, too, where it is short
    std::optional<event_time> time_;
    std::vector<std::pair<std::string, attribute_value>> extensions_;
    std::shared_ptr<const detail::native_value> value_;
    std::shared_ptr<const std::string> long_text_;
    std::uint8_t known_content_type_ = 0;
    bool has_data_ = false;
    bool is_invalid_utf8_ = false;  // what should have been JSON
};

namespace detail {

template <class T, class Encode>
class native_holder final : public native_value {
 public:
    native_holder(T value, Encode encode)
        : native_value(&type_tag<T>),
          value_(std::move(value)),
          encode_(std::move(encode)) {}
    const void* get() const noexcept override { return std::addressof(value_); }
    error_code encode([[maybe_unused]] std::string& out) const noexcept override {
        if constexpr (std::same_as<Encode, no_wire_form>) {
            return errc::event_no_wire_form;
        } else {
            try {
                return encode_(value_, out);
            } catch (const std::bad_alloc&) {
                return errc::out_of_memory;
            } catch (...) {
                return errc::callback_threw;
            }
        }
    }

 private:
    T value_;
    [[no_unique_address]] Encode encode_;
};

}  // namespace detail

template <class T, class Encode>
event event::of(std::string_view type, std::string_view source, T value, Encode encode) {
    event result(type, source);
    if constexpr (requires { encode.content_type; }) result.set_content_type(encode.content_type);
    result.has_data_ = true;
    result.value_ = std::make_shared<const detail::native_holder<T, Encode>>(std::move(value),
                                                                             std::move(encode));
    return result;
}

}  // namespace tidings
