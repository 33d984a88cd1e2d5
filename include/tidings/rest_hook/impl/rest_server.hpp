// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_server.hpp>

namespace tidings::rest_hook::detail {

/// The API of a `manager`, and what is like it.
class rest_server final : public hook_server {
 public:
    explicit rest_server(const subscriber_client_options& o) : options_(o) {}

    std::optional<server_step> first(const subscriber_record& r,
                                     io::system_time now) const override;
    std::string url_of(server_step s, const subscriber_record& r) const override;
    http::request make(server_step s, const subscriber_record& r) const override;
    server_answer read(server_step s, const http::response& answer, subscriber_record& r,
                       io::system_time now) const override;
    server_step renewal() const noexcept override { return server_step::renew; }
    bool may_stand(const subscriber_record& r) const noexcept override { return !r.id.empty(); }
    bool is_polled() const noexcept override { return true; }

 private:
    std::string new_subscription(const subscriber_record& r) const;
    std::string changes(server_step s, const subscriber_record& r) const;
    static server_answer read_subscription(const http::response& answer, subscriber_record& r,
                                           io::system_time now);
    static void note_end(std::optional<io::system_time> until, io::system_time now,
                         subscriber_record& r);
    server_answer read_list(const http::response& answer, subscriber_record& r) const;
    std::string page_behind(const http::response& answer) const;
    static server_answer read_refusal(server_step s, const http::response& answer);

    const subscriber_client_options& options_;  // of the client, which has this
};

}  // namespace tidings::rest_hook::detail
