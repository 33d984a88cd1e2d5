// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_state.hpp>
#include <tidings/http/impl/client/streamed_exchange.hpp>
#include <tidings/http/impl/message/serialise.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane_completion.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

// As a handler of the lane's. One of another executor is posted, although there may be no memory
// for that.
response_handler in_lane(response_handler h, const std::shared_ptr<lane>& home) {
    if (h.executor() == home->executor()) return h;
    auto last = std::make_shared<lane_completion<error_code, response>>(std::move(h), home);
    return home->completion<response_handler>(
        [last = std::move(last)](error_code ec, response r) { last->complete(ec, std::move(r)); });
}

}  // namespace

io::connect_options connecting_to(const url& to, const client_options& options,
                                  const io::tls_client_options* tls) {
    io::connect_options c{.host = to.host,
                          .port = to.port,
                          .unix_path = options.unix_path,
                          .address_filter = options.address_filter};
    if (to.secure()) c.tls = tls != nullptr ? *tls : options.tls;
    return c;
}

namespace {

// RFC 9110 9.2.2.
bool is_idempotent(std::string_view method) noexcept {
    constexpr std::array<std::string_view, 6> methods{"GET",    "HEAD",  "OPTIONS",
                                                      "DELETE", "TRACE", "PUT"};
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

client_state::client_state(std::shared_ptr<tidings::detail::lane> lane,
                           net::any_io_executor executor, client_options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      lane_(std::move(lane)) {}

void client_state::start(const std::string& text, const request& r, std::string_view body,
                         diagnostics* detail, response_handler handler, request_terms terms) {
    error_code ec;
    if (detail != nullptr) *detail = {};
    std::shared_ptr<const request_target> target = terms.prepared;
    if (!target) {
        auto to = url::parse(text, ec);
        if (!ec)
            target = std::make_shared<request_target>(request_target::of(std::move(to), terms.tls));
    }
    const auto& further = terms.further;
    const bool named = std::all_of(further.begin(), further.end(),
                                   [](const auto& f) { return is_token(f.first); });
    if (!ec && !(named && is_sendable(r))) ec = errc::invalid_argument;
    if (ec) return std::move(handler)(ec, no_answer());
    const bool close = options_.keep_alive.count() <= 0 || options_.max_idle_per_origin == 0;
    auto slot = handler.cancellation_slot();
    const auto job =
        std::make_shared<client_job>(weak_from_this(), in_lane(std::move(handler), lane_));
    const auto& alike = terms.prepared;
    auto asked = alike ? serialise_head(alike->begin, r, further, close, body.size())
                       : serialise_head(r, target->to, options_.user_agent, close, body.size());
    const bool encoding_given =
        (alike && alike->encoding_given) || r.fields.find("Accept-Encoding").has_value();
    if (!terms.body || body.size() <= max_joined_bytes) {
        asked.append(body);
        terms.body.reset();
    }
    terms.further = {};
    if (terms.trace) terms.trace->job = job;
    job->asked = {.target = std::move(target),
                  .text = std::move(asked),
                  .to_head = r.method == "HEAD",
                  .idempotent = r.idempotent || is_idempotent(r.method),
                  .encoding_given = encoding_given,
                  .terms = std::move(terms),
                  .detail = detail};
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr(job), lane = lane_](net::cancellation_type type) {
            // The server may act on a request that was begun: nothing less can be promised.
            if ((type & net::cancellation_type::terminal) == net::cancellation_type::none) return;
            lane->post([weak] {
                if (const auto j = weak.lock()) j->abort(net::error::operation_aborted);
            });
        });
    // Once it has ended, a request completes at once, which must not be in here.
    if (lane_->running_here() && !ended_) return begin(job);
    lane_->post([self = shared_from_this(), job] { self->begin(job); });
}

void client_state::begin(const std::shared_ptr<client_job>& job) {
    if (ended_) return job->finish(errc::closed);
    if (!job->handler) return;  // cancelled meanwhile
    if (!finds_memory([&] { line_up(job); })) job->abort(errc::out_of_memory);
}

void client_state::line_up(const std::shared_ptr<client_job>& job) {
    job->deadline.arm(lane_->timers(), options_.request_timeout);
    auto& p = pool_of(*job);
    if (p.waiting.empty() && !p.idle.empty()) return give_connection(p, job);
    p.waiting.push_back(job);
    serve(p);
}

origin_pool& client_state::pool_of(client_job& job) {
    const auto& target = *job.asked.target;
    auto it = pools_.find(target.pool);
    if (it == pools_.end()) {
        auto made =
            std::make_unique<origin_pool>(origin_pool{.key = target.pool, .tls = target.tls});
        it = pools_.emplace(target.pool, std::move(made)).first;
    }
    job.pool = it->second.get();
    return *it->second;
}

void client_state::connect_again(const std::shared_ptr<client_job>& job) {
    job->pool = nullptr;
    lane_->post([self = shared_from_this(), job] {
        if (self->closed()) return job->finish(errc::closed);
        if (!job->handler) return;  // it has ended meanwhile
        if (!finds_memory([&] { self->connect(self->pool_of(*job), job); }))
            job->abort(errc::out_of_memory);
    });
}

void client_state::serve(origin_pool& p) {
    if (ended_) return;
    const auto limit = std::max<std::size_t>(options_.max_connections_per_origin, 1);
    while (!p.waiting.empty() && (!p.idle.empty() || p.connections.size() < limit)) {
        const auto job = std::move(p.waiting.front());
        p.waiting.pop_front();
        if (!finds_memory([&] { give_connection(p, job); }))
            return job->abort(errc::out_of_memory);  // and gives the others theirs
    }
    forget_unused(p);
}

// Allocates nothing, though the key is the pool's own.
void client_state::forget_unused(const origin_pool& p) noexcept {
    if (p.connections.empty() && p.waiting.empty()) pools_.erase(pools_.find(p.key));
}

void client_state::give_connection(origin_pool& p, const std::shared_ptr<client_job>& job) {
    if (p.idle.empty()) return connect(p, job);
    auto* const c = p.idle.back();
    p.idle.pop_back();
    c->send(job);
}

// Idle connections end, the oldest first.
void client_state::make_room() {
    const auto max = options_.max_connections;
    while (max != 0 && connections_ > max && !idle_.empty()) {
        auto& c = *idle_.front();
        auto& p = c.pool();
        c.close();
        forget_unused(p);
    }
}

void client_state::connect(origin_pool& p, std::shared_ptr<client_job> job) {
    const auto made = std::make_shared<client_connection>(*this, p);
    p.connections.insert(made);
    ++connections_;
    make_room();
    made->connect(std::move(job));
}

void client_state::close() noexcept {
    try {
        lane_->post([self = shared_from_this()] { self->end(); });
        std::unordered_set<std::shared_ptr<streamed_exchange>> streams;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            streams = streams_;
        }
        for (const auto& s : streams) s->abort(errc::closed);
    } catch (const std::bad_alloc&) {
        return;  // what is under way ends by its deadlines
    }
}

void client_state::end() {
    ended_ = true;
    for (const auto& [key, p] : std::exchange(pools_, {})) {
        for (const auto& job : std::exchange(p->waiting, {})) job->finish(errc::closed);
        for (const auto& c : std::exchange(p->connections, {})) c->end(errc::closed);
    }
}

// Handlers that wait go unheard, as all that waits for the context.
void client_state::on_context_end() noexcept {
    ended_ = true;
    for (const auto& [key, p] : std::exchange(pools_, {})) {
        for (const auto& c : std::exchange(p->connections, {})) c->abandon();
    }
    executor_ = tidings::detail::ended_executor();
    std::unordered_set<std::shared_ptr<streamed_exchange>> dropped;  // outside the lock
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(streams_);
}

bool client_state::closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
}

bool client_state::add(const std::shared_ptr<streamed_exchange>& s) {
    const std::lock_guard lock(mutex_);
    return !closed_ && streams_.insert(s).second;
}

void client_state::remove(const std::shared_ptr<streamed_exchange>& s) noexcept {
    const std::lock_guard lock(mutex_);
    streams_.erase(s);
}

}  // namespace tidings::http::detail
