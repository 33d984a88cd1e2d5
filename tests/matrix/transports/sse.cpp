// SPDX-License-Identifier: BSL-1.0
#include "matrix/rows.hpp"
#include "matrix/transports/stream_transport.hpp"

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

class sse_transport final : public stream_transport<sse::session> {
 public:
    using stream_transport::stream_transport;

 private:
    mount_function serve_bus(bus& from, std::shared_ptr<sessions> known,
                             origin_id origin) const override {
        return [&from, origin, known = std::move(known)](front_door& s) {
            sse::service_options o;
            o.authenticator = whoever_it_says();
            o.origin = origin;
            o.limits = {max_bytes, 4096};
            o.retry = {};
            o.hooks.on_open = [known](const sse::session_ptr& c) { known->opened(c); };
            s.mount("/events", sse::service{from, std::move(o)});
        };
    }
    std::unique_ptr<link> make_link(const host& h, std::shared_ptr<sessions> known,
                                    std::string token, std::shared_ptr<subscriber> to,
                                    origin_id origin) const override {
        return std::make_unique<sse_link>(in(), h, std::move(known), std::move(token),
                                          std::move(to), origin);
    }
};

}  // namespace

std::unique_ptr<transport> make_sse_transport(world& w) {
    return std::make_unique<sse_transport>(w);
}

}  // namespace tidings::matrix
