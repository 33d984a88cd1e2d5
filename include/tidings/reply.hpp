// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/overflow.hpp>

#include <concepts>
#include <memory>
#include <type_traits>

namespace tidings {

namespace detail {
class asked_request;
}

/// What answers one request: `bus::respond`. Move-only; may be kept, and used from any thread, also
/// after the responder, the bus or the context has ended. Destroyed without an answer it completes
/// the request with errc::unanswered, at once.
class [[nodiscard("a reply that is destroyed refuses the request")]] reply {
 public:
    reply() noexcept = default;
    TIDINGS_DECL explicit reply(std::shared_ptr<detail::asked_request> to) noexcept;
    reply(reply &&) noexcept = default;
    TIDINGS_DECL reply& operator=(reply&& o) noexcept;
    TIDINGS_DECL ~reply();

    /// Answers; the first answer counts. An event without `time` gets the present, by the clock of
    /// the bus.
    /// @error errc::closed: the request is over (answered, timed out, cancelled) and nothing is
    /// sent; what `event::check` reports, errc::event_reserved_type, errc::out_of_memory: the
    /// request completes with it, too.
    TIDINGS_DECL error_code send(event e) noexcept;
    /// Refuses: the request completes with `why`, or errc::unanswered where that is no error.
    /// @error errc::closed: the request is over.
    TIDINGS_DECL error_code refuse(error_code why) noexcept;
    /// Whether the request still waits for an answer.
    TIDINGS_DECL bool is_wanted() const noexcept;

 private:
    std::shared_ptr<detail::asked_request> to_;
};

struct respond_options {
    /// Of the requests that wait for one responder, which is asked one at a time; one is always
    /// taken. One more goes to another, or is refused with errc::overflow.
    queue_limits limits{};
};

/// What may stand as a responder: a function of the request that returns the answer, or one that
/// takes a `reply` as well and returns nothing.
template <class F>
concept answering_function = std::invocable < std::decay_t<F>
&, const event_ptr& >
       &&std::convertible_to<std::invoke_result_t<std::decay_t<F>&, const event_ptr&>, event>;
template <class F>
concept replying_function = std::invocable < std::decay_t<F>
&, const event_ptr&,
    reply > &&std::is_void_v<std::invoke_result_t<std::decay_t<F>&, const event_ptr&, reply>>;

}  // namespace tidings
