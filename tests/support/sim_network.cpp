// SPDX-License-Identifier: BSL-1.0
#include "support/sim_network.hpp"

#include "support/allocations.hpp"
#include "support/sim_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <deque>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace tidings::test {

namespace {

/// Where something listens: a Unix path, or an endpoint as text.
std::string key_of(const std::string& unix_path, const io::socket_address& e) {
    if (!unix_path.empty()) return unix_path;
    return e.address.to_string() + ' ' + std::to_string(e.port);
}

struct waiting_connection {
    std::shared_ptr<sim_connection> connection;
    std::optional<io::socket_address> peer;
};

struct listener {
    net::any_io_executor executor;
    bool tls = false;
    bool closed = false;
    bool dropped = false;
    std::deque<waiting_connection> queue;
    net::any_io_executor stream_executor;
    io::stream_callback accept;
};

/// A connect or resolution that has not completed.
struct request {
    net::any_io_executor executor;
    io::connect_options options;
    io::stream_callback connected;
    io::resolve_callback resolved;
    std::unique_ptr<io::timer> timer;
    io::stream_ptr hanging;  // in its handshake
};

}  // namespace

struct sim_network::core : std::enable_shared_from_this<core> {
    std::shared_ptr<sim_connection::shared> shared = std::make_shared<sim_connection::shared>();
    // Guarded by shared->mutex.
    sim_link link;
    std::map<std::string, std::vector<net::ip::address>> names;
    std::map<std::string, std::shared_ptr<listener>> listeners;
    std::set<std::shared_ptr<request>> requests;
    std::vector<std::weak_ptr<sim_connection>> made;
    std::size_t connections = 0;
    std::uint16_t next_port = 49152;  // of listeners
    std::uint16_t next_client_port = 1024;

    std::vector<std::shared_ptr<sim_connection>> open_connections() {
        const std::lock_guard lock(shared->mutex);
        std::vector<std::shared_ptr<sim_connection>> open;
        for (const auto& weak : made)
            if (auto c = weak.lock()) open.push_back(std::move(c));
        return open;
    }

    io::canceller add(std::shared_ptr<request> r,
                      void (core::*step)(const std::shared_ptr<request>&)) {
        const sparing memory;
        const std::lock_guard lock(shared->mutex);
        requests.insert(r);
        net::post(r->executor, [self = shared_from_this(), weak = std::weak_ptr(r), step] {
            if (const auto live = weak.lock()) ((*self).*step)(live);
        });
        return [weak_core = weak_from_this(), weak = std::weak_ptr(r)] {
            const auto self = weak_core.lock();
            const auto live = weak.lock();
            if (self && live) self->take(live);
        };
    }
    bool take(const std::shared_ptr<request>& r) {
        const sparing memory;
        const std::lock_guard lock(shared->mutex);
        return requests.erase(r) > 0;
    }

    void resolve(const std::shared_ptr<request>& r) {
        error_code ec;
        const auto found = look_up(r->options.host, ec);
        if (!ec && found.empty()) return;  // hangs
        std::vector<io::socket_address> endpoints;
        {
            const sparing memory;
            endpoints.reserve(found.size());
        }
        for (const auto& address : found) endpoints.push_back({address, r->options.port});
        if (take(r)) r->resolved(ec, std::move(endpoints));
    }
    std::vector<net::ip::address> addresses_of(const io::connect_options& to, error_code& ec) {
        return to.addresses.empty() ? look_up(to.host, ec) : to.addresses;
    }
    std::vector<net::ip::address> look_up(const std::string& host, error_code& ec) {
        const sparing memory;
        error_code not_literal;
        const auto literal = net::ip::make_address(host, not_literal);
        if (!not_literal) return {literal};
        const std::lock_guard lock(shared->mutex);
        const auto it = names.find(host);
        if (it != names.end()) return it->second;
        ec = errc::name_not_resolved;
        return {};
    }

