// SPDX-License-Identifier: BSL-1.0
#include "matrix/host.hpp"
#include "matrix/rows.hpp"
#include "matrix/transports/by_name.hpp"

#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>

namespace tidings::matrix {

namespace {

using sessions = sessions_by_name<sse::session>;

constexpr std::size_t max_bytes = 8 * 1024 * 1024;
// No `retry:` is sent, since that makes clients wait for at least 500 ms.
constexpr std::chrono::milliseconds retry{5};

class sse_link final : public link {
 public:
    sse_link(const world& w, const host& h, std::shared_ptr<sessions> known, std::string token,
             std::shared_ptr<subscriber> to, origin_id origin)
        : known_(std::move(known)),
          token_(std::move(token)),
          client_(w.executor(), options_for(w, h, origin), std::move(to)) {
        client_.start();
    }

    bool ready() const override { return client_.state() == connection_state::open; }
    std::shared_ptr<subscriber> outlet() override { return known_->find(token_); }
    void close() override { client_.stop(); }

 private:
    sse::client_options options_for(const world& w, const host& h, origin_id origin) const {
        sse::client_options o;
        o.url = h.url("http", "/events");
        o.topics = {">"};
        o.token = token_;
        o.origin = origin;
        o.limits.max_line_bytes = o.limits.max_event_bytes = max_bytes;
        o.reconnect = {true, retry, retry};
        o.tls = w.client_tls();
        o.environment = w.environment();
        return o;
    }

    std::shared_ptr<sessions> known_;
    std::string token_;
    sse::client client_;
};

class sse_transport final : public transport {
 public:
    using transport::transport;

    outlet_guarantee guarantee() const override { return {.resumable = true}; }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options options) override {
        if (!host_ || from_ != &from) {
            known_ = std::make_shared<sessions>();
            host_ = &serve(serve_bus(from, options.outlet_origin));
            from_ = &from;
        }
        return std::make_unique<sse_link>(in(), *host_, known_, std::to_string(++links_),
                                          std::move(to), options.inlet_origin);
    }

 private:
    mount_function serve_bus(bus& from, origin_id origin) const {
        return [&from, origin, known = known_](front_door& s) {
            sse::service_options o;
            o.authenticator = whoever_it_says();
            o.origin = origin;
            o.limits = {max_bytes, 4096};
            o.retry = {};
            o.hooks.on_open = [known](const sse::session_ptr& c) { known->opened(c); };
            s.mount("/events", sse::service{from, std::move(o)});
        };
    }

    std::shared_ptr<sessions> known_;
    host* host_ = nullptr;
    bus* from_ = nullptr;
    int links_ = 0;
};

}  // namespace

std::unique_ptr<transport> make_sse_transport(world& w) {
    return std::make_unique<sse_transport>(w);
}

}  // namespace tidings::matrix
