// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/unique_id.hpp>
#include <tidings/io/random.hpp>
#include <tidings/text/impl/hex.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <span>

namespace tidings::detail {

namespace {

std::string random_hex() {
    std::array<char, 8> bytes{};
    io::system_random().fill(std::as_writable_bytes(std::span(bytes)));
    return hex_encode({bytes.data(), bytes.size()});
}

}  // namespace

std::string unique_id() {
    static const std::string process = random_hex() + '-';
    static std::atomic<std::uint64_t> counter{0};
    std::array<char, 2 * sizeof counter> digits{};
    const auto number = counter.fetch_add(1, std::memory_order_relaxed) + 1;
    const auto* const end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    const auto size = static_cast<std::size_t>(end - digits.data());
    std::string text;
    text.reserve(process.size() + size);
    return text.append(process).append(digits.data(), size);
}

}  // namespace tidings::detail
