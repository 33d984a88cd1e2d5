// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/lane.hpp>
#include <tidings/http/url.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/webhook/signature.hpp>

#include <deque>
#include <unordered_map>

namespace tidings::webhook::detail {

using namespace tidings::detail;

class sender_core;

/// One endpoint: a subscriber in front, a queue of claimed deliveries behind. The part behind is
/// confined to the sender's lane.
class endpoint_state final : public subscriber {
 public:
    endpoint_state(std::shared_ptr<sender_core> sender, endpoint_options options,
                   standard_signer signer);
    ~endpoint_state() override;

    const std::string& id() const noexcept { return options_.id; }
    const endpoint_options& options() const noexcept { return options_; }
    bool active() const noexcept { return active_; }
    void close() noexcept;
    endpoint_counters counters() const noexcept;

    outcome deliver(const event_ptr& e) noexcept override;

    // In the sender's lane.
    std::deque<store::outbox_entry> queue;
    std::size_t in_flight = 0;
    io::steady_time paused_until{};

    error_code make_request(const store::outbox_entry& e, io::system_time now,
                            http::request& out) const;
    std::atomic<std::uint64_t> accepted{0}, delivered{0}, failed_attempts{0}, dead{0};

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override;
    net::any_io_executor default_executor() const noexcept override;
    error_code make_entry(const publication& p, store::outbox_entry& out) const;

    std::shared_ptr<sender_core> sender_;
    endpoint_options options_;
    standard_signer signer_;
    std::atomic<bool> active_{true};
};

/// The sender behind its handle: rounds of claim, send, finish. Lane-confined behind a thread-safe
/// face.
class sender_core final : public drainable, public std::enable_shared_from_this<sender_core> {
 public:
    sender_core(net::any_io_executor executor, sender_options options);

    std::shared_ptr<endpoint_state> add(endpoint_options options, error_code& ec);
    void forget(const std::string& id) noexcept;
    void stop() noexcept;
    void start_drain(unique_function<void()> done) override;
    std::size_t in_flight() const noexcept { return in_flight_; }

    const net::any_io_executor& executor() const noexcept { return lane_->executor(); }
    io::system_time now() const { return options_.environment.clock->wall_now(); }
    bool taking() const noexcept { return taking_; }
    /// Puts entries into the outbox; `done` in the lane.
    void append(std::vector<store::outbox_entry> entries, unique_function<void(error_code)> done);

 private:
    std::shared_ptr<endpoint_state> find(const std::string& id) const;
    void claim();
    void on_claimed(error_code ec, store::outbox_claim c);
    void enqueue(store::outbox_entry e);
    void run(endpoint_state& e);
    void send(endpoint_state& e, store::outbox_entry entry);
    void on_answer(const std::string& endpoint, const store::outbox_entry& entry, error_code ec,
                   const http::response& r);
    void conclude(endpoint_state& e, const store::outbox_entry& entry, const attempt& a);
    void gone(endpoint_state& e);
    void settle(store::outbox_result r);
    void finish_round();
    void wake_at(io::system_time due);
    void check_drained();
    void report(const attempt& a);

    sender_options options_;
    std::shared_ptr<store::outbox> outbox_;
    retry_schedule schedule_;
    address_guard guard_;
    std::shared_ptr<lane> lane_;
    http::client http_;

    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::weak_ptr<endpoint_state>> endpoints_;  // guarded by mutex_
    std::atomic<bool> taking_{true};
    std::atomic<std::size_t> in_flight_{0};

    // In the lane.
    std::vector<store::outbox_result> results_;
    wheel_timer again_;
    wheel_timer drain_deadline_;
    unique_function<void()> drained_;
    std::size_t queued_ = 0;     // claimed, not in flight
    std::size_t appending_ = 0;
    bool claiming_ = false;
    bool claim_again_ = false;
    bool finishing_ = false;
    bool more_due_ = false;
    bool stopped_ = false;
};

}  // namespace tidings::webhook::detail
