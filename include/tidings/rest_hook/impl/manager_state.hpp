// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/confirm_api.hpp>
#include <tidings/rest_hook/impl/delivery_api.hpp>
#include <tidings/rest_hook/impl/hook_editor.hpp>
#include <tidings/rest_hook/portal.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::rest_hook::detail {

/// A manager behind its handles: the caller, and which part of the API is asked for. Safe from any
/// thread.
class manager_state final : public std::enable_shared_from_this<manager_state> {
 public:
    manager_state(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
                  manager_options options);

    void start() { parts_.hooks->start(); }
    void close() noexcept;
    void admit(http::exchange& x) const;
    void handle(http::exchange& x);
    /// In the lane: a request of a visitor that a portal has identified.
    /// @param mount how much of the suffix is the API's mount point in the portal
    void serve_visitor(http::exchange& x, portal_visitor v, std::size_t mount);
    std::size_t max_body_bytes() const noexcept { return parts_.options->max_body_bytes; }
    /// For a hub over it.
    const api_parts& parts() const noexcept { return parts_; }

 private:
    static constexpr std::string_view methods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
    /// Below the mount point: of `/hook_1/pause` two.
    using path_parts = std::vector<std::string>;
    /// A caller that is identified, and what it asks for.
    struct known_caller {
        http::stream_request asked{};
        std::optional<hook_viewer> viewer{};  ///< none: as the options say
        std::string suffix{};                 ///< what follows the collection's path
    };

    /// The subscription that a request is to confirm, which its secret authenticates; empty: it
    /// is none of these.
    static std::string confirmed_id(const http::exchange& x);
    void serve(http::exchange& x);
    void serve_known(http::exchange& x, known_caller caller);
    void serve_granted(http::exchange& x, const known_caller& caller);
    hook_viewer viewer_of(const principal& who) const;
    bool begin_once(http::exchange& x, const principal& who, answer_memory::claim& key) const;
    void serve_collection(const call_ptr& c, const http::query_parameters& query);
    void serve_hook(const call_ptr& c, const std::string& id);
    void serve_part(const call_ptr& c, const path_parts& path, const http::query_parameters& query);
    void serve_types(const call_ptr& c, const path_parts& path,
                     const http::query_parameters& query) const;
    void list(const call_ptr& c, const http::query_parameters& query) const;

    const api_parts parts_;
    const std::shared_ptr<hook_editor> editor_;
    const std::shared_ptr<delivery_api> deliveries_;
    const confirm_api confirmations_;
};

}  // namespace tidings::rest_hook::detail
