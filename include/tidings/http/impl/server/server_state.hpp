// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/ledger.hpp>
#include <tidings/http/impl/server/shard.hpp>
#include <tidings/impl/closing_slot.hpp>
#include <tidings/impl/context_end.hpp>

namespace tidings::http::detail {

/// The user's log, released when the server has ended: it may own the server.
struct user_log {
    log_sink sink;
    void close() noexcept {}
};
using log_slot = tidings::detail::closing_slot<user_log>;

/// What a server handle stands on: the listener and its shards. `mount` and `start` are for the
/// handle's thread; the rest of the work happens on a strand of its own.
class server_state final : public drainable,
                           public tidings::detail::context_dependent,
                           public std::enable_shared_from_this<server_state> {
 public:
    using drain_handler = tidings::completion_handler<error_code>;
    using drained = unique_function<void(error_code)>;

    server_state(net::any_io_executor executor, server_options options, error_code& ec);

    void mount(std::string_view prefix, std::shared_ptr<mounted> service);
    void start();
    /// From any thread, as the next.
    void stop() noexcept;
    void flush() noexcept;
    drain_role role() const noexcept override { return options_->drain_role; }
    void start_refusing() noexcept override;
    void start_drain(drained done) override;
    void on_context_end() noexcept override;

    /// What the server listens on, or could not: an address and port, a path, or the certificate's
    /// or key's file that cannot be opened.
    std::string listening_on() const;
    const net::any_io_executor& executor() const noexcept { return executor_; }
    io::socket_address local_endpoint() const noexcept { return local_; }
    std::size_t connections() const noexcept { return ledger_->size(); }
    bool draining() const noexcept { return stage_ >= stage::refusing; }

 private:
    // From `configured` on it changes on `control_`, but for the start.
    enum class stage { configured, started, refusing, draining, ended };
    std::shared_ptr<mounted> closing_with_its_routes(std::shared_ptr<mounted> service) const;
    void accept();
    void on_accept(error_code ec, io::stream_ptr stream, const std::shared_ptr<shard>& to);
    void admit(io::stream_ptr stream, const std::shared_ptr<shard>& to);
    void begin_drain();
    void end(error_code drain_result);
    void log(log_level level, std::string_view message, error_code ec = {}) const;

    const std::shared_ptr<log_slot> log_;
    net::any_io_executor executor_;
    net::any_io_executor control_;  // a strand, or the executor itself for a single thread
    const std::shared_ptr<const server_options> options_;
    const std::shared_ptr<ledger> ledger_;
    std::vector<std::shared_ptr<shard>> shards_;
    io::socket_address local_{};
    std::vector<route> routes_;  // until the start
    std::atomic<stage> stage_{stage::configured};

    // Confined to `control_`.
    std::unique_ptr<io::acceptor> acceptor_;
    std::unique_ptr<io::timer> pause_;  // after an accept that failed
    std::unique_ptr<io::timer> drain_deadline_;
    std::shared_ptr<const route_table> table_;
    std::size_t next_shard_ = 0;
    std::vector<drained> waiting_;  // for the drain
};

}  // namespace tidings::http::detail
