// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/world.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace tidings::test {

/// A peer that is no good HTTP server: to what a connection brings first it writes bytes, maybe
/// none, and closes.
class raw_target {
    struct connection {
        io::stream_ptr stream;
        std::array<std::byte, 4096> buffer{};
    };

 public:
    explicit raw_target(world& w, std::string answer = {}) : w_(w), answer_(std::move(answer)) {
        error_code ec;
        acceptor_ = w.environment().network->listen(w.io().get_executor(), {}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    std::string url(std::string_view path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port) +
               std::string(path);
    }
    /// What was said on each connection before it was closed.
    std::vector<std::string> requests;
    bool stays_open = false;  ///< does not close after its answer

 private:
    void accept() {
        acceptor_->start_accept(w_.io().get_executor(), [this](error_code ec, io::stream_ptr s) {
            if (ec) return;
            const auto c = std::make_shared<connection>();
            c->stream = std::move(s);
            auto* const stream = c->stream.get();
            open_.emplace(stream, c);
            stream->start_read(c->buffer, [this, stream](error_code failed, std::size_t n) {
                answer(stream, failed ? 0 : n);
            });
            accept();
        });
    }
    void answer(io::stream* stream, std::size_t n) {
        const auto c = open_.at(stream);
        if (n != 0) requests.push_back(text_of(std::span(c->buffer).first(n)));
        if (n == 0 || answer_.empty()) {
            open_.erase(stream);
            return;
        }
        stream->start_write(bytes_of(answer_), [this, stream](error_code, std::size_t) {
            if (!stays_open) open_.erase(stream);
        });
    }

    world& w_;
    const std::string answer_;
    std::unique_ptr<io::acceptor> acceptor_;
    std::map<io::stream*, std::shared_ptr<connection>> open_;
};

}  // namespace tidings::test
