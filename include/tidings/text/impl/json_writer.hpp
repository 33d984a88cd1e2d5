// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace tidings::detail {

/// A JSON object as text, member by member.
class json_writer {
 public:
    /// A value that is JSON.
    json_writer& raw(std::string_view name, std::string_view value) {
        text_ += text_.size() == 1 ? "" : ",";
        append_json_string(text_, name);
        text_.append(":").append(value);
        return *this;
    }
    json_writer& add(std::string_view name, std::string_view value) {
        std::string quoted;
        append_json_string(quoted, value);
        return raw(name, quoted);
    }
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) json_writer& add(std::string_view name, Number value) {
        return raw(name, std::to_string(value));
    }
    json_writer& flag(std::string_view name, bool value) {
        return raw(name, value ? "true" : "false");
    }
    /// Nothing where there is no error.
    json_writer& add(std::string_view name, error_code ec) {
        return ec ? add(name, ec.message()) : *this;
    }
    /// Nothing where the text is empty.
    json_writer& add_any(std::string_view name, std::string_view value) {
        return value.empty() ? *this : add(name, value);
    }
    std::string end() const { return text_ + '}'; }

 private:
    std::string text_ = "{";
};

/// Appends one element to a list without its brackets.
inline void append_element(std::string& list, std::string_view element) {
    if (!list.empty()) list += ',';
    list += element;
}

}  // namespace tidings::detail
