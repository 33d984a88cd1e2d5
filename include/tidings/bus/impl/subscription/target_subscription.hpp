// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/group/group_member.hpp>
#include <tidings/bus/impl/subscription/counted_subscription.hpp>
#include <tidings/bus/impl/subscription/filtering_subscriber.hpp>
#include <tidings/bus/impl/subscription/passing_subscriber.hpp>

#include <list>

namespace tidings::detail {

/// Delivers to a subscriber in the bus's lane. It must have every event: where a history covers the
/// topic its feed loses nothing that this still holds. Of a queue group it is handed its share.
class target_subscription : public counted_subscription, public feed_sink, public group_member {
 public:
    target_subscription(std::shared_ptr<lane> l, std::shared_ptr<subscriber> s, log_sink log)
        : log_(std::move(log)),
          lane_(std::move(l)),
          subscriber_(std::move(s)),
          filtering_(std::dynamic_pointer_cast<const filtering_subscriber>(subscriber_)),
          passing_(dynamic_cast<passing_subscriber*>(subscriber_.get())) {}

    /// That of the subscriber itself, empty where it has none. Safe from any thread.
    event_filter filter_of_subscriber() const {
        const auto asks = filtering_.lock();
        return asks ? asks->filter() : event_filter();
    }

    net::any_io_executor executor() const noexcept override { return lane_->executor(); }

    bool ready() noexcept override { return active(); }
    bool keeps_place() const noexcept override { return subscriber_->keeps_place(); }
    void locate(std::string_view pattern, const position& here, locate_handler h) override;
    void on_passed(const position& at) noexcept override {
        if (passing_ != nullptr && active()) passing_->on_passed(at);
    }
    void push(const event_ptr& e) noexcept override;
    void push_joined(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept override;
    void on_dropped(std::uint64_t count) noexcept override;
    void on_feed_end(error_code why) noexcept override { end(why); }

    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    bool idle() override {
        const auto source = source_.lock();
        return asked_.empty() && (!source || source->live());
    }
    void follow(const std::shared_ptr<feed>& source) override { source_ = source; }
    void enter(pattern_entry& entry, retired_list& gone) override;
    void leave(pattern_entry& entry, retired_list& gone) noexcept override;
    bool outlet() const noexcept override { return true; }
    std::shared_ptr<subscription_state> owner() noexcept override { return shared_from_this(); }
    std::shared_ptr<feed_sink> sink() override { return shared_as<target_subscription>(); }

    // As a member of a queue group, which takes the place of a feed.
    view look(const event_ptr& e, bool calls) noexcept override;
    bool take_share(const event_ptr& e,
                    const std::shared_ptr<delivery_join>& join) noexcept override;
    void lose(std::uint64_t count) noexcept override { miss(count); }
    void announce(std::uint64_t count) noexcept override { miss(count); }

 protected:
    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    /// So many events for it are gone, of this pattern.
    void note_dropped(std::uint64_t count, std::string_view pattern) noexcept;
    bool announce_missed() noexcept;
    void miss(std::uint64_t count) noexcept;

 private:
    class answer;
    struct question;
    using questions = std::list<std::shared_ptr<question>>;
    /// Its end, posted to the lane.
    struct ending final : lane_task {
        void run() noexcept override { std::exchange(whose, nullptr)->tell_end(); }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<target_subscription> whose;
    };

    void on_end(error_code why) noexcept override;
    void drop_waiting() noexcept override { questions().swap(asked_); }
    void release() noexcept override { subscriber_.reset(); }
    void settle(const question& q, error_code ec, outcome o) noexcept;
    void tell_end() noexcept;
    bool from_itself(const event_ptr& e) const noexcept;
    void pass(const event_ptr& e) noexcept {
        if (e->position()) on_passed(*e->position());
    }
    void count(const event_ptr& e, outcome o) noexcept;
    bool offer(const event_ptr& e) noexcept;
    void ask(const event_ptr& e, std::shared_ptr<delivery_join> join);
    void let_go_of_subscriber() noexcept;

    const log_sink log_;
    std::shared_ptr<lane> lane_;
    std::weak_ptr<feed> source_;              // set before it is on the bus
    std::shared_ptr<subscriber> subscriber_;  // null after `on_unsubscribed`, once it takes nothing
    const std::weak_ptr<const filtering_subscriber> filtering_;  // the same, where it is one
    passing_subscriber* const passing_;  // the same; used while `subscriber_` is there
    questions asked_;                    // lane-confined, as the next two
    std::uint64_t missed_ = 0;           // for want of memory, and not announced yet
    bool told_ = false;
    bool losing_ = false;  // the loss of this burst is in the log
    ending ending_;
};

}  // namespace tidings::detail
