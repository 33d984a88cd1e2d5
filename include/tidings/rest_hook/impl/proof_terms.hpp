// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/rest_hook/impl/open_question.hpp>
#include <tidings/rest_hook/proof_options.hpp>
#include <tidings/webhook/address_guard.hpp>
#include <tidings/webhook/consent_request.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tidings::rest_hook::detail {

/// The options of a manager about proof, checked. Immutable, so safe from any thread.
class proof_terms {
 public:
    /// @param guard of the sender
    /// @throws std::invalid_argument for a network that is none, nothing that is taken, a consent
    /// without an origin, and an origin or URL that no request can have
    TIDINGS_DECL proof_terms(proof_options o, const webhook::address_guard_options& guard);

    const proof_options& options() const noexcept { return options_; }
    /// What is enough, the usual one first; the URL is one that the sender's guard lets pass.
    TIDINGS_DECL const std::vector<proof>& taken(const std::string& owner,
                                                 const std::string& target_url) const;
    /// Whether this one is, too. More than nothing may be shown where nothing is asked for.
    TIDINGS_DECL bool permits(const std::vector<proof>& taken, proof p) const noexcept;
    /// The question for the consent of a subscription's target.
    TIDINGS_DECL webhook::consent_request consent_of(const std::string& id,
                                                     const std::string& token) const;
    /// When the target is asked again: the end of the question, where it was asked often enough.
    TIDINGS_DECL io::system_time next_after(const open_question& q,
                                            io::system_time now) const noexcept;

 private:
    struct rule {
        proof_rule given;
        std::optional<tidings::detail::ip_network> network;
    };
    /// What a URL's host is.
    struct target {
        std::string name;  // of a name
        std::optional<net::ip::address> address;
    };
    static target target_of(const std::string& url);
    static bool fits(const rule& r, const std::string& owner, const target& t);
    bool is_allowed_besides(const target& t) const;
    std::vector<proof> available(const std::vector<proof>& takes) const;

    proof_options options_;
    webhook::address_guard guard_;
    std::vector<tidings::detail::ip_network> allowed_;
    std::vector<rule> rules_;
};

}  // namespace tidings::rest_hook::detail
