// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/webhook/impl/attempt_gate.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

attempt_gate::attempt_gate(const std::shared_ptr<lane>& l, io::clock& clock,
                           const signing_options& signing, const log_sink& log,
                           signing_desk::ready_function open)
    : lane_(l),
      clock_(clock),
      open_(std::make_shared<signing_desk::ready_function>(std::move(open))),
      signatures_(std::make_shared<signing_desk>(
          l, clock, signing, log,
          [open = open_](const auto& ids, error_code ec) { (*open)(ids, ec); })),
      timer_([this] { on_timer(); }) {}

attempt_gate::pass attempt_gate::admit(const endpoint_target& t, const signing_desk::entries& line,
                                       std::size_t most) {
    const auto now = clock_.now();
    const auto consent = consents_.look(t, now);
    if (consent == pass::ask) consents_.begin(t);
    const bool goes_on = consent == pass::open && pace_.look(t.id(), rate_of(t), now) &&
                         (!t.terms().async_signer || signatures_->look(t, line, most));
    if (goes_on) pace_.take(t.id(), now);
    wait();
    return goes_on || consent == pass::ask ? consent : pass::closed;
}

// What the target agreed to, where that is less.
delivery_rate attempt_gate::rate_of(const endpoint_target& t) const {
    constexpr double seconds = 60;
    auto rate = t.terms().rate;
    const auto agreed = consents_.per_minute(t) / seconds;
    if (agreed > 0 && (rate.per_second <= 0 || rate.per_second > agreed)) rate.per_second = agreed;
    return rate;
}

error_code attempt_gate::on_consent(const endpoint_target& t, error_code ec,
                                    const http::response& r) {
    return consents_.on_answer(t, ec, r, clock_.now());
}

void attempt_gate::grant(const endpoint_target& t, consent_grant g) {
    consents_.grant(t, g, clock_.now());
    wait();
}

void attempt_gate::dismiss(const std::string& id) {
    consents_.dismiss(id);
    pace_.dismiss(id);
    wait();
    signatures_->dismiss(id);
}

void attempt_gate::wait() {
    const auto next = std::min(pace_.next().value_or(io::steady_time::max()),
                               consents_.next().value_or(io::steady_time::max()));
    if (next == io::steady_time::max()) return timer_.cancel();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock_.now());
    timer_.arm(lane_->timers(), std::max(left, std::chrono::milliseconds(0)));
}

// Those for which there is no memory still wait, and fire it again.
void attempt_gate::on_timer() {
    std::vector<std::string> ids;
    finds_memory([&] {
        consents_.ready(clock_.now(), ids);
        pace_.ready(clock_.now(), ids);
    });
    wait();
    (*open_)(ids, {});
}

void attempt_gate::stop() noexcept {
    timer_.cancel();
    signatures_->stop();
}

}  // namespace tidings::webhook::detail