    void connect(const std::shared_ptr<request>& r) {
        sim_link l;
        {
            const sparing memory;
            const std::lock_guard lock(shared->mutex);
            l = link;
        }
        announce(*r);
        if (l.connect == sim_link::on_connect::hang) return;
        if (l.latency.count() == 0) return establish(r, l);
        r->timer = shared->clock->make_timer(r->executor);
        r->timer->start_wait(shared->clock->now() + l.latency,
                             [self = shared_from_this(), weak = std::weak_ptr(r), l] {
                                 if (const auto live = weak.lock()) self->establish(live, l);
                             });
    }
    /// The phases that take time.
    void announce(const request& r) {
        const auto& on_phase = r.options.on_phase;
        if (!on_phase || !r.options.unix_path.empty()) return;
        if (r.options.addresses.empty()) on_phase(io::connect_phase::resolve, {});
        error_code unresolved;
        const auto found = addresses_of(r.options, unresolved);
        if (!unresolved && !found.empty())
            on_phase(io::connect_phase::connect, {found.front(), r.options.port});
    }
    void establish(const std::shared_ptr<request>& r, const sim_link& l) {
        error_code ec = net::error::connection_refused;
        io::stream_ptr stream;
        io::socket_address reached;
        if (!r->options.unix_path.empty()) {
            stream = attempt(*r, l, std::nullopt, ec);
        } else {
            error_code unresolved;
            const auto found = addresses_of(r->options, unresolved);
            if (!unresolved && found.empty()) return;  // hangs
            ec = unresolved ? unresolved : error_code(errc::address_refused);
            for (const auto& address : found) {
                if (r->options.address_filter && !r->options.address_filter(address)) continue;
                reached = {address, r->options.port};
                stream = attempt(*r, l, reached, ec);
                if (stream) break;
            }
        }
        if (stream && r->options.tls && r->options.on_phase)
            r->options.on_phase(io::connect_phase::handshake, reached);
        if (stream && r->options.tls && l.hang_handshake) {
            r->hanging = std::move(stream);
            return;
        }
        if (take(r)) r->connected(stream ? error_code() : ec, std::move(stream));
    }
    io::stream_ptr attempt(const request& r, const sim_link& l,
                           std::optional<io::socket_address> to, error_code& ec) {
        const sparing memory;
        std::shared_ptr<sim_connection> connection;
        {
            const std::lock_guard lock(shared->mutex);
            const auto it = find_listener(r.options.unix_path, to);
            ec = net::error::connection_refused;
            if (it == listeners.end() || l.connect == sim_link::on_connect::refuse) return nullptr;
            auto& server = *it->second;
            connection =
                std::make_shared<sim_connection>(shared, l, r.options.tls.has_value(), server.tls);
            std::erase_if(made, [](const auto& weak) { return weak.expired(); });
            made.push_back(connection);
            ++connections;
            std::optional<io::socket_address> client;
            if (to) client = {net::ip::make_address(l.client_address), next_client_port++};
            server.queue.push_back({connection, client});
            post_accept(it->second);
        }
        auto stream = connection->make_stream(0, r.executor, to);
        ec = r.options.tls ? connection->handshake() : error_code();
        return ec ? nullptr : std::move(stream);
    }
    std::map<std::string, std::shared_ptr<listener>>::iterator find_listener(
        const std::string& unix_path, const std::optional<io::socket_address>& to) {
        if (!unix_path.empty() || !to) return listeners.find(unix_path);
        const auto it = listeners.find(key_of({}, *to));
        if (it != listeners.end()) return it;
        const net::ip::address any = to->address.is_v4()
                                         ? net::ip::address(net::ip::address_v4::any())
                                         : net::ip::address(net::ip::address_v6::any());
        return listeners.find(key_of({}, {any, to->port}));
    }

    // With the mutex held.
    void post_accept(const std::shared_ptr<listener>& l) {
        if (!l->accept) return;
        if (l->closed)
            net::post(l->executor, [l, done = std::move(l->accept)]() mutable {
                if (!l->dropped) done(net::error::operation_aborted, nullptr);
            });
        else if (!l->queue.empty())
            net::post(l->executor, [self = shared_from_this(), l] { self->accept(l); });
    }
    void accept(const std::shared_ptr<listener>& l) {
        io::stream_callback done;
        waiting_connection next;
        io::stream_ptr stream;
        {
            const sparing memory;
            {
                const std::lock_guard lock(shared->mutex);
                if (!l->accept || l->queue.empty()) return;
                done = std::move(l->accept);
                next = std::move(l->queue.front());
                l->queue.pop_front();
            }
            stream = next.connection->make_stream(1, l->stream_executor, next.peer);
        }
        done({}, std::move(stream));
    }
};

