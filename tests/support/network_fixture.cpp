// SPDX-License-Identifier: BSL-1.0
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#if defined(__unix__)
#include <unistd.h>
#endif

namespace tidings::test {

namespace {

// Reached only when a test fails.
constexpr std::chrono::seconds ceiling{60};

std::string fresh_unix_path() {
    static std::atomic<int> last = 0;
    long process = 0;
#if defined(__unix__)
    process = static_cast<long>(::getpid());
#endif
    const auto name =
        "tidings-test-" + std::to_string(process) + '-' + std::to_string(++last) + ".sock";
    return (std::filesystem::temp_directory_path() / name).string();
}

}  // namespace

const char* name_of(transport t) noexcept {
    switch (t) {
        case transport::tcp:
            return "tcp";
        case transport::unix_socket:
            return "unix socket";
        case transport::tls:
            return "tls";
        case transport::sim:
            return "simulated";
        case transport::sim_tls:
            return "simulated tls";
        case transport::sim_byte:
            return "simulated, byte by byte";
    }
    return "?";
}

void run_until(net::io_context& io, const std::function<bool()>& done) {
    while (!done()) {
        if (io.stopped()) io.restart();
        if (io.run_one_for(ceiling) == 0) FAIL("there is nothing left to run");
    }
}

void run_ready(net::io_context& io) {
    if (io.stopped()) io.restart();
    io.poll();
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string long_text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('!' + (i * 31 + i / 251) % 90);
    return text;
}

std::size_t open_descriptors() {
    std::error_code ec;
    const std::filesystem::directory_iterator open("/proc/self/fd", ec);
    return ec ? 0 : static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

std::size_t open_sockets() {
    std::error_code ec;
    std::size_t sockets = 0;
    for (const auto& open : std::filesystem::directory_iterator("/proc/self/fd", ec))
        if (read_symlink(open, ec).native().starts_with("socket:")) ++sockets;
    return sockets;
}

network_fixture::network_fixture(transport t)
    : transport_(t),
      descriptors_(open_descriptors()),
      io_(std::make_unique<net::io_context>()) {
    if (t == transport::unix_socket) listening_.unix_path = fresh_unix_path();
    if (tls()) {
        const auto& made = certificates().server;
        listening_.tls = {{}, {}, made.certificate_pem, made.key_pem};
    }
    network_ = &io::system_network();
    if (!simulated()) return;
    sim_ = std::make_unique<sim_network>();
    network_ = sim_.get();
    if (t != transport::sim_byte) return;
    sim_link link;
    link.max_read_bytes = link.max_write_bytes = 1;
    link.buffer_bytes = 64;
    sim_->set_link(link);
}

network_fixture::~network_fixture() {
    acceptor_.reset();
    if (io_) {
        if (io_->stopped()) io_->restart();
        io_->run_for(ceiling);
        CHECK(io_->stopped());  // out of work
    }
    if (sim_) CHECK(sim_->live_streams() == 0);
    sim_.reset();
    io_.reset();
    CHECK(open_descriptors() == descriptors_);
}

bool network_fixture::simulated() const noexcept {
    return transport_ == transport::sim || transport_ == transport::sim_tls ||
           transport_ == transport::sim_byte;
}

bool network_fixture::tls() const noexcept {
    return transport_ == transport::tls || transport_ == transport::sim_tls;
}

io::listen_options network_fixture::listen_options() {
    auto options = listening_;
    if (over_unix()) options.unix_path = fresh_unix_path();
    return options;
}

io::acceptor& network_fixture::acceptor() {
    if (!acceptor_) {
        error_code ec;
        acceptor_ = network_->listen(executor(), listening_, ec);
        INFO(ec.message());
        REQUIRE(acceptor_);
    }
    return *acceptor_;
}

io::connect_options network_fixture::connect_options() {
    io::connect_options options;
    options.host = "127.0.0.1";
    options.port = acceptor().local_endpoint().port;
    options.unix_path = listening_.unix_path;
    if (tls()) {
        options.tls.emplace();
        options.tls->ca_pem = certificates().authority.certificate_pem;
        options.tls->server_name = "localhost";
    }
    return options;
}

network_fixture::pair network_fixture::connect() {
    pair made;
    bool accepted = false;
    bool connected = false;
    acceptor().start_accept(executor(), [&](error_code ec, io::stream_ptr s) {
        REQUIRE_FALSE(ec);
        made.server = std::move(s);
        made.server->start_handshake([&](error_code e) {
            CHECK_FALSE(e);
            accepted = true;
        });
    });
    auto cancel = network_->start_connect(executor(), connect_options(),
                                          [&](error_code ec, io::stream_ptr s) {
                                              INFO(ec.message());
                                              REQUIRE(s);
                                              made.client = std::move(s);
                                              connected = true;
                                          });
    run_until([&] { return accepted && connected; });
    return made;
}

void network_fixture::write(io::stream& to, std::string_view text) {
    while (!text.empty()) {
        std::optional<std::size_t> written;
        to.start_write(bytes_of(text), [&](error_code ec, std::size_t n) {
            INFO(ec.message());
            REQUIRE_FALSE(ec);
            REQUIRE(n > 0);
            written = n;
        });
        run_until([&] { return written.has_value(); });
        text.remove_prefix(*written);
    }
}

std::string network_fixture::read(io::stream& from, std::size_t size, error_code& ec) {
    std::string text;
    while (text.size() < size && !ec) {
        std::vector<std::byte> buffer(size - text.size());
        bool done = false;
        from.start_read(buffer, [&](error_code e, std::size_t n) {
            CHECK((e || n > 0));
            text += text_of(std::span(buffer).first(n));
            ec = e;
            done = true;
        });
        run_until([&] { return done; });
    }
    return text;
}

std::string network_fixture::read(io::stream& from, std::size_t size) {
    error_code ec;
    auto text = read(from, size, ec);
    INFO(ec.message());
    REQUIRE_FALSE(ec);
    return text;
}

error_code network_fixture::read_error(io::stream& from) {
    error_code ec;
    CHECK(read(from, 1, ec).empty());
    return ec;
}

void network_fixture::destroy_context() {
    acceptor_.reset();
    sim_.reset();
    io_.reset();
}

}  // namespace tidings::test
