// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/resolver_pool.hpp>
#include <tidings/io/impl/signals_blocked.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace tidings::detail {

/// The requests of one execution context: a pool's thread may outlive the context, and must not
/// post to it then.
class resolve_requests : public std::enable_shared_from_this<resolve_requests> {
 public:
    std::uint64_t add(const net::any_io_executor& executor, std::uint16_t port,
                      io::resolve_callback done) {
        // Tracked, or run() would return while the only work is a resolution.
        auto tracked = net::prefer(executor, net::execution::outstanding_work.tracked);
        const std::lock_guard lock(mutex_);
        requests_.emplace(++last_, request{std::move(tracked), port, std::move(done)});
        return last_;
    }
    void complete(std::uint64_t id, error_code ec, const std::vector<net::ip::address>& found) {
        const std::lock_guard lock(mutex_);
        const auto it = requests_.find(id);
        if (it == requests_.end()) return;
        std::vector<io::socket_address> endpoints;
        for (const auto& address : found) endpoints.push_back({address, it->second.port});
        // The callback stays here until it runs: it can still be cancelled.
        const auto executor = std::exchange(it->second.executor, {});
        net::post(executor,
                  [self = shared_from_this(), id, ec, e = std::move(endpoints)]() mutable {
                      if (auto taken = self->take(id)) taken.mapped().done(ec, std::move(e));
                  });
    }
    void drop(std::uint64_t id) noexcept { take(id); }
    void drop_all() noexcept {
        std::unordered_map<std::uint64_t, request> dropped;  // callbacks end outside the lock
        const std::lock_guard lock(mutex_);
        dropped.swap(requests_);
    }

 private:
    struct request {
        net::any_io_executor executor;
        std::uint16_t port;
        io::resolve_callback done;
    };
    std::unordered_map<std::uint64_t, request>::node_type take(std::uint64_t id) noexcept {
        const std::lock_guard lock(mutex_);
        return requests_.extract(id);
    }

    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, request> requests_;
};

class resolve_service final : public net::execution_context::service {
 public:
    using key_type = resolve_service;
    static inline net::execution_context::id id;
    explicit resolve_service(net::execution_context& context)
        : net::execution_context::service(context) {}
    const std::shared_ptr<resolve_requests>& requests() const noexcept { return requests_; }

 private:
    void shutdown() override { requests_->drop_all(); }
    std::shared_ptr<resolve_requests> requests_ = std::make_shared<resolve_requests>();
};

}  // namespace tidings::detail

namespace tidings::io {

class resolver_pool::state : public std::enable_shared_from_this<state> {
 public:
    explicit state(resolver_pool_options options) : options_(std::move(options)) {}

    canceller start(const net::any_io_executor& executor, std::string host, std::uint16_t port,
                    resolve_callback done, resolver_share share);
    void stop() noexcept;

 private:
    struct ticket {
        std::shared_ptr<detail::resolve_requests> requests;
        std::uint64_t id;
        resolver_share share = resolver_share::whole;
    };
    struct lookup {
        std::string host;
        resolver_share share;
        std::vector<ticket> tickets;
        bool running = false;
    };
    struct worker {
        std::thread thread;
        bool busy = false;
    };

    bool enqueue(std::string host, const ticket& t);
    using lookup_queue = std::deque<std::shared_ptr<lookup>>;
    lookup_queue& queue_of(resolver_share s) noexcept {
        return queues_[static_cast<std::size_t>(s)];
    }
    std::size_t half_threads() const noexcept {
        return std::max<std::size_t>(options_.max_threads / 2, 1);
    }
    void queue(const std::shared_ptr<lookup>& l, resolver_share share);
    std::size_t ready() noexcept;
    std::shared_ptr<lookup> next() noexcept;
    void forget_tickets(const std::vector<ticket>& gone) noexcept;
    void want_worker();
    void cancel(const std::string& host, const ticket& t) noexcept;
    void work(worker& self);
    void run(worker& self, const std::shared_ptr<lookup>& l);

