// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/receipt.hpp>
#include <tidings/unique_function.hpp>

#include <memory>
#include <string_view>

namespace tidings {

/// A publication as a tap sees it.
struct tapped_publication {
    std::string_view topic;
    /// Null where it was refused before there was one: a bad topic, an event that fails its check.
    event_ptr event;
    /// As the publisher gets it; of `async_publish` without what outlets answer later. `error` says
    /// why it was refused.
    const tidings::receipt& receipt;
};

namespace detail {
class bus_state;
class tap_state;
using tap_function = unique_function<void(const tapped_publication&)>;
}  // namespace detail

/// Owns a tap of a bus (`bus::tap`); destroying or resetting it ends it. A call on another thread
/// may be under way then, and the function lives until it returns. Move-only; safe from any thread,
/// and after the bus is gone.
class [[nodiscard("a tap ends when its handle is destroyed")]] tap {
 public:
    tap() = default;
    tap(tap &&) = default;
    TIDINGS_DECL tap& operator=(tap&& o) noexcept;
    TIDINGS_DECL ~tap();

    TIDINGS_DECL void reset() noexcept;

 private:
    friend class bus;
    explicit tap(std::shared_ptr<detail::tap_state> s) noexcept : state_(std::move(s)) {}
    std::shared_ptr<detail::tap_state> state_;
};

}  // namespace tidings
