// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

hook_step::hook_step(std::shared_ptr<lane> home, std::shared_ptr<hook_list> hooks, log_sink log,
                     std::string id, change apply, handler done)
    : lane_(std::move(home)),
      hooks_(std::move(hooks)),
      log_(std::move(log)),
      id_(std::move(id)),
      apply_(std::move(apply)),
      done_(std::move(done)) {}

void hook_step::start() {
    lane_->post([self = shared_from_this()] { self->run(); });
}

void hook_step::start(std::chrono::milliseconds patience, unique_function<void()> on_late) {
    on_late_ = std::move(on_late);
    lane_->post([self = shared_from_this(), patience] {
        self->step([&] {
            self->wait(patience);
            self->write();
        });
    });
}

// The table may release the step last, on any thread: the timer ends in the lane.
void hook_step::wait(std::chrono::milliseconds patience) {
    patience_ = lane_->make_resident<wheel_timer>([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (auto late = self ? std::exchange(self->on_late_, {}) : nullptr) late();
    });
    patience_->arm(lane_->timers(), patience);
}

void hook_step::stop_waiting() noexcept {
    if (patience_) patience_->cancel();
    const auto last = std::exchange(on_late_, {});
}

template <class F>
void hook_step::step(F f) {
    if (!finds_memory(std::move(f))) end(errc::out_of_memory, {});
}

void hook_step::run() {
    step([this] { write(); });
}

void hook_step::write() {
    if (hooks_->now() == hook_list::phase::closed) return end(errc::closed, {});
    auto v = hooks_->find({.all = true}, id_);
    const bool exists = v.has_value();
    if (!exists) v.emplace().record.id = id_;
    known_ = v->revision;
    const auto before = v->record;
    if (const auto no = apply_(v->revision, v->record)) return end(no, {});
    if (!exists && !reserve(v->record)) return;
    if (exists && !reserve_owner(before, v->record)) return;
    auto value = to_row_value(v->record);
    auto on_done = lane_handler<std::uint64_t>(
        lane_, errc::store_failed,
        [self = shared_from_this(), h = v->record](error_code ec, std::uint64_t revision) {
            self->on_written(ec, h, revision);
        });
    guarded(log_, "rest_hook", [&] {
        hooks_->table().start_put(id_, std::move(value), v->revision, std::move(on_done));
    });
}

// Where another step has the place its row is about to be there.
bool hook_step::reserve(const hook_record& h) {
    using result = hook_list::reservation::result;
    const auto made = hooks_->reserve(h);
    reserved_ = made.what == result::made;
    if (reserved_) return true;
    if (made.what == result::closed)
        end(errc::closed, {});
    else if (made.what != result::same_exists)
        end(errc::too_many, {});
    else if (made.existing != id_ || ++tries_ >= most_tries)
        end(errc::store_conflict, {});
    else
        read_again();
    return false;
}

// A hub's row may begin anew for another owner.
bool hook_step::reserve_owner(const hook_record& before, const hook_record& h) {
    if (h.owner == before.owner) return true;
    auto made = hooks_->reserve_change(before, h);
    const bool taken = made.what == hook_list::reservation::result::made;
    if (taken)
        owner_ = std::move(made.held);
    else
        end(errc::too_many, {});
    return taken;
}

void hook_step::on_written(error_code ec, const hook_record& h, std::uint64_t revision) {
    const auto held = std::move(owner_);
    if (ec == errc::store_conflict && ++tries_ < most_tries) return step([this] { read_again(); });
    if (!ec && !finds_memory([&] { hooks_->serve(h, revision); })) ec = errc::out_of_memory;
    end(ec, h, revision);
}

void hook_step::read_again() {
    auto by = std::make_shared<const hook_list::reading>(hooks_);
    auto on_done = lane_handler<store::row>(
        lane_, errc::store_failed,
        [self = shared_from_this(), by = std::move(by)](error_code ec, const store::row& r) {
            self->step([&] { self->on_read(ec, r, by); });
        });
    guarded(log_, "rest_hook", [&] { hooks_->table().start_get(id_, std::move(on_done)); });
}

void hook_step::on_read(error_code ec, const store::row& r, const hook_list::reading_ptr& by) {
    if (!ec) hooks_->apply(r, by);
    // One that was made again meanwhile, under the same id, stays.
    if (ec == errc::not_found) hooks_->drop(id_, known_);
    if (ec && ec != errc::not_found) return end(ec, {});
    write();
}

// A place that no row has taken is given back.
void hook_step::end(error_code ec, const hook_record& h, std::uint64_t revision) {
    if (ec && std::exchange(reserved_, false)) finds_memory([&] { hooks_->drop(id_, 0); });
    if (patience_) patience_->cancel();
    if (auto done = std::move(done_)) done(ec, h, revision);
}

hook_step::change of_question(std::string token, std::function<bool(hook_record& h)> apply) {
    return [token = std::move(token), apply = std::move(apply)](std::uint64_t revision,
                                                                hook_record& h) -> error_code {
        const bool waits =
            revision != 0 && h.is_asked() && equal_in_constant_time(h.question.token, token);
        if (!waits || !apply(h)) return errc::not_found;
        return {};
    };
}

}  // namespace tidings::rest_hook::detail
