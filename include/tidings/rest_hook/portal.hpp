// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/manager.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace tidings::rest_hook {

struct portal_options {
    std::string title = "Webhooks";  ///< of the page
    /// CSS behind the page's own, as `:root { --accent: #b00020; }`. docs/rest-hooks.md has the
    /// variables.
    std::string theme{};
    /// The page's own origin, as browsers write it (`https://example.com`), where a proxy changes
    /// the Host. Empty: the Origin of a request must be its Host.
    std::string origin{};

    std::chrono::seconds ticket_lifetime{5 * 60};  ///< until it is redeemed
    std::chrono::seconds session_lifetime{8 * 60 * 60};
    std::size_t max_tickets = 1'000;   ///< that nobody has redeemed
    std::size_t max_sessions = 1'000;  ///< at once; one more is answered 503, and keeps its ticket
    /// Tickets, and sessions, of one principal; one more takes the place of its oldest.
    std::size_t max_per_principal = 16;
};

/// The visitor that a ticket lets in.
struct portal_visitor {
    tidings::principal who{};  ///< anonymous where it has no name
    /// Sees and changes the subscriptions of every owner, and what targets answered that are no
    /// public addresses; `manager_options::is_operator` is not asked.
    bool is_operator = false;
};

namespace detail {
class portal_state;
}

/// A page over a manager, in which owners see, change and try their subscriptions. Mounted like any
/// service; docs/rest-hooks.md describes it.
///
/// The application has identified the visitor and makes a ticket for it, which opens the page once:
/// the URL of the mount point with `/#ticket=` and the ticket. What a browser keeps then is a
/// cookie (HttpOnly, SameSite=Strict; Secure where the page came by https). A browser that has the
/// session of another visitor is asked before a ticket ends that. Tickets and sessions
/// are kept as hashes, in memory: a restart ends them. The manager's authorizer is asked for
/// action::manage at each request, as by its API, and may take away what a ticket gave; the
/// session ends with `principal::expires`. A manager without an authorizer serves only loopback
/// peers here, too.
///
/// Handle; copies share one portal, and keep the manager. Safe from any thread.
class portal {
 public:
    /// @throws std::invalid_argument for a manager that was moved from or is closed, for an
    /// `origin` that is no http or https URL, and for lifetimes and numbers that are not positive
    TIDINGS_DECL explicit portal(manager& m, const portal_options& options = {});

    /// A new ticket: 64 hexadecimal digits, of 256 random bits. It lets its bearer in as the
    /// visitor, once, within `ticket_lifetime`.
    /// @error errc::invalid_argument: a visitor without a name that is no operator, as all that are
    /// anonymous are one owner; errc::unauthorized: its credential has ended; errc::too_many:
    /// `max_tickets`; errc::out_of_memory; errc::closed. Empty then.
    TIDINGS_DECL std::string make_ticket(portal_visitor visitor, error_code& ec) noexcept;
    /// Ends the sessions and the tickets of the principal of this name, operator or not. What is
    /// being answered is answered.
    TIDINGS_DECL void end_sessions(std::string_view principal_name) noexcept;

    /// Refuses strangers before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Ends all sessions and tickets; the manager goes on. From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    manager manager_;
    std::shared_ptr<tidings::detail::closing_slot<detail::portal_state>> slot_;
};

}  // namespace tidings::rest_hook
