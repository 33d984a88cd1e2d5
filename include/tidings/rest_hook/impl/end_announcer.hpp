// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/hook_index.hpp>
#include <tidings/rest_hook/impl/live_hook.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace tidings::rest_hook::detail {

class hook_list;
class hook_step;

/// Publishes `tidings.rest_hook.expiring` a while before subscriptions end: at most once for each
/// end, since the row is marked first. One row after the other, however many end at once; one whose
/// mark the table does not answer in time waits for that alone.
class end_announcer final : public std::enable_shared_from_this<end_announcer> {
 public:
    /// @param home the lane of the list, and of `look`
    end_announcer(hook_means means, std::shared_ptr<tidings::detail::lane> home);

    /// When `hook_list::on_expiry` has something to do: a subscription ends, or the first end that
    /// is not announced has to be. From any thread.
    http::detail::expiry_time next(const hook_index& index) const;
    /// The first end that may be announced; null: there is none.
    const hook_index::ending* first(const hook_index& index) const;
    /// Announces this one if that is due. `hooks` is notified (`on_expiry`) when that has been
    /// tried.
    void look(const std::shared_ptr<hook_list>& hooks, const hook_index::ending& first);
    /// In the lane: nothing waits for the table any more.
    void stop() noexcept;

 private:
    void mark(const std::shared_ptr<hook_list>& hooks, const hook_index::ending& which);
    void on_late(std::set<std::string>::node_type id);
    void on_marked(const std::string& id, error_code ec, const hook_record& h);
    void publish(const hook_record& h) const;
    void pause(std::chrono::seconds time);
    const hook_index::ending* first_of(const hook_index& index) const noexcept;
    io::system_time now() const { return means_.options->environment.clock->wall_now(); }

    const hook_means means_;
    const std::shared_ptr<tidings::detail::lane> lane_;
    const std::chrono::seconds lead_;  // 0: nothing is announced
    mutable std::mutex mutex_;         // guards what follows
    bool busy_ = false;                // a row is being marked
    std::set<std::string> late_{};     // ids whose mark has no answer yet, and none in time
    io::steady_time not_before_{};
    std::weak_ptr<hook_step> marking_{};  // lane-confined; the newest, which alone has a timer
};

/// Decides whether the end of `h`, which was `before`, is to be announced. One that comes in less
/// than twice the lead is not, because its owner has just been given it.
TIDINGS_DECL void note_end(hook_record& h, const http::detail::expiry_time& before,
                           io::system_time now, std::chrono::seconds lead);

}  // namespace tidings::rest_hook::detail
