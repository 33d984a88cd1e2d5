// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/recheck.hpp>

#include <boost/asio/deferred.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidings {

/// What the sessions of one transport count; null: not counted.
struct session_counters {
    std::atomic<std::uint64_t>* sent = nullptr;     ///< "events_sent"
    std::atomic<std::uint64_t>* unsent = nullptr;   ///< "events_unsent": without a form on the wire
    std::atomic<std::uint64_t>* dropped = nullptr;  ///< "events_dropped" by the feed
};

namespace detail {
class session_registry;
}

/// A session's place among those of its service. Released once, or destroyed, from any thread.
class session_registration {
 public:
    session_registration() = default;
    session_registration(session_registration&& o) noexcept : at_(std::move(o.at_)), key_(o.key_) {}
    session_registration& operator=(session_registration&& o) noexcept {
        release();
        at_ = std::move(o.at_);
        key_ = o.key_;
        return *this;
    }
    ~session_registration() { release(); }
    TIDINGS_DECL void release() noexcept;

 private:
    friend class detail::session_registry;
    std::shared_ptr<detail::session_registry> at_;
    const void* key_ = nullptr;
};

namespace detail {

/// What stands behind `sessions`, and outlives it while a session is registered. Safe from any
/// thread.
class session_registry : public std::enable_shared_from_this<session_registry> {
 public:
    TIDINGS_DECL session_registry(std::shared_ptr<metrics_sink> metrics, std::string transport);

    TIDINGS_DECL session_registration add(const std::shared_ptr<void>& session);
    TIDINGS_DECL void remove(const void* session) noexcept;
    /// Keeps none that comes from now on; those that are open.
    TIDINGS_DECL std::vector<std::shared_ptr<void>> take_no_more();
    TIDINGS_DECL std::vector<std::shared_ptr<void>> open() const;
    TIDINGS_DECL bool draining() const noexcept;
    TIDINGS_DECL std::size_t size() const noexcept;
    const session_counters& counters() const noexcept { return counters_; }

 private:
    void count(std::int64_t add) const noexcept;

    const std::shared_ptr<metrics_sink> metrics_;
    const std::string transport_;
    session_counters counters_;
    mutable std::mutex mutex_;
    std::unordered_map<const void*, std::weak_ptr<void>> open_;  // guarded by mutex_, as the next
    bool draining_ = false;
};

}  // namespace detail

/// The open sessions of a service, so that it can count them (the gauge "clients") and end them.
/// A session is in the list until it ends, or its context does. A handle: copies share the list,
/// and the end of the last one closes it. Safe from any thread.
template <class Session>
class sessions {
 public:
    /// Without metrics.
    sessions() : sessions(nullptr, {}) {}
    /// `transport` is the label of what is counted. Without metrics nothing is.
    sessions(std::shared_ptr<metrics_sink> metrics, std::string transport)
        : list_(std::make_shared<list>()) {
        list_->registry =
            std::make_shared<detail::session_registry>(std::move(metrics), std::move(transport));
    }

    // It has no moved-from state: moving copies.
    sessions(const sessions&) = default;
    sessions& operator=(const sessions&) = default;

    /// Of a class derived from `live_session`, in its lane: lets it begin, with what
    /// `live_start` names. While the service drains it is closed at once.
    template <class Start>
    void open(const std::shared_ptr<Session>& s, Start start) {
        auto place = add(s);
        s->begin(std::move(start), std::move(place), !draining());
    }
    /// Of another class: it counts until the result is released. One that was added while the
    /// service drains is not ended by `drain`, and is to end by itself.
    [[nodiscard]] session_registration add(const std::shared_ptr<Session>& s) {
        return list_->registry->add(s);
    }
    /// Takes no more, and calls `end` with each that is open.
    template <class End>
    void drain(End end) {
        list_->end_each(end);
    }
    /// Takes no more, and ends each that is open in an orderly way.
    void drain() {
        drain([](Session& s) { s.leave(); });
    }
    /// Takes no more, and cuts each that is open.
    void close() {
        drain([](Session& s) { s.abort(); });
    }
    /// Asks again whether what is open may stay: the authenticator with the credentials that it
    /// came with, then the authorizer for each of its patterns. A session whose caller is not
    /// identified any more, or that loses every pattern, ends (errc::unauthorized, errc::forbidden,
    /// as where there is no answer); one that loses some of them goes on with the others. Once this
    /// has completed nothing that was revoked before the call leaves any more: what is queued for
    /// it is discarded, and where it has begun to leave the session is cut. Sessions that open
    /// meanwhile are asked as well.
    ///
    /// Completes with `void(error_code)`, never inline: with success, errc::callback_threw where
    /// `which` threw, errc::closed where the context of a session ended first. Per-operation
    /// cancellation: none; each question has its deadline. From any thread.
    /// @param io where it completes by itself
    /// @param which those whose principal, as it was at the beginning, is such; called here
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_recheck(net::any_io_executor io, const http::access& a,
                                     std::function<bool(const principal&)> which,
                                     Token&& token = Token{}) const {
        return detail::initiate_recheck(
            std::move(io), std::move(which), std::forward<Token>(token),
            [list = *this, a](const auto& chosen, detail::recheck_handler handler) {
                list.start_recheck(a, chosen, std::move(handler));
            });
    }
    /// As `async_recheck`.
    void start_recheck(const http::access& a, const std::function<bool(const principal&)>& which,
                       completion_handler<error_code> handler) const {
        a.begin_recheck();
        const auto join = detail::make_recheck_join(std::move(handler));
        auto own = detail::take_part(join);  // until all are asked
        for (const auto& s : list_->registry->open()) {
            auto& session = *static_cast<Session*>(s.get());
            if (detail::takes_part(*join, which, session.principal()))
                session.recheck(detail::take_part(join));
        }
        own();
    }
    bool draining() const noexcept { return list_->registry->draining(); }
    std::size_t size() const noexcept { return list_->registry->size(); }
    const session_counters& counters() const noexcept { return list_->registry->counters(); }

 private:
    struct list {
        template <class End>
        void end_each(End end) {
            for (const auto& s : registry->take_no_more()) end(*static_cast<Session*>(s.get()));
        }
        ~list() {
            if constexpr (requires(Session & s) { s.abort(); })
                end_each([](Session& s) { s.abort(); });
        }
        std::shared_ptr<detail::session_registry> registry;
    };
    std::shared_ptr<list> list_;
};

}  // namespace tidings
