// SPDX-License-Identifier: BSL-1.0
#include "matrix/rows.hpp"
#include "matrix/transports/stream_transport.hpp"

#include <tidings/test/recorder.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

namespace tidings::matrix {

namespace {

using sessions = sessions_by_name<websocket::session>;

constexpr std::size_t max_bytes = 8 * 1024 * 1024;

/// What the callbacks of a client, which may outlive its link, tell the link.
struct client_view {
    bool open = false;
};

mount_function publishing_service(bus& from, std::shared_ptr<sessions> known) {
    return [&from, known = std::move(known)](front_door& s) {
        websocket::service_options o;
        o.authenticator = whoever_it_says();
        o.authorizer = allow_all();
        o.max_message_bytes = max_bytes;
        o.limits = {max_bytes, 4096};
        o.max_publishes_per_second = 0;
        o.hooks.on_open = [known](const websocket::session_ptr& c) { known->opened(c); };
        s.mount("/ws", websocket::service{from, std::move(o)});
    };
}

websocket::client_options options_for(const world& w, const host& h, std::string topic,
                                      std::string token, std::shared_ptr<client_view> view) {
    websocket::client_options o;
    o.url = h.url("ws", "/ws");
    o.topics = {std::move(topic)};
    o.token = std::move(token);
    o.max_message_bytes = o.max_sent_bytes = max_bytes;
    o.limits = {max_bytes, 4096};
    o.reconnect = {true, std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
    o.tls = w.client_tls();
    o.on_state = [view = std::move(view)](connection_state s, error_code, const diagnostics&) {
        view->open = s == connection_state::open;
    };
    o.environment = w.environment();
    return o;
}

/// A client that listens: what takes its events is its session of the service.
class downstream_link final : public link {
 public:
    downstream_link(const world& w, const host& h, std::shared_ptr<sessions> known,
                    std::string token, std::shared_ptr<subscriber> to)
        : known_(std::move(known)),
          token_(std::move(token)),
          client_(w.executor(), options_for(w, h, ">", token_, view_), std::move(to)) {
        client_.start();
    }

    bool ready() const override { return view_->open; }
    std::shared_ptr<subscriber> outlet() override { return known_->find(token_); }
    void close() override { client_.stop(); }

 private:
    std::shared_ptr<client_view> view_ = std::make_shared<client_view>();
    std::shared_ptr<sessions> known_;
    std::string token_;
    websocket::client client_;
};

class downstream final : public stream_transport<websocket::session> {
 public:
    using stream_transport::stream_transport;

    std::vector<std::unique_ptr<link>> bridge(bus& a, bus& b, const wrap_function& wrap) override;

 private:
    mount_function serve_bus(bus& from, std::shared_ptr<sessions> known, origin_id) const override {
        return publishing_service(from, std::move(known));
    }
    std::unique_ptr<link> make_link(const host& h, std::shared_ptr<sessions> known,
                                    std::string token, std::shared_ptr<subscriber> to,
                                    origin_id) const override {
        return std::make_unique<downstream_link>(in(), h, std::move(known), std::move(token),
                                                 std::move(to));
    }
};

/// One connection both ways: what came through the client is not handed back to it.
class both_ways final : public link {
 public:
    both_ways(const world& w, const host& h, bus& b, std::shared_ptr<subscriber> to)
        : client_(w.executor(), options_for(w, h, ">", "bridge", view_), std::move(to)),
          up_(b.subscribe(">", client_)) {
        client_.start();
    }

    bool ready() const override { return view_->open; }
    std::shared_ptr<subscriber> outlet() override { return nullptr; }
    void close() override { client_.stop(); }

 private:
    std::shared_ptr<client_view> view_ = std::make_shared<client_view>();
    websocket::client client_;
    subscription up_;
};

std::vector<std::unique_ptr<link>> downstream::bridge(bus& a, bus& b, const wrap_function& wrap) {
    const auto& h = serve(publishing_service(a, std::make_shared<sessions>()));
    std::vector<std::unique_ptr<link>> both;
    both.push_back(std::make_unique<both_ways>(in(), h, b, wrap(b.as_subscriber())));
    return both;
}

/// A client that only sends. A service publishes on a bus of its own, where the subscriber listens.
class upstream_link final : public link {
 public:
    upstream_link(const world& w, const host& h, bus& from)
        : client_(w.executor(), options_for(w, h, "nothing.comes", "up", view_),
                  std::make_shared<test::recorder>()),
          in_(from.subscribe(">", client_)) {
        client_.start();
    }

    bool ready() const override { return view_->open; }
    std::shared_ptr<subscriber> outlet() override { return client_.as_subscriber(); }
    void close() override { client_.stop(); }

 private:
    std::shared_ptr<client_view> view_ = std::make_shared<client_view>();
    websocket::client client_;
    subscription in_;
};

class upstream final : public transport {
 public:
    explicit upstream(world& w) : transport(w) {}

    outlet_guarantee guarantee() const override { return {}; }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options) override {
        auto& arrivals = *arrivals_.emplace_back(std::make_unique<arrival>(in(), std::move(to)));
        const auto& h = serve(publishing_service(arrivals.at, std::make_shared<sessions>()));
        return std::make_unique<upstream_link>(in(), h, from);
    }
    std::vector<std::unique_ptr<link>> bridge(bus& a, bus& b, const wrap_function& wrap) override {
        const auto& h = serve(publishing_service(b, std::make_shared<sessions>()));
        std::vector<std::unique_ptr<link>> both;
        both.push_back(std::make_unique<both_ways>(in(), h, a, wrap(a.as_subscriber())));
        return both;
    }

 private:
    struct arrival {
        arrival(const world& w, std::shared_ptr<subscriber> to)
            : at(w.executor()),
              on_to(at.subscribe(">", std::move(to))) {}
        bus at;
        subscription on_to;
    };
    std::vector<std::unique_ptr<arrival>> arrivals_;
};

}  // namespace

std::unique_ptr<transport> make_websocket_transport(world& w) {
    return std::make_unique<downstream>(w);
}

std::unique_ptr<transport> make_websocket_upstream_transport(world& w) {
    return std::make_unique<upstream>(w);
}

}  // namespace tidings::matrix
