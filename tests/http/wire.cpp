// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/wire.hpp>

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

/// Moves bytes until it is closed, as the thread does that runs the reactor.
class busy_stream final : public io::stream {
 public:
    explicit busy_stream(std::string& sent) : sent_(sent) {}
    ~busy_stream() override {
        std::fill(into_.begin(), into_.end(), std::byte{0x5a});
        sent_ = text_of(from_);
    }
    net::any_io_executor executor() const noexcept override { return net::system_executor(); }
    void start_handshake(io::ready_callback) override {}
    void start_read(std::span<std::byte> into, io::read_callback) override { into_ = into; }
    void start_write(std::span<const std::byte> from, io::read_callback) override { from_ = from; }
    void start_wait(io::wait_for, io::ready_callback) override {}
    bool can_poll() const noexcept override { return false; }
    std::size_t try_read(std::span<std::byte>, error_code&) noexcept override { return 0; }
    std::size_t try_write(std::span<const std::byte>, error_code&) noexcept override { return 0; }
    void start_shutdown(io::ready_callback) override {}
    void close() noexcept override {}
    std::string remote_address() const override { return {}; }
    bool remote_is_loopback() const noexcept override { return true; }

 private:
    std::string& sent_;
    std::span<std::byte> into_{};
    std::span<const std::byte> from_{};
};

struct nobody final : http::detail::wire_user {
    void on_read(error_code, std::string_view) override {}
    void on_written(error_code) override {}
};

}  // namespace

TEST_CASE("A wire's buffers last until its stream is closed", "[http]") {
    const auto text = long_text(1000);
    std::string sent;
    nobody user;
    {
        http::detail::wire wire(std::make_unique<busy_stream>(sent), user);
        wire.read();
        wire.write(text);
    }
    CHECK(sent == text);
}

}  // namespace tidings::test
