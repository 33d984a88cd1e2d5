// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/signature.hpp>

#include <atomic>
#include <mutex>

namespace tidings::webhook::detail {

class sender_state;

/// Scheme and authority of a URL, as logs and errors may show them; of text that is no URL what
/// precedes its query.
std::string origin_of(const std::string& url);

/// One endpoint as a subscriber: what it takes goes into the outbox. Safe from any thread.
class endpoint_state final : public subscriber {
 public:
    endpoint_state(std::shared_ptr<sender_state> sender, endpoint_options options,
                   standard_signer signer);

    const std::string& id() const noexcept { return options_.id; }
    const endpoint_options& options() const noexcept { return options_; }
    /// Its name in a log, where the path and query of a URL, which may be secret, have no place.
    const std::string& label() const noexcept { return label_; }
    bool active() const noexcept { return active_; }
    /// Takes nothing more, and releases `on_gone`.
    void close() noexcept;
    /// The target wants nothing more. Whether it was this call that ended it.
    bool end() noexcept { return active_.exchange(false); }
    /// What to call then; empty once it was taken, or the endpoint was closed or replaced.
    std::function<void()> take_on_gone() noexcept;
    endpoint_counters counters() const noexcept;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return options_.origin; }

    error_code make_request(const store::outbox_entry& e, io::system_time now,
                            http::request& out) const;
    std::atomic<std::uint64_t> accepted{0}, delivered{0}, failed_attempts{0}, dead{0};

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override;
    net::any_io_executor default_executor() const noexcept override;
    error_code make_entry(const event_ptr& e, store::outbox_entry& out) const;

    const std::shared_ptr<sender_state> sender_;
    std::mutex on_gone_mutex_;
    std::function<void()> on_gone_;
    const endpoint_options options_;  // without on_gone
    const std::string label_;
    const standard_signer signer_;
    std::atomic<bool> active_{true};
};

}  // namespace tidings::webhook::detail