namespace {

class sim_acceptor final : public io::acceptor {
 public:
    sim_acceptor(std::shared_ptr<sim_network::core> core, std::shared_ptr<listener> l,
                 std::string key, io::socket_address local)
        : core_(std::move(core)),
          listener_(std::move(l)),
          key_(std::move(key)),
          local_(std::move(local)) {}
    ~sim_acceptor() override {
        close();
        io::stream_callback dropped;  // ends outside the lock
        const std::lock_guard lock(core_->shared->mutex);
        listener_->dropped = true;
        dropped = std::move(listener_->accept);
    }
    void start_accept(net::any_io_executor executor, io::stream_callback done) override {
        const sparing memory;
        const std::lock_guard lock(core_->shared->mutex);
        listener_->stream_executor = std::move(executor);
        listener_->accept = std::move(done);
        core_->post_accept(listener_);
    }
    void close() noexcept override {
        std::deque<waiting_connection> never_accepted;
        {
            const std::lock_guard lock(core_->shared->mutex);
            if (std::exchange(listener_->closed, true)) return;
            core_->listeners.erase(key_);
            never_accepted.swap(listener_->queue);
            core_->post_accept(listener_);
        }
        for (auto& w : never_accepted) w.connection->reset();
    }
    io::socket_address local_endpoint() const override { return local_; }

 private:
    std::shared_ptr<sim_network::core> core_;
    std::shared_ptr<listener> listener_;
    std::string key_;
    io::socket_address local_;
};

}  // namespace

sim_network::sim_network(io::clock* clock) : core_(std::make_shared<core>()) {
    core_->shared->clock = clock;
    add_name("localhost", {"127.0.0.1"});
}

sim_network::~sim_network() {
    std::vector<io::read_callback> transfers;
    for (const auto& c : core_->open_connections()) c->take_callbacks(transfers);
    std::vector<io::stream_callback> accepts;
    std::set<std::shared_ptr<request>> requests;
    const std::lock_guard lock(core_->shared->mutex);
    for (auto& [key, l] : core_->listeners) accepts.push_back(std::move(l->accept));
    requests.swap(core_->requests);
}

void sim_network::set_link(sim_link link) {
    const std::lock_guard lock(core_->shared->mutex);
    if (link.latency.count() > 0 && core_->shared->clock == nullptr)
        throw std::logic_error("latency needs a clock");
    core_->link = std::move(link);
}

void sim_network::add_name(const std::string& host, const std::vector<std::string>& addresses) {
    const std::lock_guard lock(core_->shared->mutex);
    auto& known = core_->names[host];
    known.clear();
    for (const auto& a : addresses) known.push_back(net::ip::make_address(a));
}

void sim_network::reset_all() {
    for (const auto& c : core_->open_connections()) c->reset();
}

void sim_network::silence_all() {
    for (const auto& c : core_->open_connections()) c->silence();
}

std::size_t sim_network::live_streams() const {
    const std::lock_guard lock(core_->shared->mutex);
    return core_->shared->live_streams;
}

std::size_t sim_network::connections() const {
    const std::lock_guard lock(core_->shared->mutex);
    return core_->connections;
}

std::unique_ptr<io::acceptor> sim_network::listen(net::any_io_executor executor,
                                                  const io::listen_options& options,
                                                  error_code& ec) {
    io::socket_address local;
    if (options.unix_path.empty()) {
        local.address = net::ip::make_address(options.address, ec);
        if (ec) return nullptr;
    }
    const std::lock_guard lock(core_->shared->mutex);
    if (options.unix_path.empty())
        local.port = options.port != 0 ? options.port : core_->next_port++;
    auto key = key_of(options.unix_path, local);
    auto l = std::make_shared<listener>();
    l->executor = std::move(executor);
    l->tls = options.tls.has_value();
    if (!core_->listeners.emplace(key, l).second) {
        ec = net::error::address_in_use;
        return nullptr;
    }
    ec = {};
    return std::make_unique<sim_acceptor>(core_, std::move(l), std::move(key), std::move(local));
}

io::canceller sim_network::start_connect(net::any_io_executor executor, io::connect_options options,
                                         io::stream_callback done) {
    const sparing memory;
    auto r = std::make_shared<request>();
    r->executor = std::move(executor);
    r->options = std::move(options);
    r->connected = std::move(done);
    return core_->add(std::move(r), &core::connect);
}

io::canceller sim_network::start_resolve(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, io::resolve_callback done) {
    const sparing memory;
    auto r = std::make_shared<request>();
    r->executor = std::move(executor);
    r->options.host = std::move(host);
    r->options.port = port;
    r->resolved = std::move(done);
    return core_->add(std::move(r), &core::resolve);
}

}  // namespace tidings::test
