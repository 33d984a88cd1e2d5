// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/address_cache.hpp>
#include <tidings/http/impl/client/client_connection.hpp>

#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace tidings::http::detail {

using tidings::detail::lane;

class streamed_exchange;

/// What a URL asks for in a way of connecting.
/// @param tls in place of the client's; null: none
io::connect_options connecting_to(const url& to, const client_options& options,
                                  const io::tls_client_options* tls = nullptr);

/// What a client handle stands on.
class client_state final : public tidings::detail::context_dependent,
                           public std::enable_shared_from_this<client_state> {
 public:
    /// `executor`: where handlers run that have none of their own.
    client_state(std::shared_ptr<tidings::detail::lane> lane, net::any_io_executor executor,
                 client_options options);

    // From any thread.
    /// `body`, and not that of the request, is sent. A large one that the terms hold is not copied.
    void start(const std::string& text, const request& r, std::string_view body,
               diagnostics* detail, response_handler handler, request_terms terms = {});
    void close() noexcept;
    /// Owns it until its callback; false: closed.
    bool add(const std::shared_ptr<streamed_exchange>& s);
    void remove(const std::shared_ptr<streamed_exchange>& s) noexcept;

    void on_context_end() noexcept override;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    const client_options& options() const noexcept { return options_; }
    tidings::detail::lane& lane() const noexcept { return *lane_; }

    // Lane-confined.
    /// Gives waiting jobs what connections there are; forgets a pool that is empty.
    void serve(origin_pool& p);
    void forget_unused(const origin_pool& p) noexcept;
    /// On a new connection. Behind what was posted before: if that closes the client, the job ends.
    void connect_again(const std::shared_ptr<client_job>& job);
    /// A connection became idle; it takes its place back when it is not any more.
    void add_idle(idle_list& place) noexcept { idle_.splice(idle_.end(), place); }
    void remove_idle(idle_list& place, idle_list::iterator at) noexcept {
        place.splice(place.end(), idle_, at);
    }
    void count_closed() noexcept { --connections_; }
    address_cache& addresses() noexcept { return addresses_; }

 private:
    void make_room();
    void give_connection(origin_pool& p, const std::shared_ptr<client_job>& job);
    void begin(const std::shared_ptr<client_job>& job);
    void line_up(const std::shared_ptr<client_job>& job);
    origin_pool& pool_of(client_job& job);
    bool closed();
    void connect(origin_pool& p, std::shared_ptr<client_job> job);
    void end();

    net::any_io_executor executor_;
    const client_options options_;
    const std::shared_ptr<tidings::detail::lane> lane_;
    std::unordered_map<std::string, std::unique_ptr<origin_pool>> pools_;  // lane-confined
    address_cache addresses_;                                              // lane-confined
    idle_list idle_;               // lane-confined, as the next; the oldest first
    std::size_t connections_ = 0;  // of all pools
    bool ended_ = false;           // lane-confined

    std::mutex mutex_;
    std::unordered_set<std::shared_ptr<streamed_exchange>> streams_;
    bool closed_ = false;  // guarded by mutex_, as the streams
};

}  // namespace tidings::http::detail
