// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/receiver.hpp>

namespace tidings::detail {

/// The state behind a `receiver`.
class receiver_subscription final : public queue_subscription {
 public:
    using queue_subscription::queue_subscription;

    TIDINGS_DECL std::optional<event_ptr> try_take();
    TIDINGS_DECL void start(std::size_t max, receive_handler handler);
    /// Also while its reader works at what it got: it is idle again when it asks for more.
    TIDINGS_DECL bool idle() override;

 private:
    struct reader {
        std::uint64_t id;
        std::size_t max;
        receive_handler handler;
    };
    void wake() override;
    void on_end(error_code why) noexcept override;
    void drop_waiting() noexcept override;
    std::list<reader> take_readers() noexcept;
    void cancel(std::uint64_t id);
    std::vector<event_ptr> take_batch(std::size_t max);  // with the mutex held

    std::list<reader> waiting_;  // guarded by mutex_, as the next
    std::uint64_t last_id_ = 0;
    bool reader_works_ = false;  // an operation brought events, and no other was started since
};

}  // namespace tidings::detail
