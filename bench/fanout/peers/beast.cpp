// SPDX-License-Identifier: BSL-1.0
//
// Plain Boost.Beast, in the way of its chat-multi example: a queue per session, a string shared by
// all of them, one async_write per message.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
namespace websocket = beast::websocket;
using net::ip::tcp;
using error_code = boost::system::error_code;
using text_ptr = std::shared_ptr<const std::string>;

struct session {
    virtual ~session() = default;
    virtual void send(const text_ptr& text) = 0;
};

struct hub {
    std::unordered_set<session*> sockets{};
    std::unordered_set<session*> streams{};

    void publish(const std::string& text) const {
        const auto message = std::make_shared<const std::string>(text);
        for (session* to : sockets) to->send(message);
        if (streams.empty()) return;
        const auto event = std::make_shared<const std::string>("data: " + text + "\n\n");
        for (session* to : streams) to->send(event);
    }
};

class websocket_session final : public session,
                                public std::enable_shared_from_this<websocket_session> {
 public:
    websocket_session(beast::tcp_stream&& stream, hub& all, bool publisher)
        : socket_{std::move(stream)},
          hub_{all},
          publisher_{publisher} {}
    ~websocket_session() override { hub_.sockets.erase(this); }

    void run(const http::request<http::string_body>& request) {
        socket_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
        socket_.async_accept(request, [self = shared_from_this()](error_code error) {
            if (error) return;
            if (!self->publisher_) self->hub_.sockets.insert(self.get());
            self->read();
        });
    }

    void send(const text_ptr& text) override {
        queue_.push_back(text);
        if (queue_.size() == 1) write();
    }

 private:
    void read() {
        socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error) {
                self->hub_.sockets.erase(self.get());
                return;
            }
            if (self->publisher_) {
                self->hub_.publish(beast::buffers_to_string(self->buffer_.data()));
            }
            self->buffer_.consume(self->buffer_.size());
            self->read();
        });
    }

    void write() {
        socket_.async_write(net::buffer(*queue_.front()),
                            [self = shared_from_this()](error_code error, std::size_t) {
                                if (error) return;
                                self->queue_.pop_front();
                                if (!self->queue_.empty()) self->write();
                            });
    }

    websocket::stream<beast::tcp_stream> socket_;
    hub& hub_;
    bool publisher_;
    beast::flat_buffer buffer_{};
    std::deque<text_ptr> queue_{};
};

class event_session final : public session, public std::enable_shared_from_this<event_session> {
 public:
    event_session(beast::tcp_stream&& stream, hub& all) : stream_{std::move(stream)}, hub_{all} {}
    ~event_session() override { hub_.streams.erase(this); }

    void run() {
        response_.set(http::field::content_type, "text/event-stream");
        response_.set(http::field::cache_control, "no-cache");
        response_.chunked(true);
        stream_.expires_never();
        http::async_write_header(stream_, serializer_,
                                 [self = shared_from_this()](error_code error, std::size_t) {
                                     if (error) return;
                                     self->hub_.streams.insert(self.get());
                                     self->read();
                                 });
    }

    void send(const text_ptr& text) override {
        queue_.push_back(text);
        if (queue_.size() == 1) write();
    }

 private:
    // Nothing is due from the client: this only notices its end.
    void read() {
        stream_.async_read_some(net::buffer(byte_),
                                [self = shared_from_this()](error_code error, std::size_t) {
                                    if (!error) return self->read();
                                    self->hub_.streams.erase(self.get());
                                });
    }

    void write() {
        net::async_write(stream_, http::make_chunk(net::buffer(*queue_.front())),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) return;
                             self->queue_.pop_front();
                             if (!self->queue_.empty()) self->write();
                         });
    }

    beast::tcp_stream stream_;
    hub& hub_;
    http::response<http::empty_body> response_{http::status::ok, 11};
    http::response_serializer<http::empty_body> serializer_{response_};
    char byte_[1]{};
    std::deque<text_ptr> queue_{};
};

class http_session : public std::enable_shared_from_this<http_session> {
 public:
    http_session(tcp::socket&& socket, hub& all) : stream_{std::move(socket)}, hub_{all} {}

    void run() {
        http::async_read(stream_, buffer_, request_,
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (!error) self->answer();
                         });
    }

 private:
    void answer() {
        const auto target = request_.target();
        if (websocket::is_upgrade(request_)) {
            std::make_shared<websocket_session>(std::move(stream_), hub_,
                                                target.starts_with("/pub?"))
                ->run(request_);
        } else if (target.starts_with("/events?")) {
            std::make_shared<event_session>(std::move(stream_), hub_)->run();
        }
        // Any other request is answered by the end of the connection.
    }

    beast::tcp_stream stream_;
    hub& hub_;
    beast::flat_buffer buffer_{};
    http::request<http::string_body> request_{};
};

void accept(tcp::acceptor& acceptor, hub& all) {
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay{true}, error);
            std::make_shared<http_session>(std::move(socket), all)->run();
        }
        accept(acceptor, all);
    });
}

}  // namespace

int main(int count, char** arguments) {
    const auto port = static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0);
    hub all;
    net::io_context io{1};
    tcp::acceptor acceptor{io, {net::ip::address_v4::loopback(), port}};
    accept(acceptor, all);
    std::printf("listening %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    io.run();
}
