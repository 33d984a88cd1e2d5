// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <string_view>

namespace tidings::http::detail {

/// A network with a proxy, which not every connection passes.
class proxied_network : public io::network {
 public:
    /// Whether a connection to this host passes the proxy.
    virtual bool leads_through_proxy(std::string_view host) const noexcept = 0;
};

}  // namespace tidings::http::detail