    const resolver_pool_options options_;
    std::mutex mutex_;  // guards the rest
    std::condition_variable wake_;
    std::unordered_map<std::string, std::shared_ptr<lookup>> lookups_;
    std::array<lookup_queue, 2> queues_;  // those of them that no thread has begun, by share
    resolver_share turn_ = resolver_share::whole;
    std::deque<worker> workers_;
    std::size_t busy_ = 0;
    std::size_t busy_half_ = 0;  // of those
    std::size_t tickets_ = 0;
    std::size_t half_tickets_ = 0;  // of those
    bool stopping_ = false;
};

canceller resolver_pool::state::start(const net::any_io_executor& executor, std::string host,
                                      std::uint16_t port, resolve_callback done,
                                      resolver_share share) {
    auto& context = net::query(executor, net::execution::context);
    auto requests = net::use_service<detail::resolve_service>(context).requests();
    const ticket t{requests, requests->add(executor, port, std::move(done)), share};
    error_code not_an_address;
    const auto literal = net::ip::make_address(host, not_an_address);
    if (!not_an_address)
        requests->complete(t.id, {}, {literal});
    else if (!enqueue(host, t))
        requests->complete(t.id, errc::too_many, {});
    return [weak = weak_from_this(), host = std::move(host), owner = std::weak_ptr(requests),
            id = t.id] {
        const auto r = owner.lock();
        if (!r) return;
        r->drop(id);
        if (const auto self = weak.lock()) self->cancel(host, {r, id, {}});
    };
}

bool resolver_pool::state::enqueue(std::string host, const ticket& t) {
    const std::lock_guard lock(mutex_);
    const bool half = t.share == resolver_share::half;
    if (tickets_ >= options_.max_queued) return false;
    if (half && half_tickets_ >= std::max<std::size_t>(options_.max_queued / 2, 1)) return false;
    auto& l = lookups_[host];
    if (!l) {
        l = std::make_shared<lookup>();
        l->host = std::move(host);
        queue(l, t.share);
        if (workers_.empty()) {
            queue_of(t.share).pop_back();
            lookups_.erase(std::string(l->host));
            return false;
        }
    } else if (!half && !l->running && l->share == resolver_share::half) {
        std::erase(queue_of(l->share), l);
        queue(l, t.share);
    }
    l->tickets.push_back(t);
    ++tickets_;
    if (half) ++half_tickets_;
    return true;
}

void resolver_pool::state::queue(const std::shared_ptr<lookup>& l, resolver_share share) {
    l->share = share;
    queue_of(share).push_back(l);
    want_worker();
}

// How many lookups threads could begin now.
std::size_t resolver_pool::state::ready() noexcept {
    const auto left = half_threads() - std::min(busy_half_, half_threads());
    return queue_of(resolver_share::whole).size() +
           std::min(queue_of(resolver_share::half).size(), left);
}

// The two kinds take turns.
std::shared_ptr<resolver_pool::state::lookup> resolver_pool::state::next() noexcept {
    for (int i = 0; i < 2; ++i) {
        const auto share = turn_;
        turn_ = share == resolver_share::whole ? resolver_share::half : resolver_share::whole;
        auto& q = queue_of(share);
        const bool may = share == resolver_share::whole || busy_half_ < half_threads();
        if (q.empty() || !may) continue;
        auto l = std::move(q.front());
        q.pop_front();
        return l;
    }
    return nullptr;
}

void resolver_pool::state::forget_tickets(const std::vector<ticket>& gone) noexcept {
    tickets_ -= gone.size();
    half_tickets_ -= static_cast<std::size_t>(std::count_if(
        gone.begin(), gone.end(), [](const ticket& t) { return t.share == resolver_share::half; }));
}

void resolver_pool::state::want_worker() {
    if (ready() <= workers_.size() - busy_ || workers_.size() >= options_.max_threads)
        return wake_.notify_one();
    const detail::signals_blocked inherited;
    worker& w = workers_.emplace_back();
    try {
        w.thread = std::thread([self = shared_from_this(), &w] { self->work(w); });
    } catch (const std::system_error&) {
        workers_.pop_back();  // the threads there are must do
    }
}

void resolver_pool::state::cancel(const std::string& host, const ticket& t) noexcept {
    const std::lock_guard lock(mutex_);
    const auto it = lookups_.find(host);
    if (it == lookups_.end()) return;
    const auto l = it->second;
    const auto gone = std::find_if(l->tickets.begin(), l->tickets.end(), [&](const ticket& other) {
        return other.id == t.id && other.requests == t.requests;
    });
    if (gone != l->tickets.end()) {
        --tickets_;
        if (gone->share == resolver_share::half) --half_tickets_;
        l->tickets.erase(gone);
    }
    if (l->running || !l->tickets.empty()) return;
    std::erase(queue_of(l->share), l);
    lookups_.erase(it);
}

void resolver_pool::state::work(worker& self) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto l = next();
        if (!l) {
            wake_.wait(lock);
            continue;
        }
        l->running = self.busy = true;
        ++busy_;
        if (l->share == resolver_share::half) ++busy_half_;
        lock.unlock();
        run(self, l);
        lock.lock();
    }
}

