// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::io {

/// The addresses of a name, in order of preference; blocks. @error errc::name_not_resolved
using lookup_function =
    std::function<std::vector<net::ip::address>(const std::string& host, error_code& ec)>;

/// `getaddrinfo`. A name with a NUL in it has no address.
TIDINGS_DECL std::vector<net::ip::address> system_lookup(const std::string& host, error_code& ec);

/// How much of a pool a request may have, together with all others of its kind.
enum class resolver_share { whole, half };

struct resolver_pool_options {
    std::size_t max_threads = 4;    ///< started one by one, when a name would have to wait
    std::size_t max_queued = 1024;  ///< requests without an answer; more complete with too_many
    lookup_function lookup = &system_lookup;
};

/// Threads for name resolution, because `getaddrinfo` can be neither awaited nor cancelled.
/// Requests for a name that is being resolved share its answer, so that one that hangs costs one
/// thread. Safe from any thread. Destroying it drops every callback; a thread that hangs is left to
/// end by itself.
class resolver_pool {
 public:
    TIDINGS_DECL explicit resolver_pool(resolver_pool_options options = {});
    TIDINGS_DECL ~resolver_pool();
    resolver_pool(const resolver_pool&) = delete;
    resolver_pool& operator=(const resolver_pool&) = delete;

    /// A literal address is answered without a thread. `done` runs on `executor`, never inside, and
    /// keeps its context busy meanwhile; a context that is destroyed drops it. @error
    /// errc::name_not_resolved, errc::too_many
    /// @param share `half`: such requests have half of the threads, and half of the queue. A name
    /// that is asked for with the whole pool, too, is resolved with that.
    TIDINGS_DECL canceller start_resolve(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, resolve_callback done,
                                         resolver_share share = resolver_share::whole);

 private:
    class state;
    std::shared_ptr<state> state_;
};

}  // namespace tidings::io
