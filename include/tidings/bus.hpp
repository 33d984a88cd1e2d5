// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus_options.hpp>
#include <tidings/explanation.hpp>
#include <tidings/receiver.hpp>
#include <tidings/reply.hpp>
#include <tidings/subscription.hpp>
#include <tidings/tap.hpp>
#include <tidings/topic_handle.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution_context.hpp>

namespace tidings {

class drainable;

/// Tag: run the callback inside `publish`, on any publishing thread.
struct immediate_t {
    explicit immediate_t() = default;
};
inline constexpr immediate_t immediate{};

/// What may stand as a callback: called as `void(const event_ptr&)`. A class that is a subscriber
/// counts as one even if it is callable.
template <class F>
concept event_callback =
    !std::derived_from<std::remove_cvref_t<F>, subscriber> &&
    !has_subscriber<std::remove_cvref_t<F>> && std::invocable<std::decay_t<F>&, const event_ptr&>;

namespace detail {
class bus_state;
using event_callback_function = unique_function<void(const event_ptr&)>;
using publish_handler = completion_handler<error_code, receipt>;
using request_handler = completion_handler<error_code, event_ptr>;
using responder_function = unique_function<void(const event_ptr&, reply)>;

template <class T>
constexpr void explain_const_bus() {
    static_assert(never<T>,
                  "publishing and subscribing change a bus: take `tidings::bus&`, not const");
}
template <class T>
constexpr void explain_token() {
    static_assert(never<T>,
                  "the completion token is called with (tidings::error_code, tidings::receipt): a "
                  "function of these two, net::use_awaitable, net::deferred or another of Asio");
}
}  // namespace detail

/// An in-process publish-subscribe bus by topic, with history and resume; itself a subscriber, so
/// that inlets and other buses deliver into it. Handle on shared state: move-only; destroying it
/// ends every subscription with errc::closed. `publish` and `subscribe` are safe from any thread.
/// One that was moved from is closed: operations end with errc::closed, getters give defaults.
///
/// Every subscriber that carries a position sees events in position order over all topics. Nothing
/// here throws for what a peer sent.
class bus {
 public:
    /// @throws std::invalid_argument for a rule of the history, or of what is retained, or a
    /// pattern of metrics, that is none, and for too many of these.
    TIDINGS_DECL explicit bus(net::any_io_executor executor, bus_options options = {});
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&>
    explicit bus(Context& context, bus_options options = {})
        : bus(net::any_io_executor(context.get_executor()), std::move(options)) {}
    template <class Context, class Options>
    requires(!std::convertible_to<Options, bus_options>) bus(Context&&, Options&&) {
        static_assert(detail::never<Options>, "the options of a bus are tidings::bus_options");
    }
    bus(bus&&) = default;
    TIDINGS_DECL bus& operator=(bus&& o) noexcept;
    TIDINGS_DECL ~bus();

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Delivers to a subscriber, one event at a time, on the bus's executor.
    /// @error in the handle, and in the log with the pattern: errc::bad_pattern,
    /// errc::foreign_wildcard, errc::too_many, errc::invalid_argument (nobody), errc::bad_filter,
    /// errc::too_large (of the filter), errc::bad_group
    TIDINGS_DECL subscription subscribe(std::string_view pattern, any_subscriber s,
                                        subscribe_options options = {});

    /// Runs `f` on its associated executor, by default the bus's, never concurrently with itself,
    /// in batches. The callbacks of one executor share its turns: a burst costs one post for all of
    /// them, and they run one after another, also where several threads run the context. What is to
    /// run beside the others is bound to an executor of its own, such as a strand. Subscribed
    /// during a dispatch: from the next event on. An exception it throws is logged and counted;
    /// other subscribers still get the event.
    template <event_callback F>
    subscription subscribe(std::string_view pattern, F&& f, subscribe_options options = {}) {
        using result = std::invoke_result_t<std::decay_t<F>&, const event_ptr&>;
        if constexpr (std::is_void_v<result>) {
            net::any_io_executor io = net::get_associated_executor(f, get_executor());
            return subscribe_callback(pattern, std::move(io), std::forward<F>(f),
                                      std::move(options));
        } else {
            detail::explain_callback_result<result>();
            return {};
        }
    }

    /// Runs `f` inside `publish`, on the publishing thread (for a history that commits later: on
    /// the thread that reports the commit); perhaps on several at once. What it publishes itself
    /// is dispatched at once, before the other subscribers of the outer event; deeper than 16 such
    /// levels a publication is refused with errc::hop_limit. Events that `filter` does not want are
    /// not counted.
    template <event_callback F>
    subscription subscribe(std::string_view pattern, immediate_t, F&& f, event_filter filter = {}) {
        using result = std::invoke_result_t<std::decay_t<F>&, const event_ptr&>;
        if constexpr (std::is_void_v<result>) {
            return subscribe_immediate(pattern, std::forward<F>(f), std::move(filter));
        } else {
            detail::explain_callback_result<result>();
            return {};
        }
    }

