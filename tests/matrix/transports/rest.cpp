// SPDX-License-Identifier: BSL-1.0
#include "matrix/host.hpp"
#include "matrix/rows.hpp"

#include <tidings/rest/client.hpp>
#include <tidings/rest/service.hpp>

namespace tidings::matrix {

namespace {

constexpr std::size_t max_bytes = 8 * 1024 * 1024;

mount_function serve_bus(bus& b) {
    return [&b](front_door& s) {
        rest::service_options o;
        o.max_body_bytes = max_bytes;
        s.mount("/topics", rest::service{b, std::move(o)});
    };
}

rest::client_options options_for(const world& w, const host& h) {
    rest::client_options o;
    o.url = h.url("http", "/topics");
    o.limits = {max_bytes, 4096};
    o.reconnect = {true, std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
    o.tls = w.client_tls();
    o.environment = w.environment();
    return o;
}

rest::client_options reader_for(const world& w, const host& h) {
    auto o = options_for(w, h);
    o.topics = {">"};
    o.after.emplace();
    return o;
}

class posting_link final : public link {
 public:
    posting_link(const world& w, const host& h, bus& from)
        : client_(w.executor(), options_for(w, h)),
          in_(from.subscribe(">", client_)) {}

    bool ready() const override { return in_.active(); }
    std::shared_ptr<subscriber> outlet() override { return client_.as_subscriber(); }
    void close() override { client_.stop(); }

 private:
    rest::client client_;
    subscription in_;
};

class polling_link final : public link {
 public:
    polling_link(const world& w, const host& h, std::shared_ptr<subscriber> to)
        : host_(h),
          client_(w.executor(), reader_for(w, h), std::move(to)) {
        client_.start();
    }

    bool ready() const override { return true; }  // it reads from the beginning
    std::shared_ptr<subscriber> outlet() override { return nullptr; }
    void close() override { client_.stop(); }
    /// Nobody waits there any more, nor asks again.
    bool gone() const override { return host_.connections() == 0; }

 private:
    const host& host_;
    rest::client client_;
};

/// One client both ways: it does not read back what it has posted.
class both_ways final : public link {
 public:
    both_ways(const world& w, const host& h, bus& b, std::shared_ptr<subscriber> to)
        : client_(w.executor(), reader_for(w, h), std::move(to)),
          up_(b.subscribe(">", client_)) {
        client_.start();
    }

    bool ready() const override { return up_.active(); }
    std::shared_ptr<subscriber> outlet() override { return nullptr; }
    void close() override { client_.stop(); }

 private:
    rest::client client_;
    subscription up_;
};

class rest_transport : public transport {
 public:
    using transport::transport;

    std::vector<std::unique_ptr<link>> bridge(bus& a, bus& b, const wrap_function& wrap) override {
        const auto& h = serve(serve_bus(a));
        std::vector<std::unique_ptr<link>> both;
        both.push_back(std::make_unique<both_ways>(in(), h, b, wrap(b.as_subscriber())));
        return both;
    }
};

class posting final : public rest_transport {
 public:
    using rest_transport::rest_transport;

    outlet_guarantee guarantee() const override {
        return {.at_least_once = true,
                .resumable = true,
                .absorbs_repetitions = true,
                .one_request_each = true,
                .bridge_polls = true};
    }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options) override {
        auto& arrivals = *arrivals_.emplace_back(std::make_unique<arrival>(in(), std::move(to)));
        return std::make_unique<posting_link>(in(), serve(serve_bus(arrivals.at)), from);
    }

 private:
    /// What a service publishes on. By its history it knows what was posted twice.
    struct arrival {
        arrival(const world& w, std::shared_ptr<subscriber> to)
            : at(w.executor(), {.history = {.max_events = 10'000}, .clock = w.environment().clock}),
              on_to(at.subscribe(">", std::move(to))) {}
        bus at;
        subscription on_to;
    };
    std::vector<std::unique_ptr<arrival>> arrivals_;
};

class polling final : public rest_transport {
 public:
    using rest_transport::rest_transport;

    outlet_guarantee guarantee() const override {
        return {.resumable = true, .bridge_polls = true, .direct_outlet = false};
    }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options) override {
        if (!host_ || from_ != &from) host_ = &serve(serve_bus(from));
        from_ = &from;
        return std::make_unique<polling_link>(in(), *host_, std::move(to));
    }

 private:
    host* host_ = nullptr;
    bus* from_ = nullptr;
};

}  // namespace

std::unique_ptr<transport> make_rest_post_transport(world& w) {
    return std::make_unique<posting>(w);
}

std::unique_ptr<transport> make_rest_poll_transport(world& w) {
    return std::make_unique<polling>(w);
}

}  // namespace tidings::matrix
