// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/access.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::rest_hook::detail {

using tidings::detail::bus_state;

/// The HTTP side of a manager, behind its handles. Safe from any thread.
class manager_state final : public std::enable_shared_from_this<manager_state> {
 public:
    manager_state(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
                  manager_options options);

    void start() { hooks_->start(); }
    void close() noexcept;
    void admit(http::exchange& x) const;
    void handle(http::exchange& x);
    std::size_t max_body_bytes() const noexcept { return options_->max_body_bytes; }

 private:
    static constexpr std::string_view methods = "DELETE, GET, HEAD, OPTIONS, POST";
    void serve(http::exchange& x);
    void serve_granted(http::exchange& x, const http::stream_request& caller);
    std::optional<http::response> check_phase() const;
    std::optional<http::response> check_target(const std::string& url) const;
    void create(http::exchange& x, const principal& who);
    void create_granted(http::exchange& x, const principal& who, hook_record h);
    std::optional<http::response> reserve(const hook_record& h);
    void on_put(http::exchange x, const hook_record& h, bool show_secret, std::uint64_t revision,
                error_code ec);
    void list(http::exchange& x, const http::stream_request& caller) const;
    void show(http::exchange& x, const principal& who, const std::string& id) const;
    void remove(http::exchange& x, const principal& who, const std::string& id);
    std::string make_id(io::system_time now) const;

    const std::shared_ptr<const manager_options> options_;
    const http::access access_;
    const std::shared_ptr<webhook::detail::sender_state> sender_;
    const std::shared_ptr<hook_list> hooks_;
};

}  // namespace tidings::rest_hook::detail
