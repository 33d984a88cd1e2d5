// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/question_step.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

question_step::question_step(std::shared_ptr<lane> home, std::shared_ptr<hook_list> hooks,
                             log_sink log, std::string id, std::string token, change apply,
                             handler done)
    : lane_(std::move(home)),
      hooks_(std::move(hooks)),
      log_(std::move(log)),
      id_(std::move(id)),
      token_(std::move(token)),
      apply_(std::move(apply)),
      done_(std::move(done)) {}

void question_step::start() {
    lane_->post([self = shared_from_this()] { self->run(); });
}

template <class F>
void question_step::step(F f) {
    if (!finds_memory(std::move(f))) end(errc::out_of_memory, {});
}

void question_step::run() {
    step([this] { write(); });
}

void question_step::write() {
    auto v = hooks_->find({.all = true}, id_);
    const bool waits = v && v->record.state == hook_state::pending &&
                       equal_in_constant_time(v->record.question.token, token_);
    if (!waits || !apply_(v->record)) return end(errc::not_found, {});
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

void question_step::on_written(error_code ec, const hook_record& h, std::uint64_t revision) {
    if (ec == errc::store_conflict && ++tries_ < most_tries) return step([this] { read_again(); });
    if (!ec && !finds_memory([&] { hooks_->serve(h, revision); })) ec = errc::out_of_memory;
    end(ec, h);
}

void question_step::read_again() {
    auto on_done = lane_handler<store::row>(
        lane_, errc::store_failed, [self = shared_from_this()](error_code ec, const store::row& r) {
            self->step([&] { self->on_read(ec, r); });
        });
    guarded(log_, "rest_hook", [&] { hooks_->table().start_get(id_, std::move(on_done)); });
}

void question_step::on_read(error_code ec, const store::row& r) {
    if (!ec) hooks_->apply(r);
    if (ec == errc::not_found) hooks_->drop(id_);
    if (ec && ec != errc::not_found) return end(ec, {});
    write();
}

void question_step::end(error_code ec, const hook_record& h) {
    if (auto done = std::move(done_)) done(ec, h);
}

}  // namespace tidings::rest_hook::detail