    // For what is neither, and for a const bus: they only say so.
    template <class T>
    requires(!event_callback<T> && !std::convertible_to<T, any_subscriber>) subscription
        subscribe(std::string_view, T&&, subscribe_options = {}) {
        detail::explain_no_subscriber<T>();
        return {};
    }
    template <class T>
    requires(!event_callback<T>) subscription subscribe(std::string_view, immediate_t, T&&) {
        detail::explain_no_subscriber<T>();
        return {};
    }
    template <event_callback F>
    subscription subscribe(std::string_view, F&&, subscribe_options = {}) const {
        detail::explain_const_bus<F>();
        return {};
    }
    template <class T = void>
    receipt publish(std::string_view, event) const {
        detail::explain_const_bus<T>();
        return {};
    }

    /// Subscribes with a queue that a coroutine reads.
    TIDINGS_DECL receiver receive(std::string_view pattern, subscribe_options options = {});

    /// Publishes. Braces `{"type", "/source", {{"total", 99}}}` need <tidings/event_json.hpp>.
    /// @error in the receipt: errc::bad_topic, errc::foreign_wildcard, errc::reserved_topic,
    /// errc::event_reserved_type, what `event::check` reports, errc::hop_limit,
    /// errc::history_failed, errc::out_of_memory, errc::shutting_down (it has drained),
    /// errc::closed
    TIDINGS_DECL receipt publish(std::string_view topic, event e);
    /// Publishes the same content again.
    TIDINGS_DECL receipt publish(std::string_view topic, const event_ptr& e);

