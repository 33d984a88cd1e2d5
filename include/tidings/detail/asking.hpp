// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/decision.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tidings::detail {

template <class T>
struct awaited {};
template <class T>
struct awaited<net::awaitable<T>> {
    using type = T;
};

/// A plain function.
template <class F, class Answer, class... Args>
concept asks_at_once = std::is_invocable_r_v<Answer, F&, Args...>;

template <class F, class Answer, class... Args>
concept asks_by_handler = std::is_invocable_v<F&, Args..., decision_handler<Answer>>;

/// A function that gives an `awaitable` of the answer.
template <class F, class Answer, class... Args>
concept asks_by_coroutine = std::is_invocable_v<F&, Args...> &&
    std::convertible_to<typename awaited<std::invoke_result_t<F&, Args...>>::type, Answer>;

template <class F, class Answer, class... Args>
concept asks_later = asks_by_handler<F, Answer, Args...> || asks_by_coroutine<F, Answer, Args...>;

inline error_code error_of(const std::exception_ptr& e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const boost::system::system_error& failed) {
        return failed.code() ? failed.code() : make_error_code(errc::undecided);
    } catch (...) {
        return errc::undecided;
    }
}

/// A function or coroutine that answers later, as a function that answers by a handler.
template <class Answer, class... Args, class F>
std::function<void(Args..., decision_handler<Answer>)> asking_later(F f) {
    if constexpr (asks_by_handler<F, Answer, Args...>) {
        return f;
    } else {
        return [f](Args... args, decision_handler<Answer> done) {
            // The coroutine may refer to what the function captured, and to its arguments.
            auto kept = std::make_shared<std::pair<F, std::tuple<Args...>>>(
                f, std::tuple<Args...>(std::move(args)...));
            const auto io = done.get_executor();
            const auto slot = done.get_cancellation_slot();
            auto coroutine = std::apply(kept->first, kept->second);
            using result = typename awaited<decltype(coroutine)>::type;
            net::co_spawn(
                io, std::move(coroutine),
                net::bind_cancellation_slot(slot, [kept, done = std::move(done)](
                                                      std::exception_ptr e, result answer) mutable {
                    e ? done(error_of(e), Answer()) : done(error_code(), Answer(std::move(answer)));
                }));
        };
    }
}

}  // namespace tidings::detail
