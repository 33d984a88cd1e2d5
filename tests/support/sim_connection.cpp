// SPDX-License-Identifier: BSL-1.0
#include "support/sim_connection.hpp"

#include "support/allocations.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

class sim_stream final : public io::stream {
 public:
    sim_stream(std::shared_ptr<sim_connection> connection, sim_connection::side side,
               net::any_io_executor executor, std::optional<io::socket_address> peer)
        : connection_(std::move(connection)),
          side_(side),
          executor_(std::move(executor)),
          peer_(std::move(peer)) {}
    ~sim_stream() override { connection_->drop(side_); }

    net::any_io_executor executor() const noexcept override { return executor_; }
    bool rebind(const net::any_io_executor& executor) override {
        executor_ = executor;
        connection_->rebind(side_, executor);
        return true;
    }
    void start_handshake(io::ready_callback done) override {
        connection_->post(side_, connection_->tls(side_) ? connection_->handshake() : error_code(),
                          std::move(done));
    }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        connection_->start_transfer(side_, io::wait_for::readable, into, {}, std::move(done));
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        connection_->start_transfer(side_, io::wait_for::writable, {}, from, std::move(done));
    }
    void start_wait(io::wait_for what, io::ready_callback done) override {
        if (!can_poll())
            return connection_->post(side_, net::error::operation_not_supported, std::move(done));
        connection_->start_wait(side_, what, std::move(done));
    }
    bool can_poll() const noexcept override {
        return !connection_->tls(side_) || connection_->link().poll_tls;
    }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return can_poll() ? connection_->try_read(side_, into, ec) : 0;
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return can_poll() ? connection_->try_write(side_, from, ec) : 0;
    }
    void start_shutdown(io::ready_callback done) override {
        connection_->shutdown(side_);
        connection_->post(side_, {}, std::move(done));
    }
    void close() noexcept override { connection_->close(side_); }
    std::string remote_address() const override {
        if (!peer_) return "unix";
        const auto text = peer_->address.to_string();
        return (peer_->address.is_v6() ? '[' + text + ']' : text) + ':' +
               std::to_string(peer_->port);
    }
    bool remote_is_loopback() const noexcept override {
        return !peer_ || peer_->address.is_loopback();
    }

 private:
    std::shared_ptr<sim_connection> connection_;
    sim_connection::side side_;
    net::any_io_executor executor_;
    std::optional<io::socket_address> peer_;
};

constexpr auto readable = io::wait_for::readable;
constexpr auto writable = io::wait_for::writable;

}  // namespace

sim_connection::sim_connection(std::shared_ptr<shared> s, sim_link link, bool client_tls,
                               bool server_tls)
    : shared_(std::move(s)),
      link_(std::move(link)),
      tls_{client_tls, server_tls},
      tap_(link_.make_tap ? link_.make_tap() : nullptr),
      silent_(link_.silent) {
    to_[1].cut = link_.cut_after_sent;
    to_[0].cut = link_.cut_after_received;
}

error_code sim_connection::handshake() const {
    if (tls_[0] != tls_[1] || link_.fail_handshake) return errc::tls_failed;
    return {};
}

io::stream_ptr sim_connection::make_stream(side s, net::any_io_executor executor,
                                           std::optional<io::socket_address> peer) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    ends_[s].executor = executor;
    ++shared_->live_streams;
    return std::make_unique<sim_stream>(shared_from_this(), s, std::move(executor),
                                        std::move(peer));
}

void sim_connection::rebind(side s, const net::any_io_executor& executor) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    ends_[s].executor = executor;
}

void sim_connection::start_transfer(side s, io::wait_for way, std::span<std::byte> into,
                                    std::span<const std::byte> from, io::read_callback done) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    at(s, way) = {std::move(done), false, false, into, from};
    notify(s, way);
}

void sim_connection::start_wait(side s, io::wait_for way, io::ready_callback done) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    at(s, way) = {
        [d = std::move(done)](error_code ec, std::size_t) mutable { d(ec); }, true, false, {}, {}};
    notify(s, way);
}

std::size_t sim_connection::try_read(side s, std::span<std::byte> into, error_code& ec) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    return read(s, into, ec);
}

std::size_t sim_connection::try_write(side s, std::span<const std::byte> from, error_code& ec) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    return write(s, from, ec);
}

void sim_connection::shutdown(side s) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    end_direction(1 - s);
}

void sim_connection::post(side s, error_code ec, io::ready_callback done) {
    const sparing memory;
    net::post(ends_[s].executor, [self = shared_from_this(), s, ec, d = std::move(done)]() mutable {
        {
            const std::lock_guard lock(self->shared_->mutex);
            if (self->ends_[s].dropped) return;
            if (self->ends_[s].closed) ec = net::error::operation_aborted;
        }
        d(ec);
    });
}

void sim_connection::close(side s) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    if (std::exchange(ends_[s].closed, true)) return;
    if (to_[s].held > 0) reset_ = true;  // as TCP does when bytes were left unread
    end_direction(1 - s);
    notify_all();
}

void sim_connection::drop(side s) {
    close(s);
    std::array<pending, 2> dropped;  // callbacks end outside the lock
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    ends_[s].dropped = true;
    dropped.swap(ends_[s].operations);
    --shared_->live_streams;
}

void sim_connection::reset() {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    reset_ = true;
    for (auto& pipe : to_) pipe.segments.clear();
    notify_all();
}