    /// Publishes and completes with `void(error_code, receipt)` with the exact outcome: the history
    /// is durable, every outlet with storage has accepted, every queue had room or its deadline
    /// passed. Name the event first in a coroutine: g++ 12 cannot take braces inside `co_await`.
    /// Per-operation cancellation: terminal. It completes with operation_aborted and the receipt as
    /// it stands; the event stays published, queues that it waits for drop it, and an outlet that
    /// was asked may still take it.
    /// @error as in `receipt::error`, what an outlet answered, errc::missed (an outlet did not get
    /// it; see `bus_options::inbox`), and operation_aborted.
    template <net::completion_token_for<void(error_code, receipt)> Token = net::deferred_t>
    [[nodiscard]] auto async_publish(std::string_view topic, event e, Token&& token = Token{}) {
        return detail::initiate<void(error_code, receipt)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, std::string t,
                             event published) {
                start_publish(state, std::move(t), std::move(published),
                              detail::publish_handler(io, std::move(handler)));
            },
            std::string(topic), std::move(e));
    }

    template <class Token>
    requires(!net::completion_token_for<Token, void(error_code, receipt)>) void async_publish(
        std::string_view, event, Token&&) {
        detail::explain_token<Token>();
    }

    /// Publishes a request and completes with `void(error_code, event_ptr)`: the answer of one
    /// responder (`respond`) that matches the topic, the one whose turn is longest ago. The request
    /// is a publication as any other, for subscribers and for a history; where there is no
    /// responder, which no subscriber is, nothing is published. The answer, of the topic `_reply`,
    /// is none. `timeout` is by the clock of the bus, in ticks of 20 ms, and outstanding work.
    /// Per-operation cancellation: total; the request stays published, an answer is discarded.
    /// @error errc::no_responders, errc::timed_out, errc::unanswered (the reply was destroyed),
    /// errc::callback_threw (the responder threw), what `reply::refuse` was given, what is wrong
    /// with the answer, errc::overflow (every responder's queue is full), errc::too_many
    /// (`bus_options::max_requests`), operation_aborted, and what `publish` reports
    template <net::completion_token_for<void(error_code, event_ptr)> Token = net::deferred_t>
    [[nodiscard]] auto async_request(std::string_view topic, event e,
                                     std::chrono::milliseconds timeout, Token&& token = Token{}) {
        return detail::initiate<void(error_code, event_ptr)>(
            get_executor(), std::forward<Token>(token),
            [state = state_, timeout](net::any_io_executor io, auto handler, std::string t,
                                      event asked) {
                start_request(state, t, std::move(asked), timeout,
                              detail::request_handler(io, std::move(handler)));
            },
            std::string(topic), std::move(e));
    }

    /// Answers requests whose topic matches: `f` returns the answer, or takes a `reply` as well
    /// and answers when it can. It runs on its associated executor, by default the bus's, never
    /// concurrently with itself. Of several responders that match one is asked. What waits for one
    /// that ends goes to another. Counters: matched are requests, delivered are calls. A draining
    /// bus waits for the answers that are owed.
    /// @error in the handle: errc::bad_pattern, errc::foreign_wildcard, errc::too_many,
    /// errc::closed
    template <class F>
    requires(answering_function<F> || replying_function<F>) subscription
        respond(std::string_view pattern, F&& f, respond_options options = {}) {
        net::any_io_executor io = net::get_associated_executor(f, get_executor());
        if constexpr (replying_function<F>) {
            return start_responder(pattern, std::move(io), std::forward<F>(f), options);
        } else {
            auto answer = [g = std::decay_t<F>(std::forward<F>(f))](
                              const event_ptr& e, reply to) mutable { to.send(g(e)); };
            return start_responder(pattern, std::move(io), std::move(answer), options);
        }
    }

    /// Ends the bus without losing what it has: what inlets bring is refused; callbacks, receivers
    /// and outlets go on, their own publications accepted, until nothing waits in any of them (a
    /// receiver: when it asks again) or `bus_options::drain_timeout` passes. Then subscriptions end
    /// and publications are refused with errc::shutting_down; streams of services stay for their
    /// server to flush. Completes with `void(error_code)`. Per-operation cancellation: none, the
    /// drain goes on; destroying the bus ends it at once.
    /// @error errc::timed_out: something was still busy, and is named in the log.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token), [s = state_](auto io, auto h) {
                start_drain(s, tidings::completion_handler<error_code>(io, std::move(h)));
            });
    }

    /// A handle on a topic that is published to often.
    /// @throws std::invalid_argument where the other one reports an error.
    TIDINGS_DECL topic_handle topic(std::string_view name);
    /// @error errc::bad_topic, errc::foreign_wildcard, errc::reserved_topic, errc::closed; the
    /// handle is empty then.
    TIDINGS_DECL topic_handle topic(std::string_view name, error_code& ec);

    /// Where the history stands: a subscriber that resumes there gets what is published from now
    /// on. Empty without a history.
    TIDINGS_DECL position head() const;
    TIDINGS_DECL std::size_t subscriptions() const noexcept;

    /// Removes what is retained of a topic. False where there is nothing.
    TIDINGS_DECL bool forget(std::string_view topic) noexcept;
    TIDINGS_DECL retained_counters retained() const noexcept;
    /// What would become of an event of a topic now: the subscriptions that match, or why it would
    /// be refused. For debugging: it locks the bus while it looks.
    /// @throws std::bad_alloc
    TIDINGS_DECL explanation explain(std::string_view topic) const;

    /// Calls `f(const tapped_publication&)` with each publication after its dispatch, and with each
    /// refusal: for debugging, since publications take the bus's lock while there is a tap. It runs
    /// on the publishing thread, perhaps on several at once. An exception it throws is logged; what
    /// it publishes itself is not shown to taps.
    template <class F>
    requires std::invocable < std::decay_t<F>
    &, const tapped_publication& > [[nodiscard]] tidings::tap tap(F&& f) {
        return add_tap(std::forward<F>(f));
    }

    /// The bus as a subscriber: delivering to it publishes under the event's own topic.
    TIDINGS_DECL std::shared_ptr<subscriber> as_subscriber() noexcept;
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const noexcept;
    /// For services; see `bus_reference`.
    const std::shared_ptr<detail::bus_state>& state() const noexcept { return state_; }

 private:
    TIDINGS_DECL subscription subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                                 detail::event_callback_function f,
                                                 subscribe_options options);
    TIDINGS_DECL subscription subscribe_immediate(std::string_view pattern,
                                                  detail::event_callback_function f,
                                                  event_filter filter);
    TIDINGS_DECL subscription start_responder(std::string_view pattern, net::any_io_executor io,
                                              detail::responder_function f,
                                              respond_options options);
    TIDINGS_DECL static void start_request(const std::shared_ptr<detail::bus_state>& s,
                                           std::string_view topic, event e,
                                           std::chrono::milliseconds timeout,
                                           detail::request_handler handler);
    TIDINGS_DECL tidings::tap add_tap(detail::tap_function f);
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::bus_state>& s,
                                         tidings::completion_handler<error_code> handler);
    TIDINGS_DECL static void start_publish(const std::shared_ptr<detail::bus_state>& s,
                                           std::string topic, event e,
                                           detail::publish_handler handler);
    std::shared_ptr<detail::bus_state> state_;
};

}  // namespace tidings
