// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/gone_hook.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

gone_hook::gone_hook(std::shared_ptr<lane> home, std::weak_ptr<hook_list> hooks, log_sink log,
                     const hook_view& was)
    : lane_(std::move(home)),
      hooks_(std::move(hooks)),
      log_(std::move(log)),
      was_(was.record),
      revision_(was.revision) {}

void gone_hook::erase() {
    const auto hooks = hooks_.lock();
    if (!hooks) return;
    auto on_done =
        lane_handler<>(lane_, errc::store_failed,
                       [self = shared_from_this()](error_code ec) { self->on_erased(ec); });
    guarded(log_, "rest_hook",
            [&] { hooks->table().start_erase(was_.id, revision_, std::move(on_done)); });
}

// What fails otherwise the list tries again.
void gone_hook::on_erased(error_code ec) {
    const auto hooks = hooks_.lock();
    if (!hooks || hooks->now() == hook_list::phase::closed) return;
    if (!ec || ec == errc::not_found) {
        if (log_ && !ec)
            finds_memory([&] {
                log_({log_level::warning, "rest_hook",
                      "subscription " + was_.id + " has ended: its target wants nothing more",
                      errc::webhook_gone});
            });
        return hooks->drop(was_.id, revision_);
    }
    const bool other = ec == errc::store_conflict && ++tries_ < most_tries;
    if (other && finds_memory([&] { read_again(); })) return;
    finds_memory([&] { hooks->erase_later(was_.id, revision_); });
}

void gone_hook::read_again() {
    const auto hooks = hooks_.lock();
    if (!hooks) return;
    auto by = std::make_shared<const hook_list::reading>(hooks);
    auto on_done = lane_handler<store::row>(
        lane_, errc::store_failed,
        [self = shared_from_this(), by = std::move(by)](error_code ec, const store::row& r) {
            self->on_read(ec, r, by);
        });
    guarded(log_, "rest_hook", [&] { hooks->table().start_get(was_.id, std::move(on_done)); });
}

void gone_hook::on_read(error_code ec, const store::row& r, const hook_list::reading_ptr& by) {
    const auto hooks = hooks_.lock();
    if (!hooks) return;
    if (ec == errc::not_found) return hooks->drop(was_.id, revision_);
    bool same = true;
    const bool read = !ec && finds_memory([&] {
        hooks->apply(r, by);
        const auto now = read_row(r);
        same = now && is_same(*now);
    });
    if (!same) return;
    if (read) revision_ = r.revision;
    if (!finds_memory([&] { erase(); }))
        finds_memory([&] { hooks->erase_later(was_.id, revision_); });
}

// Neither begun anew, nor led elsewhere, nor made active again.
bool gone_hook::is_same(const hook_record& now) const {
    return endpoint_id_of(now) == endpoint_id_of(was_) && now.target_url == was_.target_url &&
           now.resumed_at == was_.resumed_at;
}

}  // namespace tidings::rest_hook::detail
