// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/live_state.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

namespace {

// Of a full one 80 to 100 %, so that sessions that began together do not end together.
std::chrono::milliseconds draw_lifetime(std::chrono::milliseconds most, io::random& random) {
    if (most.count() <= 0) return std::chrono::milliseconds(0);
    const auto spread = static_cast<std::uint64_t>(most.count() / 5 + 1);
    return most - std::chrono::milliseconds(random.next() % spread);
}

std::chrono::milliseconds quarter_of(const live_session_options& o) noexcept {
    return o.heartbeat.count() != 0 ? o.heartbeat / 4 : live_state::never;
}

// Null for one that says nothing.
std::unique_ptr<const principal> unless_empty(principal&& p) {
    if (p.anonymous && p.name.empty() && p.grants.empty() && !p.expires) return nullptr;
    return std::make_unique<const principal>(std::move(p));
}

// Runs code of the transport's that may find no memory. False when it did.
template <class F>
bool finds_memory(live_state& s, F&& f) noexcept {
    bool found = true;
    s.call([&] {
        try {
            f();
        } catch (const std::bad_alloc&) {
            found = false;
        }
    });
    return found;
}

}  // namespace

live_state::live_state(live_session& owner, http::live_stream stream,
                       std::shared_ptr<const live_session_options> options)
    : owner_(owner),
      options_(std::move(options)),
      stream_{.remote_address = stream.connection.stream->remote_address(),
              .connection = std::move(stream.connection.stream),
              .home = std::move(stream.connection.lane),
              .guard = std::move(stream.connection.guard),
              .principal = unless_empty(std::move(stream.principal)),
              .request = std::move(stream.request),
              .start = std::make_unique<kept_stream::opening>(kept_stream::opening{
                  std::move(stream.head), std::move(stream.connection.leftover),
                  draw_lifetime(options_->max_lifetime, *stream.environment.random)})},
      output_(owner, *options_, stream.chunked,
              std::make_shared<send_queue>(stream_.home, connection(), options_->write_timeout)),
      timer_([this] {
          if (!is_open()) return end(errc::timed_out);
          if (lane().timers().clock().now() >= life_ends_) return finish({});
          call([this] { owner_.on_silence(); });
      }),
      access_(*this) {}

live_state::~live_state() {
    if (feed_) feed_->stop();
    queue().close();
}

std::shared_ptr<live_session> live_state::self() const {
    return std::static_pointer_cast<live_session>(owner_.shared_from_this());
}

void live_state::begin(live_start what, session_registration place, bool welcome) {
    const auto keep = self();
    registration_ = std::move(place);
    watch_context(lane().executor(), std::shared_ptr<context_dependent>(keep, this));
    queue().listen(this);
    if (!stream_.start->head.empty()) queue().append(std::move(stream_.start->head));
    append(std::exchange(what.first, {}));
    if (const auto life = stream_.start->lifetime; life.count() != 0)
        life_ends_ = lane().timers().clock().now() + life;
    await_silence(quarter_of(*options_));
    if (!call([this] { owner_.opened(); })) finish(errc::callback_threw);
    if (has_ended()) return;
    if (welcome) return access_.begin(std::move(what));
    call([this] { owner_.go_away(); });
    go_on({});
}

void live_state::go_on(live_start what) {
    if (what.bus && is_open()) {
        const bool resumes = what.asked.after.has_value();
        feed_options f{.patterns = std::move(what.asked.patterns),
                       .after = std::move(what.asked.after),
                       .limits = options_->limits,
                       .overflow = options_->overflow,
                       .max_lag = options_->max_lag,
                       .after_gap = what.asked.after_gap.value_or(options_->after_gap),
                       .origin = owner_.origin(),
                       .filter = std::move(what.asked.filter),
                       .retained = what.asked.retained,
                       .lives_on = true};
        departure_.session = self();
        feed_ = std::make_shared<feed>(std::move(what.bus), stream_.home,
                                       std::shared_ptr<feed_sink>(self(), this), std::move(f));
        if (const auto ec = feed_->start())
            finish(ec);
        else if (!resumes && !feed_->cursor().empty())
            beat();  // so that the peer can resume even if it is cut before the first event
    }
    if (!call([this] { owner_.read(); })) end(errc::callback_threw);
    stream_.start.reset();
}

std::string live_state::kept_stream::take_leftover() noexcept {
    return start ? std::move(start->leftover) : std::string();
}

const principal& live_state::kept_stream::caller() const noexcept {
    static const tidings::principal anonymous;
    return principal ? *principal : anonymous;
}

void live_state::on_room() noexcept {
    const auto s = owner_.weak_from_this().lock();
    if (!s) return;
    call([this] { owner_.on_room(); });
    if (feed_) feed_->pump();
}

void live_state::on_empty() noexcept {
    if (has_ended()) return;
    const auto keep = std::exchange(departure_.session, nullptr);
    if (!call([this] { owner_.goodbye_sent(); })) end(errc::callback_threw);
}

void live_state::on_error(error_code ec) noexcept {
    if (const auto s = owner_.weak_from_this().lock()) end(ec);
}

