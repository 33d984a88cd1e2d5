// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/proof.hpp>

#include <string>
#include <vector>

namespace tidings::rest_hook {

/// What certain targets have to show. It is about a subscription that fits in everything that is
/// given; one of which nothing is given is about all.
struct proof_rule {
    /// The target's host is this DNS name, or one below it: `zapier.com` is also about
    /// `hooks.zapier.com`. No address fits.
    std::string host_suffix{};
    /// The target's host is an address in this network: "10.0.0.0/8", "2001:db8::/32". No name fits
    /// but `localhost`, which is 127.0.0.1: what others mean, their owners change.
    std::string network{};
    std::string principal{};  ///< the name of the owner
    /// One of these is enough, and the first is asked for where the owner asks for none. With
    /// `proof::none` among them any kind is taken. Never empty.
    std::vector<proof> takes{proof::echo, proof::consent, proof::challenge};
};

}  // namespace tidings::rest_hook
