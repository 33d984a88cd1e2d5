// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/http/impl/server/server_connection.hpp>
#include <tidings/http/impl/server/server_state.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

// How long to wait before accepting again when the process has no descriptors left, say.
constexpr std::chrono::milliseconds accept_pause{100};

server_options logging_through(const std::shared_ptr<log_slot>& slot, server_options o) {
    if (o.log)
        o.log = [slot](const log_record& r) {
            if (const auto user = slot->get()) user->sink(r);
        };
    return o;
}

}  // namespace

server_state::server_state(net::any_io_executor executor, server_options options, error_code& ec)
    : log_(std::make_shared<log_slot>(std::make_shared<user_log>(user_log{options.log}))),
      executor_(std::move(executor)),
      control_(options.assume_single_thread ? executor_
                                            : net::any_io_executor(net::make_strand(executor_))),
      options_(std::make_shared<const server_options>(logging_through(log_, std::move(options)))),
      ledger_(std::make_shared<ledger>(options_)) {
    const auto& o = *options_;
    if (o.max_connections == 0)
        throw std::invalid_argument("tidings::http::server_options: max_connections is 0");
    acceptor_ = o.environment.network->listen(
        control_, {.address = o.address, .port = o.port, .unix_path = o.unix_path, .tls = o.tls},
        ec);
    if (!acceptor_) {
        stage_ = stage::ended;
        log(log_level::error, "cannot listen on " + listening_on(), ec);
        return;
    }
    local_ = acceptor_->local_endpoint();
    auto& clock = *o.environment.clock;
    pause_ = clock.make_timer(control_);
    drain_deadline_ = clock.make_timer(control_);
    const auto bodies = std::make_shared<body_budget>(o.max_buffered_bytes);
    for (std::size_t i = 0; i < std::max<std::size_t>(o.lanes, 1); ++i) {
        auto lane = tidings::detail::lane::make(executor_, clock, o.assume_single_thread);
        shards_.push_back(std::make_shared<shard>(
            shard{.lane = std::move(lane),
                  .options = options_,
                  .bodies = bodies,
                  .on_loopback = o.unix_path.empty() && local_.address.is_loopback()}));
    }
}

std::string server_state::listening_on() const {
    const auto& o = *options_;
    if (o.tls)
        for (const auto& file : {o.tls->certificate_chain_file, o.tls->private_key_file})
            if (!file.empty() && !std::ifstream(file)) return file;
    if (!o.unix_path.empty()) return o.unix_path;
    const bool v6 = o.address.find(':') != std::string::npos;
    return (v6 ? '[' + o.address + ']' : o.address) + ':' + std::to_string(o.port);
}

void server_state::on_context_end() noexcept {
    stage_ = stage::ended;
    log_->close();
    waiting_.clear();
    acceptor_.reset();
    pause_.reset();
    drain_deadline_.reset();
    table_.reset();
    for (const auto& s : shards_) {
        for (const auto& c : std::exchange(s->connections, {})) c->abandon();
        s->routes.reset();
    }
    executor_ = control_ = tidings::detail::ended_executor();
}

void server_state::log(log_level level, std::string_view message, error_code ec) const {
    if (options_->log) options_->log({level, "http", message, ec});
}

// The lanes hold it by it: with the last of them, it is closed.
std::shared_ptr<mounted> server_state::closing_with_its_routes(
    std::shared_ptr<mounted> service) const {
    auto* const raw = service.get();
    return {raw, [log = options_->log, service = std::move(service)](mounted* m) noexcept {
                guarded(log, "http", [m] { m->close(); });
            }};
}

void server_state::mount(std::string_view prefix, std::shared_ptr<mounted> service) {
    if (!prefix.starts_with('/')) throw std::invalid_argument("a mount point begins with '/'");
    if (stage_ == stage::started || stage_ == stage::draining)
        throw std::logic_error("mount() after start()");
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (std::any_of(routes_.begin(), routes_.end(),
                    [prefix](const route& r) { return r.prefix == prefix; }))
        throw std::logic_error("mount() again at \"" + std::string(prefix) + '"');
    routes_.push_back({std::string(prefix), closing_with_its_routes(std::move(service))});
}

