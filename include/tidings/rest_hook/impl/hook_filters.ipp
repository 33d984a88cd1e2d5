// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/filter_bounds.hpp>
#include <tidings/rest_hook/impl/hook_filters.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/json_writer.hpp>

#include <algorithm>
#include <new>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// An array that stands where an expression is wanted is none.
error_code read_one(std::string_view raw, filter_texts& into) {
    if (!raw.starts_with('{')) return errc::bad_filter;
    error_code ec;
    auto text = event_filter::parse(raw, ec).json();
    if (ec == errc::out_of_memory) throw std::bad_alloc();
    if (!ec && std::find(into.begin(), into.end(), text) == into.end())
        into.push_back(std::move(text));
    return ec;
}

}  // namespace

refusal read_filters(std::string_view name, std::string_view raw, filter_texts& out) {
    if (!raw.starts_with('[')) return malformed(name, in_quotes(name) + " is not a list");
    const auto all = json_elements(raw, max_filter_nodes + 1);
    if (all.size() > max_filter_nodes)
        return refused(name, "at most " + std::to_string(max_filter_nodes) + " filters are taken");
    filter_texts read;
    error_code ec;
    for (const auto one : all) {
        ec = read_one(one, read);
        if (ec)
            return refused(name,
                           describe_filter_error(ec, one) + ": " + std::string(one.substr(0, 100)));
    }
    filter_of(read, ec);
    if (ec == errc::out_of_memory) throw std::bad_alloc();
    if (ec) return refused(name, describe_filter_error(ec, raw));
    out = std::move(read);
    return std::nullopt;
}

bool read_filters(std::string_view raw, filter_texts& out) {
    if (!raw.starts_with('[')) return false;
    const auto all = json_elements(raw, max_filter_nodes + 1);
    return all.size() <= max_filter_nodes &&
           std::none_of(all.begin(), all.end(), [&](auto one) { return read_one(one, out); });
}

std::string to_json(const filter_texts& filters) {
    std::string list;
    for (const auto& one : filters) append_element(list, one);
    return '[' + list + ']';
}

event_filter filter_of(const filter_texts& filters, error_code& ec) noexcept try {
    return event_filter::parse(to_json(filters), ec);
} catch (const std::bad_alloc&) {
    ec = errc::out_of_memory;
    return {};
}

}  // namespace tidings::rest_hook::detail
