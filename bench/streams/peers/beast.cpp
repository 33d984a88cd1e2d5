// SPDX-License-Identifier: BSL-1.0
//
// Plain Boost.Beast: answers a POST, echoes WebSocket messages, holds streams open.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
namespace websocket = beast::websocket;
using net::ip::tcp;
using error_code = boost::system::error_code;
using request = http::request<http::string_body>;

class websocket_session : public std::enable_shared_from_this<websocket_session> {
 public:
    explicit websocket_session(beast::tcp_stream&& stream) : socket_{std::move(stream)} {}

    void run(const request& r) {
        socket_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
        socket_.async_accept(r, [self = shared_from_this()](error_code error) {
            if (!error) self->read();
        });
    }

 private:
    void read() {
        socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->echo();
        });
    }
    void echo() {
        socket_.text(socket_.got_text());
        socket_.async_write(buffer_.data(),
                            [self = shared_from_this()](error_code error, std::size_t) {
                                if (error) return;
                                self->buffer_.consume(self->buffer_.size());
                                self->read();
                            });
    }

    websocket::stream<beast::tcp_stream> socket_;
    beast::flat_buffer buffer_{};
};

class event_session : public std::enable_shared_from_this<event_session> {
 public:
    explicit event_session(beast::tcp_stream&& stream) : stream_{std::move(stream)} {}

    void run() {
        response_.set(http::field::content_type, "text/event-stream");
        response_.chunked(true);
        stream_.expires_never();
        http::async_write_header(stream_, serializer_,
                                 [self = shared_from_this()](error_code error, std::size_t) {
                                     if (!error) self->read();
                                 });
    }

 private:
    void read() {
        stream_.async_read_some(net::buffer(byte_),
                                [self = shared_from_this()](error_code error, std::size_t) {
                                    if (!error) self->read();
                                });
    }

    beast::tcp_stream stream_;
    http::response<http::empty_body> response_{http::status::ok, 11};
    http::response_serializer<http::empty_body> serializer_{response_};
    char byte_[1]{};
};

class http_session : public std::enable_shared_from_this<http_session> {
 public:
    explicit http_session(tcp::socket&& socket) : stream_{std::move(socket)} {}

    void run() {
        request_ = {};
        stream_.expires_after(std::chrono::seconds(60));
        http::async_read(stream_, buffer_, request_,
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (!error) self->answer();
                         });
    }

 private:
    void answer() {
        if (websocket::is_upgrade(request_))
            return std::make_shared<websocket_session>(std::move(stream_))->run(request_);
        if (request_.target().starts_with("/events"))
            return std::make_shared<event_session>(std::move(stream_))->run();
        response_ = {http::status::accepted, 11};
        response_.set(http::field::content_type, "application/json");
        response_.body() = R"({"accepted":true})";
        if (request_.target() == "/memory") {
            ::malloc_trim(0);
            response_.body() = std::to_string(::mallinfo2().uordblks);
        }
        response_.prepare_payload();
        http::async_write(stream_, response_,
                          [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error) self->run();
                          });
    }

    beast::tcp_stream stream_;
    beast::flat_buffer buffer_{};
    request request_{};
    http::response<http::string_body> response_{};
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay{true}, error);
            std::make_shared<http_session>(std::move(socket))->run();
        }
        accept(acceptor);
    });
}

}  // namespace

int main(int count, char** arguments) {
    const auto port = static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0);
    net::io_context io{1};
    tcp::acceptor acceptor{io, {net::ip::address_v4::loopback(), port}};
    accept(acceptor);
    std::printf("listening %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    io.run();
}
