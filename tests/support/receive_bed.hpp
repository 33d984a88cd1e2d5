// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/world.hpp"

#include <tidings/subscriber.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/signature.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::test {

inline const std::string receiver_secret = "whsec_" + std::string(32, 'R');

inline std::shared_ptr<const webhook::verifier> receiver_verifier() {
    return std::make_shared<webhook::standard_verifier>(
        std::vector<webhook::standard_key>{webhook::secret(receiver_secret)});
}

/// A subscriber whose answer the test gives.
class slow_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
    std::vector<std::pair<event_ptr, deliver_handler>> waiting;

 private:
    void start_deliver(event_ptr e, deliver_handler h) override {
        waiting.emplace_back(std::move(e), std::move(h));
    }
};

/// A server with a receiver that delivers to a subscriber.
struct receive_bed {
    receive_bed(world& in, any_subscriber sink,
                webhook::receiver_options o = {.verifier = receiver_verifier()})
        : w(in),
          server(w.io(), {.environment = w.environment()}) {
        server.mount("/in", webhook::receiver(std::move(sink), std::move(o)));
        server.start();
    }
    std::string url() const { return url_of(server, "/in"); }

    http::fields sign(std::string_view id, std::string_view body) {
        webhook::standard_headers h;
        const webhook::standard_signer signer({webhook::secret(receiver_secret)});
        CHECK_FALSE(signer.sign(id, w.clock().wall_now(), body, h));
        return {{"webhook-id", h.id},
                {"webhook-timestamp", h.timestamp},
                {"webhook-signature", h.signature}};
    }
    http::response post(std::string body, http::fields fields) {
        return w.request("POST", url(), std::move(body), std::move(fields));
    }
    http::response post_signed(std::string_view id, std::string body,
                               std::string_view content_type = "application/json") {
        auto f = sign(id, body);
        f.set("Content-Type", content_type);
        return post(std::move(body), std::move(f));
    }

    world& w;
    http::server server;
};

inline std::string cloudevent(std::string_view id, std::string_view extra = {}) {
    return R"({"specversion":"1.0","type":"t","source":"/s","id":")" + std::string(id) + "\"" +
           std::string(extra) + "}";
}

}  // namespace tidings::test
