// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_server.hpp>

namespace tidings::rest_hook::detail {

/// A hub of W3C WebSub, and a topic that names one.
class websub_server final : public hook_server {
 public:
    explicit websub_server(const subscriber_client_options& o) : options_(o) {}

    std::optional<server_step> first(const subscriber_record& r,
                                     io::system_time now) const override {
        if (r.hub.empty()) return server_step::discover;
        if (!r.until || *r.until <= now) return server_step::subscribe;
        return std::nullopt;
    }
    std::string url_of(server_step s, const subscriber_record& r) const override;
    http::request make(server_step s, const subscriber_record& r) const override;
    server_answer read(server_step s, const http::response& answer, subscriber_record& r,
                       io::system_time now) const override;
    server_step after_failure(server_step s, const subscriber_record& r,
                              io::system_time now) const override;
    server_step renewal() const noexcept override { return server_step::subscribe; }
    bool may_stand(const subscriber_record& r) const noexcept override { return !r.hub.empty(); }
    bool is_polled() const noexcept override { return false; }

 private:
    bool may_look_again(server_step s, const subscriber_record& r) const;
    server_answer read_topic(const http::response& answer, subscriber_record& r) const;
    server_answer read_hub(server_step s, const http::response& answer, subscriber_record& r) const;
    static bool is_moved(const http::response& answer, bool also_for_get) noexcept;

    const subscriber_client_options& options_;  // of the client, which has this
};

}  // namespace tidings::rest_hook::detail
