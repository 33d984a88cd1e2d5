// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/real_request.hpp"
#include "support/receive_bed.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/delivered_ids.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace tidings::test {

/// One run of a program that receives webhooks, over real sockets: a bus with its history in a
/// file, and a receiver that has its ids there, too. What it is given instead of the bus may be
/// another subscriber.
struct receiving_hub {
    explicit receiving_hub(sqlite::database_options o, store::delivered_ids_options limits = {},
                           std::shared_ptr<subscriber> instead = nullptr)
        : db(io, std::move(o)),
          ids(sqlite::make_delivered_ids(db, "in", limits)),
          events(sqlite::make_history(db, {{.pattern = ">", .max_events = 100'000}})),
          hub(io, {.history = {.implementation = events}}),
          server(io, {}) {
        webhook::receiver_options r{.verifier = receiver_verifier()};
        r.ids = ids;
        r.log = [this](const log_record& l) { logged += std::string(l.message) + '\n'; };
        const auto sink = instead ? any_subscriber(std::move(instead)) : any_subscriber(hub);
        server.mount("/in", webhook::receiver(sink, std::move(r)));
        server.start();
    }
    std::string url() const { return url_of(server, "/in"); }
    static http::fields sign(std::string_view id, std::string_view body) {
        webhook::standard_headers h;
        const webhook::standard_signer signer({webhook::secret(receiver_secret)});
        CHECK_FALSE(signer.sign(id, io::system_clock().wall_now(), body, h));
        return {{"webhook-id", h.id},
                {"webhook-timestamp", h.timestamp},
                {"webhook-signature", h.signature},
                {"Content-Type", "text/plain"}};
    }
    http::response post(const std::string& body, http::fields fields) {
        return request_over_sockets(io, url(),
                                    {.method = "POST", .fields = std::move(fields), .body = body});
    }
    /// A delivery whose id is its body.
    http::response post(const std::string& id) { return post(id, sign(id, id)); }
    static bool is_duplicate(const http::response& r) {
        return r.status == 202 && r.body == R"({"duplicate":true})";
    }
    /// The bodies of all events that the history holds.
    texts held() {
        texts all;
        position from;
        for (bool at_end = false; !at_end;) {
            std::optional<history_slice> slice;
            events->async_read(from, {">"}, 1000,
                               net::bind_executor(io, [&](error_code ec, history_slice s) {
                                   CHECK_FALSE(ec);
                                   slice = std::move(s);
                               }));
            REQUIRE(run_io_until(io, [&] { return slice.has_value(); }));
            for (const auto& e : slice->events) all.emplace_back(e->text());
            from = slice->next;
            at_end = slice->at_end;
        }
        return all;
    }

    net::io_context io;
    std::string logged;
    sqlite::database db;
    std::shared_ptr<store::delivered_ids> ids;
    std::shared_ptr<history> events;
    bus hub;
    http::server server;
};

}  // namespace tidings::test