void server_state::start() {
    auto expected = stage::configured;
    if (!stage_.compare_exchange_strong(expected, stage::started)) return;
    std::stable_sort(routes_.begin(), routes_.end(), [](const route& a, const route& b) {
        return a.prefix.size() > b.prefix.size();
    });
    table_ = std::make_shared<const route_table>(std::move(routes_));
    for (const auto& s : shards_) s->routes = table_;
    net::post(control_, [self = shared_from_this()] { self->accept(); });
}

void server_state::accept() {
    if (stage_ != stage::started) return;
    const auto& to = shards_[next_shard_++ % shards_.size()];
    acceptor_->start_accept(to->lane->executor(),
                            [weak = weak_from_this(), to](error_code ec, io::stream_ptr stream) {
                                if (const auto self = weak.lock())
                                    self->on_accept(ec, std::move(stream), to);
                            });
}

void server_state::on_accept(error_code ec, io::stream_ptr stream,
                             const std::shared_ptr<shard>& to) {
    if (stage_ != stage::started) return;
    const auto go_on = [&] {
        if (ec) return;
        admit(std::move(stream), to);
        accept();
    };
    if (!finds_memory(go_on)) ec = errc::out_of_memory;
    if (!ec) return;
    log(log_level::warning, "accepting failed; trying again soon", ec);
    pause_->start_wait(options_->environment.clock->now() + accept_pause,
                       [weak = weak_from_this()] {
                           if (const auto self = weak.lock()) self->accept();
                       });
}

void server_state::admit(io::stream_ptr stream, const std::shared_ptr<shard>& to) {
    auto [verdict, seat] = ledger_->enter(stream->remote_address(), stream->remote_is_loopback());
    const bool told = verdict == ledger::verdict::welcome || !options_->tls;
    if (!seat || !told) return log(log_level::warning, "connection closed: too many");
    to->lane->post([to, v = verdict, s = std::move(stream), p = std::move(seat)]() mutable {
        server_connection::start(to, std::move(s), std::move(p), v);
    });
}

// Connections that are open are served until the drain; a bus that drains refuses what they
// publish.
void server_state::start_refusing() noexcept {
    if (role() == drain_role::probes) return;
    try {
        net::post(control_, [self = shared_from_this()] {
            auto expected = stage::started;
            if (!self->stage_.compare_exchange_strong(expected, stage::refusing)) return;
            self->acceptor_->close();
            self->pause_->cancel();
        });
    } catch (const std::bad_alloc&) {
        return;  // the drain closes the listener
    }
}

void server_state::start_drain(drained done) {
    net::post(control_, [self = shared_from_this(), done = std::move(done)]() mutable {
        if (self->stage_ == stage::ended) return done({});
        self->waiting_.push_back(std::move(done));
        if (self->stage_.exchange(stage::draining) != stage::draining) self->begin_drain();
    });
}

void server_state::begin_drain() {
    acceptor_->close();
    pause_->cancel();
    drain_deadline_->start_wait(options_->environment.clock->now() + options_->drain_timeout,
                                [weak = weak_from_this()] {
                                    if (const auto self = weak.lock()) self->end(errc::timed_out);
                                });
    for (const auto& s : shards_)
        s->lane->post([s] {
            s->draining = true;
            const auto all = s->connections;
            for (const auto& c : all) c->drain();
        });
    if (table_)
        for (const auto& r : *table_) guarded(options_->log, "http", [&] { r.service->drain(); });
    ledger_->when_empty([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self) net::post(self->control_, [self] { self->end({}); });
    });
}

void server_state::stop() noexcept {
    try {
        net::post(control_, [self = shared_from_this()] { self->end(errc::closed); });
    } catch (const std::bad_alloc&) {
        return;  // what is left ends with the context
    }
}

void server_state::flush() noexcept {
    for (const auto& s : shards_) s->lane->flush();
}

// Services are closed with the last of their routes, and take along the streams they have. The log
// is released with the last lane's call.
void server_state::end(error_code drain_result) {
    if (stage_.exchange(stage::ended) == stage::ended) return;
    acceptor_.reset();
    pause_.reset();
    drain_deadline_.reset();
    table_.reset();
    routes_.clear();
    const std::shared_ptr<void> last(nullptr, [log = log_](void*) { log->close(); });
    for (const auto& s : shards_)
        s->lane->post([s, last, self = shared_from_this()] {
            const auto services = std::exchange(s->routes, nullptr);
            const auto all = std::exchange(s->connections, {});
            for (const auto& c : all) c->close();
        });
    for (auto& done : std::exchange(waiting_, {})) done(drain_result);
}

}  // namespace tidings::http::detail
