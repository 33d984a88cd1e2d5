// SPDX-License-Identifier: BSL-1.0
// The transport of examples/ndjson_transport, which stands on public headers alone, and a reader of
// its lines that comes back.
#include "ndjson_transport/ndjson.hpp"
#include "matrix/rows.hpp"
#include "matrix/transports/stream_transport.hpp"

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_streams.hpp>
#include <tidings/inlet/impl/inlet.hpp>

#include <array>

namespace tidings::matrix {

namespace {

using sessions_of = sessions_by_name<live_session>;

constexpr std::size_t max_bytes = 8 * 1024 * 1024;
constexpr std::chrono::milliseconds retry{5};

http::client_options client_options_for(const world& w) {
    http::client_options o;
    o.tls = w.client_tls();
    o.environment = w.environment();
    return o;
}

/// Reads the lines of a stream, and where that breaks, goes on behind the last one it has read.
class line_reader final : public std::enable_shared_from_this<line_reader> {
 public:
    line_reader(const world& w, std::string url, std::string token, std::shared_ptr<subscriber> to,
                origin_id origin)
        : executor_(w.executor()),
          clock_(*w.environment().clock),
          url_(std::move(url)),
          token_(std::move(token)),
          to_(std::move(to)),
          inlet_({}, origin != 0 ? origin : make_origin()),
          client_(executor_, client_options_for(w)),
          again_(clock_.make_timer(executor_)) {}

    bool open() const noexcept { return answer_ != nullptr; }
    void connect() {
        http::request r;
        r.fields.set("Authorization", "Bearer " + token_);
        if (!last_.empty()) r.fields.set("Last-Event-ID", last_);
        connecting_ = http::detail::client_streams::open(
            client_, executor_, url_, r,
            [weak = weak_from_this()](error_code ec,
                                      std::unique_ptr<http::detail::streaming_response> a) {
                if (const auto self = weak.lock()) self->on_answer(ec, std::move(a));
            });
    }
    void stop() {
        stopped_ = true;
        again_.reset();
        if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
        answer_.reset();
    }

 private:
    void on_answer(error_code ec, std::unique_ptr<http::detail::streaming_response> answer) {
        connecting_ = nullptr;
        if (stopped_) return;
        if (ec || answer->head().status != 200) return come_back();
        answer_ = std::move(answer);
        rest_.clear();
        read();
    }
    void read() {
        answer_->start_read(std::as_writable_bytes(std::span(buffer_)),
                            [weak = weak_from_this()](error_code ec, std::size_t n) {
                                if (const auto self = weak.lock()) self->on_bytes(ec, n);
                            });
    }
    void on_bytes(error_code ec, std::size_t n) {
        if (stopped_) return;
        if (ec) return come_back();
        auto from = rest_.size();
        rest_.append(buffer_.data(), n);
        std::size_t begin = 0;
        for (auto end = rest_.find('\n', from); end != std::string::npos;
             end = rest_.find('\n', begin)) {
            if (!take(std::string_view(rest_).substr(begin, end - begin))) return;
            begin = end + 1;
        }
        rest_.erase(0, begin);
        read();
    }
    // False when it has stopped, or comes back.
    bool take(std::string_view line) {
        error_code ec;
        auto e = parse_cloudevents_json(line, ec);
        if (ec) {
            come_back();
            return false;
        }
        const auto at = e.position;
        if (e.event.type() != "tidings.heartbeat") {
            const auto p = inlet_.take(std::move(e), {}, ec);
            if (p && to_->deliver(p) == outcome::closed) stop();
        }
        if (stopped_) return false;
        if (!at.empty()) last_ = at;
        return true;
    }
    void come_back() {
        answer_.reset();
        again_->start_wait(clock_.now() + retry, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->connect();
        });
    }

    net::any_io_executor executor_;
    io::clock& clock_;
    const std::string url_;
    const std::string token_;
    const std::shared_ptr<subscriber> to_;
    const detail::inlet inlet_;
    http::client client_;
    std::unique_ptr<io::timer> again_;
    io::canceller connecting_;
    std::unique_ptr<http::detail::streaming_response> answer_;
    std::array<char, 16 * 1024> buffer_;
    std::string rest_;  // of a line that has not ended
    std::string last_;  // the position of the last event that was read
    bool stopped_ = false;
};

class ndjson_link final : public link {
 public:
    ndjson_link(std::shared_ptr<sessions_of> known, std::string token,
                std::shared_ptr<line_reader> reader)
        : known_(std::move(known)),
          token_(std::move(token)),
          reader_(std::move(reader)) {
        reader_->connect();
    }
    ~ndjson_link() override { reader_->stop(); }

    bool ready() const override { return reader_->open(); }
    std::shared_ptr<subscriber> outlet() override { return known_->find(token_); }
    void close() override { reader_->stop(); }

 private:
    std::shared_ptr<sessions_of> known_;
    std::string token_;
    std::shared_ptr<line_reader> reader_;
};

class ndjson_transport final : public stream_transport<live_session> {
 public:
    using stream_transport::stream_transport;

 private:
    mount_function serve_bus(bus& from, std::shared_ptr<sessions> known,
                             origin_id origin) const override {
        return [&from, origin, known = std::move(known)](front_door& s) {
            ndjson::service_options o;
            o.policy.authenticator = whoever_it_says();
            o.limits = {max_bytes, 4096};
            o.origin = origin;
            o.on_open = [known](const std::shared_ptr<live_session>& c) { known->opened(c); };
            s.mount("/ndjson", ndjson::service(from, std::move(o)));
        };
    }
    std::unique_ptr<link> make_link(const host& h, std::shared_ptr<sessions> known,
                                    std::string token, std::shared_ptr<subscriber> to,
                                    origin_id origin) const override {
        auto reader = std::make_shared<line_reader>(in(), h.url("http", "/ndjson?topic=%3E"), token,
                                                    std::move(to), origin);
        return std::make_unique<ndjson_link>(std::move(known), std::move(token), std::move(reader));
    }
};

}  // namespace

std::unique_ptr<transport> make_ndjson_transport(world& w) {
    return std::make_unique<ndjson_transport>(w);
}

}  // namespace tidings::matrix