void sim_connection::silence() {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    silent_ = true;
}

void sim_connection::take_callbacks(std::vector<io::read_callback>& taken) {
    const sparing memory;
    const std::lock_guard lock(shared_->mutex);
    for (auto& e : ends_)
        for (auto& operation : e.operations) taken.push_back(std::move(operation.done));
    for (auto& pipe : to_) pipe.timer.reset();
}

io::steady_time sim_connection::now() const {
    return shared_->clock != nullptr ? shared_->clock->now() : io::steady_time();
}

// would_block, or what a transfer would end with, bytes included.
error_code sim_connection::readiness(side s, io::wait_for way) const {
    if (ends_[s].closed) return net::error::operation_aborted;
    if (way == writable) {
        const auto& pipe = to_[1 - s];
        if (reset_) return net::error::connection_reset;
        if (pipe.ended || ends_[1 - s].closed) return net::error::broken_pipe;
        return pipe.held < link_.buffer_bytes ? error_code() : net::error::would_block;
    }
    const auto& pipe = to_[s];
    if (pipe.segments.empty())
        return reset_ ? net::error::connection_reset : net::error::would_block;
    if (silent_ || pipe.segments.front().arrives > now()) return net::error::would_block;
    return pipe.segments.front().bytes.empty() ? error_code(net::error::eof) : error_code();
}

std::size_t sim_connection::read(side s, std::span<std::byte> into, error_code& ec) {
    ec = readiness(s, readable);
    if (ec) return 0;
    auto& pipe = to_[s];
    auto& bytes = pipe.segments.front().bytes;
    const auto n = std::min({into.size(), link_.max_read_bytes, bytes.size()});
    std::copy_n(bytes.begin(), n, into.begin());
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    if (bytes.empty()) pipe.segments.pop_front();
    pipe.held -= n;
    notify(1 - s, writable);
    return n;
}

std::size_t sim_connection::write(side s, std::span<const std::byte> from, error_code& ec) {
    ec = readiness(s, writable);
    if (ec) return 0;
    auto& pipe = to_[1 - s];
    auto n = std::min({from.size(), link_.max_write_bytes, link_.buffer_bytes - pipe.held});
    if (pipe.cut) n = std::min(n, *pipe.cut - pipe.carried);
    pipe.carried += n;
    if (n > 0) carry(1 - s, from.first(n));
    if (pipe.cut == pipe.carried) {
        reset_ = true;
        notify_all();
        if (n == 0) ec = net::error::connection_reset;
    }
    return n;
}

void sim_connection::end_direction(side to) {
    if (!std::exchange(to_[to].ended, true) && !reset_) put(to, {});
}

void sim_connection::carry(side to, std::span<const std::byte> bytes) {
    if (!tap_) return put(to, {bytes.begin(), bytes.end()});
    const auto carried =
        tap_->carry(to == 1, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const auto begin = reinterpret_cast<const std::byte*>(carried.data());
    if (!carried.empty()) put(to, {begin, begin + carried.size()});
}

void sim_connection::put(side to, std::vector<std::byte> bytes) {
    auto& pipe = to_[to];
    pipe.held += bytes.size();
    pipe.segments.push_back({now() + link_.latency, std::move(bytes)});
    if (link_.latency.count() > 0)
        arm(to);
    else
        notify(to, readable);
}

void sim_connection::arm(side to) {
    auto& pipe = to_[to];
    const auto later = std::find_if(pipe.segments.begin(), pipe.segments.end(),
                                    [t = now()](const segment& x) { return x.arrives > t; });
    // Without an executor nobody reads yet; the reader will look for itself.
    if (later == pipe.segments.end() || !ends_[to].executor) return;
    if (!pipe.timer) pipe.timer = shared_->clock->make_timer(ends_[to].executor);
    pipe.timer->start_wait(later->arrives, [weak = weak_from_this(), to] {
        const auto self = weak.lock();
        if (!self) return;
        const sparing memory;
        const std::lock_guard lock(self->shared_->mutex);
        self->notify(to, readable);
        self->arm(to);
    });
}

void sim_connection::notify(side s, io::wait_for way) {
    auto& operation = at(s, way);
    if (!operation.done || operation.posted) return;
    if (readiness(s, way) == net::error::would_block) {
        if (way == readable && link_.latency.count() > 0) arm(s);
        return;
    }
    operation.posted = true;
    net::post(ends_[s].executor, [self = shared_from_this(), s, way] { self->perform(s, way); });
}

void sim_connection::notify_all() {
    for (const side s : {side{0}, side{1}})
        for (const auto way : {readable, writable}) notify(s, way);
}

// The transfer is made here, not when it was found possible: the buffer is the user's until the
// callback runs or the stream is gone.
void sim_connection::perform(side s, io::wait_for way) {
    io::read_callback done;
    error_code ec;
    std::size_t n = 0;
    {
        const sparing memory;
        const std::lock_guard lock(shared_->mutex);
        auto& operation = at(s, way);
        operation.posted = false;
        if (!operation.done) return;
        ec = readiness(s, way);
        if (!operation.wait)
            n = way == readable ? read(s, operation.into, ec) : write(s, operation.from, ec);
        else if (ec != net::error::would_block && ec != net::error::operation_aborted)
            ec = {};  // ready, be it for an error
        if (ec == net::error::would_block) return notify(s, way);
        done = std::exchange(operation, {}).done;
    }
    done(ec, n);
}

}  // namespace tidings::test
