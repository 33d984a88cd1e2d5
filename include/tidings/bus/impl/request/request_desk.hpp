// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/pending_request.hpp>
#include <tidings/bus/impl/subscription/responder_subscription.hpp>

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// The responders of a bus and the requests that wait for them. Thread-safe; calls nothing of
/// others with its mutex held.
class request_desk final : public std::enable_shared_from_this<request_desk> {
 public:
    request_desk(std::shared_ptr<lane> home, io::clock& clock, std::size_t max_requests)
        : lane_(std::move(home)),
          clock_(clock),
          max_requests_(max_requests) {}

    io::clock& clock() const noexcept { return clock_; }

    /// @error errc::closed @throws std::bad_alloc
    TIDINGS_DECL error_code add(const std::shared_ptr<responder_subscription>& r);
    TIDINGS_DECL void remove(const responder_subscription& r) noexcept;
    /// Whether there is one for this topic.
    TIDINGS_DECL bool has_responder(std::string_view topic) noexcept;

    /// A request that waits from now on. Where it may not it has completed already, with `ec` or
    /// errc::closed, errc::too_many, and the result is null. @throws std::bad_alloc
    TIDINGS_DECL std::shared_ptr<pending_request> open(request_handler handler, error_code ec);
    /// It waits no more.
    TIDINGS_DECL void close(pending_request& r) noexcept;
    /// Gives it to the responder whose turn is longest ago, or completes it with
    /// errc::no_responders, errc::overflow, errc::out_of_memory.
    TIDINGS_DECL void hand(const event_ptr& e, const std::shared_ptr<pending_request>& r) noexcept;

    /// Completes what waits with errc::closed. Nothing is taken any more.
    TIDINGS_DECL void close() noexcept;
    /// The same without completing it.
    TIDINGS_DECL void abandon() noexcept;

 private:
    using pending_list = std::list<std::shared_ptr<pending_request>>;
    struct member {
        std::shared_ptr<responder_subscription> responder;
        std::uint64_t turn;  // its last one
    };
    using members = std::vector<member>;
    /// One of several, and of how many.
    struct choice {
        std::shared_ptr<responder_subscription> responder{};
        std::size_t of = 0;
    };

    template <class F>
    void for_each(std::string_view topic, F f);
    choice next_for(std::string_view topic) noexcept;
    pending_list end() noexcept;

    const std::shared_ptr<lane> lane_;
    io::clock& clock_;
    const std::size_t max_requests_;
    mutable std::mutex mutex_;                             // guards what follows
    std::map<std::string, members, std::less<>> literal_;  // by topic
    members wild_;
    pending_list pending_;
    std::uint64_t turn_ = 0;
    bool closed_ = false;
};

}  // namespace tidings::detail
