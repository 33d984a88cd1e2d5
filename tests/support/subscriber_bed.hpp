// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/subscriber_client.hpp>
#include <tidings/store/memory_table.hpp>

#include <boost/asio/bind_executor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::test {

/// A server with a client of somebody else's subscription, which a test may end and begin again at
/// the same URL.
class subscriber_bed {
    using client_slot = std::optional<rest_hook::subscriber_client>;
    /// Where the client that there is now is mounted.
    struct relay {
        std::shared_ptr<client_slot> to;
        void admit(http::exchange& x) {
            if (*to) (*to)->admit(x);
        }
        void handle(http::exchange& x) {
            if (*to) return (*to)->handle(x);
            x.respond({.status = 502});
        }
        std::size_t max_body_bytes() const { return 1024 * 1024; }
    };

 public:
    using state = rest_hook::subscriber_client_state;

    explicit subscriber_bed(world& in)
        : w(in),
          server(w.io(), {.allowed_hosts = {"*"}, .environment = w.environment()}) {
        server.mount("/in", relay{slot_});
        server.start();
    }
    subscriber_bed(const subscriber_bed&) = delete;
    ~subscriber_bed() { slot_->reset(); }

    std::string url(std::string_view path = {}) const {
        return url_of(server, "/in" + std::string(path));
    }
    /// Options that only lack where to subscribe.
    rest_hook::subscriber_client_options options() {
        return {.public_url = url(),
                .table = table,
                .reconnect = {.initial = std::chrono::milliseconds(1000)},
                .on_state =
                    [this](const rest_hook::subscriber_status& s) {
                        states.push_back(s);
                        if (on_state) on_state(s);
                    },
                .log = [to = logged](const log_record& r) { *to += std::string(r.message) + '\n'; },
                .environment = w.environment()};
    }
    void make(rest_hook::subscriber_client_options o) {
        slot_->emplace(
            w.io(), [this](const event_ptr& e) { seen += std::string(e->text()) + ' '; },
            std::move(o));
    }
    /// Makes one, starts it, and lets it do what it does at once.
    void begin(rest_hook::subscriber_client_options o) {
        make(std::move(o));
        client().start();
        w.run_ready();
    }
    rest_hook::subscriber_client& client() { return slot_->value(); }
    void end() {
        slot_->reset();
        w.run_ready();
    }
    state now() { return client().status().state; }
    /// How a stop ended; nothing: not yet.
    std::optional<error_code> stop(bool unsubscribe = false) {
        auto ended = std::make_shared<std::optional<error_code>>();
        const auto done = [ended](error_code ec) { *ended = ec; };
        if (unsubscribe)
            client().async_unsubscribe(done);
        else
            client().async_stop(done);
        w.run_ready();
        for (int i = 0; i < 20 && !*ended; ++i) w.advance(std::chrono::seconds(1));
        return *ended;
    }
    /// The row as it is in the table.
    std::string row(std::string name = "default") {
        std::string value;
        table->async_get(
            "subscriber_client/" + name,
            net::bind_executor(w.io(), [&](error_code, const store::row& r) { value = r.value; }));
        w.run_ready();
        return value;
    }
    /// Puts it in the place of what is there.
    void put_row(std::string value) {
        const std::string key = "subscriber_client/default";
        table->async_erase(key, 0, net::bind_executor(w.io(), [](error_code) {}));
        table->async_put(
            key, std::move(value), 0,
            net::bind_executor(w.io(), [](error_code ec, std::uint64_t) { CHECK_FALSE(ec); }));
        w.run_ready();
    }
    std::string path() { return '/' + std::string(nlohmann::json::parse(row()).at("path")); }
    std::size_t count(state s) const {
        std::size_t n = 0;
        for (const auto& each : states) n += each.state == s ? 1 : 0;
        return n;
    }

    world& w;
    std::shared_ptr<store::table> table = store::make_memory_table();
    std::shared_ptr<std::string> logged = std::make_shared<std::string>();
    std::string seen;
    std::vector<rest_hook::subscriber_status> states;
    std::function<void(const rest_hook::subscriber_status&)> on_state;
    http::server server;

 private:
    const std::shared_ptr<client_slot> slot_ = std::make_shared<client_slot>();
};

/// Options of a client of the REST hooks at `api`.
inline rest_hook::subscriber_client_options rest_options(subscriber_bed& here,
                                                         const std::string& api) {
    auto o = here.options();
    o.api_url = api;
    o.event = "orders.>";
    return o;
}

}  // namespace tidings::test
