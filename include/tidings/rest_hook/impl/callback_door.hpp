// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/unique_function.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/websub.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// What a subscriber has asked its server for, and agrees to.
struct expected_question {
    enum class kind : std::uint8_t { none, subscribe, unsubscribe };
    kind what = kind::none;
    std::string topic{};  ///< of a challenge
    std::string id{};     ///< of a REST hook, once it is known
};

/// The place below a mount point where one subscription's deliveries and questions arrive: it lets
/// in what comes to its path, and agrees to what is expected. Safe from any thread.
class callback_door final : public std::enable_shared_from_this<callback_door> {
 public:
    /// Calls with what was agreed to, or with a denial, on any thread.
    using listener = std::function<void(const webhook::websub_intent&)>;
    /// @param echoes a question may be an `X-Hook-Secret`
    callback_door(std::shared_ptr<subscriber> sink, std::size_t max_body_bytes, bool echoes)
        : max_body_bytes_(max_body_bytes),
          echoes_(echoes),
          sink_(std::move(sink)) {}

    /// Lets in what comes to this path. `receiver` is what it is received by, but for its answers
    /// to questions; one that was there before is closed. @throws as `webhook::receiver`
    void open(std::string path, webhook::receiver_options receiver, listener heard);
    void expect(expected_question q);
    /// Lets in nothing: where the subscription `stands`, or no path was opened, requests are
    /// answered 503, else 410.
    void shut(bool stands);
    /// Answers 503, and releases what was given.
    void close() noexcept;

    void admit(http::exchange& x);
    void handle(http::exchange& x);
    std::size_t max_body_bytes() const noexcept { return max_body_bytes_; }

 private:
    enum class phase : std::uint8_t { not_ready, open, over };

    std::optional<webhook::receiver> enter(http::exchange& x);
    bool agrees(const webhook::websub_intent& asked) const;
    bool agrees_to_echo(const http::request& r) const;
    bool hears(const webhook::websub_intent& asked) const;

    const std::size_t max_body_bytes_;
    const bool echoes_;
    mutable std::mutex mutex_;  // guards the rest
    phase phase_ = phase::not_ready;
    std::shared_ptr<subscriber> sink_;
    std::string path_;
    std::optional<webhook::receiver> receiver_;
    expected_question expected_;
    listener heard_;
};

}  // namespace tidings::rest_hook::detail
