// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_rows.hpp>

#include <functional>

namespace tidings::store::detail {

/// An outbox in memory without its lock. Where an operation throws std::bad_alloc, what was done
/// before is done, except that of an append nothing is left.
class outbox_tables final : private outbox_rows {
 public:
    explicit outbox_tables(const outbox_options& options)
        : outbox_rows(options),
          attempts_(options_.attempts, uses_) {}

    TIDINGS_DECL std::vector<outbox_endpoint> open(outbox_opening o);
    TIDINGS_DECL outbox_appended append(outbox_append a);
    /// @param wanted as `prompt_outbox::claim`; none: `q.of` says that
    TIDINGS_DECL outbox_claim claim(const outbox_query& q,
                                    const std::function<bool(const std::string&)>& wanted = {});
    /// Where it throws, `r` has its results still.
    TIDINGS_DECL void finish(outbox_round&& r);
    TIDINGS_DECL std::vector<outbox_listed> list(const outbox_selection& s) const;
    TIDINGS_DECL std::vector<outbox_endpoint_listed> list_endpoints(const std::string& after,
                                                                    std::size_t max) const;
    TIDINGS_DECL std::vector<outbox_attempt_counts> list_attempt_counts(
        const outbox_counts_selection& s) const;
    TIDINGS_DECL outbox_redelivered redeliver(const outbox_redelivery& r);
    TIDINGS_DECL outbox_retained retain(const outbox_retention& r);
    /// As `prompt_outbox`.
    TIDINGS_DECL std::optional<std::string> note_added(
        outbox_time now, const std::string& after, std::size_t max,
        const std::function<bool(const std::string&)>& added);
    TIDINGS_DECL void erase(const std::string& owner);
    /// Empty: there is none.
    TIDINGS_DECL position mark_of(const mark_key& key) const;
    TIDINGS_DECL outbox_stats stats() const noexcept;
    const attempt_log& attempts() const noexcept { return attempts_; }
    std::vector<message_uses::message> take_released() noexcept { return uses_.take_released(); }

 private:
    friend class outbox_picture;
    class claiming;
    class making_room;
    class retaining;

    /// Null: nothing is held of it.
    const endpoint* find_held(const std::string& id) const noexcept;
    void set_marks(outbox_append& a, const outbox_appended& result);
    void set_mark(const mark_key& key, position at);
    row* find_claimed(std::uint64_t key) noexcept;
    void settle(row& r, const outbox_result& result, outbox_time now);
    bool has_room_for(const row& dead) const noexcept;
    void revive(row& r, const outbox_redelivery& how);
    endpoint_map::iterator erase(endpoint_map::iterator it);
    void end_endpoint(const std::string& id) noexcept;

    attempt_log attempts_;
    std::uint64_t last_key_ = 0;
};

}  // namespace tidings::store::detail
