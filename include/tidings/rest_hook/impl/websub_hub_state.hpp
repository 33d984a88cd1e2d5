// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>
#include <tidings/rest_hook/impl/proof_round.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/rest_hook/websub_hub.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// A hub behind its handles: writes what is asked for into the row of the topic and the callback,
/// where the manager's questions take it on. Safe from any thread.
class websub_hub_state final : public std::enable_shared_from_this<websub_hub_state> {
 public:
    /// @throws std::invalid_argument as `websub_hub`
    websub_hub_state(api_parts parts, websub_hub_options options);

    void close() noexcept { access_.refuse_pending(); }
    void admit(http::exchange& x) const { access_.admit(x, methods); }
    void handle(http::exchange& x);
    std::size_t max_body_bytes() const noexcept { return parts_.options->max_body_bytes; }

 private:
    static constexpr std::string_view methods = "OPTIONS, POST";

    using permissions = http::detail::permissions;

    void serve(http::exchange& x);
    void publish(http::exchange& x, const websub_request& r);
    void publish_permitted(http::exchange& x, const websub_request& r) const;
    void ask_permission(http::exchange& x, const websub_request& r, std::string pattern);
    void store(http::exchange& x, const websub_request& r, websub_wish wish);
    error_code apply(bool exists, const std::string& owner, const websub_request& r,
                     const websub_wish& wish, hook_record& h) const;
    void answer(const call_ptr& c, error_code ec) const;
    /// Empty: there is no such topic here.
    std::string pattern_of(const std::string& topic_url) const;
    std::chrono::seconds lease_of(const websub_request& r) const;
    io::system_time now() const { return parts_.options->environment.clock->wall_now(); }

    const api_parts parts_;
    const websub_hub_options options_;
    const http::access access_;
};

}  // namespace tidings::rest_hook::detail