void resolver_pool::state::run(worker& self, const std::shared_ptr<lookup>& l) {
    error_code ec;
    std::vector<net::ip::address> found;
    try {
        found = options_.lookup(l->host, ec);
    } catch (...) {
        ec = errc::name_not_resolved;
    }
    if (!ec && found.empty()) ec = errc::name_not_resolved;
    std::vector<ticket> answered;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;  // detached
        self.busy = false;
        --busy_;
        if (l->share == resolver_share::half) --busy_half_;
        answered.swap(l->tickets);
        forget_tickets(answered);
        lookups_.erase(l->host);
    }
    for (const auto& t : answered) t.requests->complete(t.id, ec, found);
}

void resolver_pool::state::stop() noexcept {
    std::unordered_map<std::string, std::shared_ptr<lookup>> dropped;
    std::vector<std::thread> joined;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (auto& q : queues_) q.clear();
        dropped.swap(lookups_);
        for (auto& w : workers_) {
            if (w.busy)
                w.thread.detach();
            else
                joined.push_back(std::move(w.thread));
        }
        wake_.notify_all();
    }
    for (auto& thread : joined) thread.join();
    for (auto& [host, l] : dropped)
        for (const auto& t : l->tickets) t.requests->drop(t.id);
}

resolver_pool::resolver_pool(resolver_pool_options options)
    : state_(std::make_shared<state>(std::move(options))) {}

resolver_pool::~resolver_pool() {
    state_->stop();
}

canceller resolver_pool::start_resolve(net::any_io_executor executor, std::string host,
                                       std::uint16_t port, resolve_callback done,
                                       resolver_share share) {
    return state_->start(executor, std::move(host), port, std::move(done), share);
}

std::vector<net::ip::address> system_lookup(const std::string& host, error_code& ec) {
    ec = errc::name_not_resolved;
    if (host.empty() || host.find('\0') != std::string::npos) return {};
    // Asio's resolver is the portable getaddrinfo; without flags, because those it sets by default
    // make a machine without a network forget "localhost".
    net::io_context context;
    net::ip::tcp::resolver resolver(context);
    error_code failed;
    const auto results = resolver.resolve(host, "", net::ip::resolver_base::flags{}, failed);
    if (failed) return {};
    std::vector<net::ip::address> found;
    for (const auto& entry : results) {
        const auto address = entry.endpoint().address();
        if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
    }
    ec = {};
    return found;
}

}  // namespace tidings::io
