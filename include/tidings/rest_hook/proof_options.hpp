// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/proof_rule.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace tidings::rest_hook {

/// What targets have to show before anything is delivered to them, and how they are asked.
///
/// Where no rule fits, nothing is asked of an address that the sender's guard allows beside the
/// public ones (`allow_loopback`, `allow_private`, `allowed_networks`), and one of `takes` of
/// everything else. A subscription that has begun is not asked again when these options change.
struct proof_options {
    std::vector<proof_rule> rules{};  ///< the first that fits decides
    std::vector<proof> takes{proof::echo, proof::consent, proof::challenge};
    /// The DNS name of the sending system, `WebHook-Request-Origin`. Empty: `proof::consent` is not
    /// taken.
    std::string origin{};
    /// Where the manager is mounted, as targets reach it: `https://example.com/hooks`. Empty: a
    /// consent is taken in the answer only.
    std::string public_url{};
    /// How long after a question the next one follows. After the last there is none.
    std::vector<std::chrono::seconds> waits{std::chrono::seconds(10), std::chrono::minutes(1),
                                            std::chrono::minutes(5),  std::chrono::minutes(30),
                                            std::chrono::hours(2),    std::chrono::hours(6)};
    /// A subscription that its target has not confirmed by then is disabled.
    std::chrono::seconds within{24 * 60 * 60};
    /// Questions without an answer, of this manager; those of one owner are at most a quarter.
    std::size_t max_questions = 32;
    /// Questions of this manager to one host in a minute, and to one address, whatever names it
    /// has. What is beyond waits.
    std::size_t max_per_host = 30;
};

}  // namespace tidings::rest_hook
