// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/attribute_name.hpp>
#include <tidings/impl/data_index.hpp>
#include <tidings/impl/filter_node.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>

namespace tidings::detail {

void intrusive_ptr_add_ref(const filter_node* n) noexcept {
    n->references_.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(const filter_node* n) noexcept {
    if (n->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete n;
}

namespace {

using filter_attribute = filter_node::attribute;

filter_attribute attribute_named(std::string_view name) noexcept {
    static constexpr std::pair<std::string_view, filter_attribute> known[] = {
        {"id", filter_attribute::id},
        {"source", filter_attribute::source},
        {"type", filter_attribute::type},
        {"subject", filter_attribute::subject},
        {"time", filter_attribute::time},
        {"dataschema", filter_attribute::data_schema},
        {"datacontenttype", filter_attribute::content_type},
        {"specversion", filter_attribute::spec_version},
        {"topic", filter_attribute::topic}};
    const auto* found = std::find_if(std::begin(known), std::end(known),
                                     [&](const auto& k) { return k.first == name; });
    if (found != std::end(known)) return found->second;
    return is_data_path(name) ? filter_attribute::data : filter_attribute::extension;
}

/// Room for a text that stands nowhere as it is compared.
struct made_text {
    std::array<char, 12> digits;
    std::string decoded;
};

// An extension as CloudEvents 1.0, 3.1.1 writes it; none where it is absent.
std::optional<std::string_view> extension_text(const publication& p, std::string_view name,
                                               made_text& room) noexcept {
    const auto* value = p.extension(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(value)) return *text;
    if (const auto* flag = std::get_if<bool>(value)) return *flag ? "true" : "false";
    const auto number = std::get<std::int32_t>(*value);
    const auto end =
        std::to_chars(room.digits.data(), room.digits.data() + room.digits.size(), number).ptr;
    return std::string_view(room.digits.data(), static_cast<std::size_t>(end - room.digits.data()));
}

// Empty is absent, and a comparison's value is never empty.
std::string_view attribute_text(const publication& p, const filter_node::comparison& c,
                                made_text& room) {
    switch (c.which) {
        case filter_attribute::id:
            return p.id();
        case filter_attribute::source:
            return p.source();
        case filter_attribute::type:
            return p.type();
        case filter_attribute::subject:
            return p.subject();
        case filter_attribute::time:
            return p.time();
        case filter_attribute::data_schema:
            return p.data_schema();
        case filter_attribute::content_type:
            return p.content_type();
        case filter_attribute::spec_version:
            return "1.0";
        case filter_attribute::topic:
            return p.topic();
        case filter_attribute::data:
            return data_text(p, c.name, room.decoded);
        case filter_attribute::extension:
            break;
    }
    return extension_text(p, c.name, room).value_or(std::string_view());
}

bool holds(filter_dialect d, std::string_view text, std::string_view value) noexcept {
    if (d == filter_dialect::prefix) return text.starts_with(value);
    if (d == filter_dialect::suffix) return text.ends_with(value);
    return text == value;
}

std::string_view name_of(filter_dialect d) noexcept {
    static constexpr std::string_view names[] = {"exact", "prefix", "suffix", "all", "any", "not"};
    return names[static_cast<std::size_t>(d)];
}

}  // namespace

void filter_node::count(std::size_t nodes, std::size_t depth, std::size_t bytes) noexcept {
    nodes_ += nodes;
    depth_ = std::max(depth_, depth);
    bytes_ += bytes;
    if (nodes_ > max_filter_nodes || depth_ > max_filter_depth || bytes_ > max_filter_bytes)
        fail(errc::too_large);
}

void filter_node::compare(std::string_view name, std::string_view value) {
    const bool named = is_attribute_name(name) || is_data_path(name);
    if (!named || value.empty() || !is_valid_utf8(value)) return fail(errc::bad_filter);
    std::string written;
    append_json_string(written, name);
    append_json_string(written, value);
    count(1, 1, written.size() + sizeof ":," - 1);
    comparisons_.push_back({attribute_named(name), std::string(name), std::string(value)});
}

void filter_node::add(operand part) {
    if (part == nullptr) return fail(errc::bad_filter);
    if (part->error()) return fail(part->error());
    count(part->nodes_, part->depth_ + 1, part->bytes_);
    operands_.push_back(std::move(part));
}

bool filter_node::is_true(const publication& p) const {
    made_text room;
    const auto compares = [&](const comparison& c) {
        return holds(dialect_, attribute_text(p, c, room), c.value);
    };
    const auto part = [&](const operand& o) { return o->is_true(p); };
    switch (dialect_) {
        case filter_dialect::all:
            return std::all_of(operands_.begin(), operands_.end(), part);
        case filter_dialect::any:
            return std::any_of(operands_.begin(), operands_.end(), part);
        case filter_dialect::negation:
            return !part(operands_.front());
        default:
            return std::all_of(comparisons_.begin(), comparisons_.end(), compares);
    }
}

void filter_node::write(std::string& out) const {
    out += "{\"";
    out += name_of(dialect_);
    out += "\":";
    const bool list = dialect_ == filter_dialect::all || dialect_ == filter_dialect::any;
    if (list) out += '[';
    for (std::size_t i = 0; i < operands_.size(); ++i) {
        if (i != 0) out += ',';
        operands_[i]->write(out);
    }
    if (list) out += ']';
    for (const auto& c : comparisons_) {
        out += &c == &comparisons_.front() ? '{' : ',';
        append_json_string(out, c.name);
        out += ':';
        append_json_string(out, c.value);
    }
    if (!comparisons_.empty()) out += '}';
    out += '}';
}

}  // namespace tidings::detail
