// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_state.hpp>
#include <tidings/webhook/replay.hpp>

#include <memory>
#include <string>

namespace tidings::webhook::detail {

using replay_handler = tidings::completion_handler<error_code, replayed>;

/// Reads a history slice by slice into an endpoint's part of the outbox: the next slice when the
/// outbox has the last. Lane-confined.
class endpoint_replay final : public std::enable_shared_from_this<endpoint_replay> {
 public:
    endpoint_replay(std::shared_ptr<endpoint_state> to, replay_range range, std::string suffix,
                    replay_handler done);
    void start();

 private:
    void read();
    void on_slice(error_code ec, history_slice s);
    void append(const history_slice& s);
    void on_appended(error_code ec, const position& at);
    void leave();
    void end(error_code ec);

    const std::shared_ptr<endpoint_state> to_;
    replay_range range_;
    const std::string suffix_;
    replay_handler done_;
    replayed result_;
    position next_;
    error_code failed_;
    std::size_t waiting_ = 0;  // for the outbox, and 1 while a slice is handed over
    bool at_end_ = false;
};

}  // namespace tidings::webhook::detail
