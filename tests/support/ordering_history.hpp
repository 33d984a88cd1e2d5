// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/unique_function.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

/// A history as a server far away would be: what is appended is committed later, by `commit_next`
/// or by a post, in an order that it shares with others, and its offsets have holes. One ring.
class ordering_history final : public history {
 public:
    explicit ordering_history(std::size_t max_events, std::string epoch = "far");

    /// Commits what was appended first; false when nothing is waiting.
    bool commit_next();
    void commit_all() {
        while (commit_next()) {
        }
    }
    /// Refuses what was appended first.
    bool fail_next(error_code ec);
    /// Commits an event of somebody else's.
    void commit_foreign(std::string_view topic, event e);
    std::size_t waiting() const;

    /// From now on every append is committed by a post to this executor.
    void commit_on(net::any_io_executor executor) { executor_ = std::move(executor); }
    /// From now on every append is refused inside the call; success ends that.
    void refuse_appends(error_code ec) { refusing_ = ec; }
    /// From now on every read fails, at errc::callback_threw by a throw; success ends that.
    void fail_reads(error_code ec) { failing_reads_ = ec; }
    /// Whether the append's handler completes before the listener is called.
    void tell_handlers_first(bool yes) { handlers_first_ = yes; }
    /// Reads that are started from now on are answered by `answer_reads`.
    void hold_reads(bool yes) { holding_reads_ = yes; }
    void answer_reads();
    std::size_t reads() const noexcept { return reads_; }

    bool covers(std::string_view topic) const noexcept override;
    void listen(history_listener& listener) override;
    void unlisten(const history_listener& listener) noexcept override;
    append_result append(pending_publication e, append_handler handler) override;
    position head() const override;
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override;
    std::optional<position> find(std::string_view source, std::string_view id) const override;

 private:
    struct appended {
        pending_publication event;
        append_handler handler;
    };
    std::optional<appended> take_first();
    void commit(appended a);
    position position_of(std::uint64_t number) const { return {epoch_, number}; }
    history_slice read(const position& after, const std::vector<std::string>& patterns,
                       std::size_t max_events) const;

    std::size_t max_events_;
    std::shared_ptr<const std::string> epoch_;
    net::any_io_executor executor_;
    error_code refusing_;
    error_code failing_reads_;
    bool handlers_first_ = false;
    bool holding_reads_ = false;
    std::atomic<std::size_t> reads_{0};

    std::recursive_mutex telling_;  // commits are reported one at a time; never taken by `append`
    history_listener* listener_ = nullptr;

    mutable std::mutex mutex_;  // guards what follows
    std::deque<appended> waiting_;
    std::deque<event_ptr> kept_;
    std::vector<event_ptr> evicted_;
    std::uint64_t head_ = 0;
    std::vector<tidings::unique_function<void()>> held_reads_;
};

}  // namespace tidings::test