// A read is always pending: the peer's end is noticed without a write.
void live_state::read_away() noexcept {
    if (has_ended()) return;
    const auto start = [this] {
        if (connection().can_poll()) {
            connection().start_wait(io::wait_for::readable, [s = self(), this](error_code ec) {
                if (has_ended()) return;
                const auto read = [&] { connection().try_read(lane().receive_buffer(), ec); };
                if (!ec && !tidings::detail::finds_memory(read)) ec = errc::out_of_memory;
                if (ec == net::error::would_block || ec == net::error::try_again) ec = {};
                ec ? end(ec) : read_away();
            });
            return;
        }
        if (!ignored_) ignored_ = std::make_unique<std::array<std::byte, 64>>();
        connection().start_read(*ignored_, [s = self(), this](error_code ec, std::size_t) {
            if (has_ended()) return;
            ec ? end(ec) : read_away();
        });
    };
    if (!tidings::detail::finds_memory(start)) end(errc::out_of_memory);
}

// What the peer has not got is before its position: it comes back for it.
void live_state::push(const event_ptr& e) noexcept {
    if (is_open() && !finds_memory(*this, [&] { output_.append_event(e); }))
        finish(errc::out_of_memory);
}

void live_state::on_dropped(std::uint64_t count) noexcept {
    if (auto* dropped = options_->counters.dropped) *dropped += count;
}

error_code live_state::check_send() const noexcept {
    if (!is_open()) return errc::closed;
    return queue().over(options_->limits.max_bytes) ? make_error_code(errc::overflow)
                                                    : error_code();
}

outcome live_state::deliver(const event_ptr& e) noexcept {
    if (const auto ec = check_send()) {
        if (ec == errc::closed) return outcome::closed;
        ++missed_;
        return outcome::dropped;
    }
    const auto append_here = [this, e] {
        if (const auto missed = missed_.load()) {
            const auto lagged = make_lagged_event(missed);
            if (!lagged) throw std::bad_alloc();
            output_.append_event(lagged);
            missed_ -= missed;
        }
        output_.append_event(e);
    };
    const auto push_here = [this, append_here] {
        if (is_open() && !finds_memory(*this, append_here)) ++missed_;
    };
    if (call([&] { in_lane(queue_cost(e), push_here); })) return outcome::queued;
    ++missed_;
    return outcome::dropped;
}

error_code live_state::send(std::string bytes) {
    if (const auto ec = check_send()) return ec;
    const auto size = bytes.size();
    in_lane(size, [this, b = std::move(bytes)]() mutable {
        if (is_open()) append(std::move(b));
    });
    return {};
}

void live_state::await_silence(std::chrono::milliseconds after) noexcept {
    if (!is_open()) return;
    auto& timers = lane().timers();
    if (life_ends_ != io::steady_time::max())
        after = std::min(
            after, std::chrono::ceil<std::chrono::milliseconds>(life_ends_ - timers.clock().now()));
    after == never ? timer_.cancel() : timer_.arm(timers, after);
}

// Looked at four times in a heartbeat, so that traffic costs nothing and yet no silence is longer.
void live_state::on_quarter() {
    await_silence(quarter_of(*options_));
    const auto writes = queue().writes();
    if (std::exchange(writes_seen_, writes) != writes) {
        quiet_quarters_ = 0;
        return;
    }
    queue().shrink();
    if (++quiet_quarters_ < 3) return;
    quiet_quarters_ = 0;
    beat_soon();
}

void live_state::beat_soon() {
    if (!feed_) return beat();
    call([&] { feed_->refresh([s = self(), this] { beat(); }); });
}

void live_state::beat() {
    if (!is_open()) return;
    call([&] { append(owner_.beat(feed_ ? feed_->cursor() : position())); });
}

// The body ends in an orderly way, so that the peer knows the stream was not cut; then the session
// waits for it to close. Closing a socket with unread bytes would reset the connection under our
// last words.
void live_state::finish(error_code why) {
    if (!is_open()) return;
    stage_.store(stage::goodbye, std::memory_order_release);
    if (feed_) feed_->stop();
    timer_.cancel();
    access_.stop_watching();
    const auto end_body = [this] {
        output_.end_body();
        departure_.session = self();
        queue().report_empty();
    };
    const bool said = finds_memory(*this, [&] { append(owner_.say_goodbye(why)); });
    if (!said || !finds_memory(*this, end_body)) end(errc::out_of_memory);
}

void live_state::shut_down() {
    connection().start_shutdown([](error_code) {});
    await_end();
}

void live_state::await_end() noexcept {
    timer_.arm(lane().timers(), options_->close_timeout);
}

void live_state::end(error_code why) {
    if (stage_.exchange(stage::ended) == stage::ended) return;
    const auto keep = self();
    timer_.cancel();
    if (feed_) feed_->stop();
    queue().close();
    connection().close();
    access_.stop();
    call([&] { owner_.ended(why); });
    departure_.session = keep;
    lane().post(departure_);
    registration_.release();
    stream_.guard.reset();
}

// Behind the call that ended it: what was captured may hold the session, and one of the captures
// may have been the caller. The stream goes here, as its callbacks may be queued in the lane while
// another thread releases the session.
void live_state::departure::run() noexcept {
    const auto last = std::move(session);
    state.owner_.release();
    const auto stream = std::move(state.stream_.connection);
    const auto source = std::move(state.feed_);
    state.access_.drop();
}

// No hook is called.
void live_state::on_context_end() noexcept {
    const bool departs = stage_.exchange(stage::ended) == stage::ended;
    const auto keep = self();
    if (feed_) feed_->stop();
    access_.drop();
    queue().close();
    registration_.release();
    owner_.release();
    stream_.connection.reset();
    stream_.guard.reset();
    // A departure that is posted keeps its session until the lane drops it.
    if (!departs) departure_.session.reset();
}

}  // namespace tidings::detail
