// SPDX-License-Identifier: BSL-1.0
// What only the machine's network has; what it shares with every network is in network.cpp.
#include "support/network_fixture.hpp"

#include <tidings/io/impl/connecting.hpp>
#include <tidings/io/impl/socket_stream.hpp>
#include <tidings/test/manual_clock.hpp>

#include <boost/asio/error.hpp>

#include <filesystem>
#include <fstream>
#if defined(__unix__)
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <set>
#endif

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Resolves every name to the same addresses and can do nothing else.
class fixed_names final : public io::network {
 public:
    std::vector<io::socket_address> found;

    std::unique_ptr<io::acceptor> listen(net::any_io_executor, const io::listen_options&,
                                         error_code& ec) override {
        ec = net::error::operation_not_supported;
        return nullptr;
    }
    io::canceller start_connect(net::any_io_executor, io::connect_options,
                                io::stream_callback) override {
        return {};
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string, std::uint16_t,
                                io::resolve_callback done) override {
        net::post(executor, [found = found, done = std::move(done)]() mutable {
            done({}, std::move(found));
        });
        return {};
    }
};

io::socket_address at(const char* address, std::uint16_t port = 1) {
    return {net::ip::make_address(address), port};
}

struct result {
    std::optional<error_code> ec;
    io::stream_ptr stream;
    auto handler() {
        return [this](error_code e, io::stream_ptr s) {
            CHECK_FALSE(ec.has_value());
            ec = e;
            stream = std::move(s);
        };
    }
};

}  // namespace

TEST_CASE("the families of a name's addresses take turns", "[io]") {
    net::io_context io;
    manual_clock clock;
    fixed_names names;
    const auto v6 = GENERATE(true, false);
    std::vector<std::string> expected;
    if (v6) {
        names.found = {at("2001:db8::1"), at("2001:db8::2"), at("2001:db8::3"), at("192.0.2.1")};
        expected = {"2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"};
    } else {
        names.found = {at("192.0.2.1"), at("2001:db8::1"), at("192.0.2.2"), at("2001:db8::2")};
        expected = {"192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"};
    }
    std::vector<std::string> asked;
    io::connect_options to;
    to.host = "x";
    to.address_filter = [&](const net::ip::address& a) {
        asked.push_back(a.to_string());
        return false;
    };
    result r;
    auto cancel = detail::start_connecting(names, clock, io.get_executor(), to, r.handler());
    io.run();
    CHECK(r.ec == errc::address_refused);
    CHECK(asked == expected);
}

TEST_CASE("an address that refuses gives way to the next at once", "[io]") {
    network_fixture f(transport::tcp);
    manual_clock clock;  // stands still
    fixed_names names;
    const auto good = f.acceptor().local_endpoint();
    error_code ec;
    auto other = f.network().listen(f.executor(), {}, ec);
    const auto refusing = other->local_endpoint();
    other.reset();
    names.found = {refusing, good};
    io::connect_options to;
    to.host = "x";
    result r;
    auto cancel = detail::start_connecting(names, clock, f.executor(), to, r.handler());
    f.run_until([&] { return r.ec.has_value(); });
    CHECK_FALSE(*r.ec);
    REQUIRE(r.stream);
    CHECK(r.stream->remote_address() == "127.0.0.1:" + std::to_string(good.port));

    names.found = {refusing, refusing};
    result all_refuse;
    cancel = detail::start_connecting(names, clock, f.executor(), to, all_refuse.handler());
    f.run_until([&] { return all_refuse.ec.has_value(); });
    CHECK(*all_refuse.ec == net::error::connection_refused);
    CHECK_FALSE(clock.next_deadline());
}

#if defined(__linux__)
TEST_CASE("an address that does not answer does not keep the next waiting", "[io]") {
    network_fixture f(transport::tcp);
    manual_clock clock;
    fixed_names names;
    // A Linux listener whose queue is full ignores new connections.
    io::listen_options options;
    options.backlog = 0;
    error_code ec;
    const auto full = f.network().listen(f.executor(), options, ec);
    result first;
    auto fill = f.network().start_connect(
        f.executor(), {"127.0.0.1", full->local_endpoint().port, {}, {}, {}}, first.handler());
    f.run_until([&] { return first.ec.has_value(); });
    CHECK_FALSE(*first.ec);

    names.found = {full->local_endpoint(), f.acceptor().local_endpoint()};
    io::connect_options to;
    to.host = "x";
    result r;
    SECTION("another address is tried after a while") {
        auto cancel = detail::start_connecting(names, clock, f.executor(), to, r.handler());
        f.run_ready();
        CHECK_FALSE(r.ec);
        CHECK(clock.next_deadline() == clock.now() + 250ms);
        clock.advance(250ms);
        f.run_until([&] { return r.ec.has_value(); });
        REQUIRE(r.stream);
        CHECK(r.stream->remote_address() == "127.0.0.1:" + std::to_string(names.found.back().port));
    }
    SECTION("a connect to such addresses alone can be cancelled") {
        names.found.pop_back();
        const auto token = std::make_shared<int>();
        auto cancel =
            detail::start_connecting(names, clock, f.executor(), to,
                                     [token](error_code, io::stream_ptr) { FAIL("cancelled"); });
        f.run_ready();
        cancel();
        f.run_ready();
        CHECK(token.use_count() == 1);
    }
    CHECK_FALSE(clock.next_deadline());
}

// Linux leads what is meant for 0.0.0.0 to this machine.
TEST_CASE("the peer that a connection has led to is judged as well", "[io]") {
    network_fixture f(transport::tcp);
    auto options = f.connect_options();
    options.host = "0.0.0.0";
    const bool allowed = GENERATE(false, true);
    std::vector<std::string> asked;
    options.address_filter = [&](const net::ip::address& a) {
        asked.push_back(a.to_string());
        return allowed || a.is_unspecified();
    };
    std::optional<error_code> result;
    io::stream_ptr stream;
    const auto cancel =
        f.network().start_connect(f.executor(), options, [&](error_code ec, io::stream_ptr s) {
            result = ec;
            stream = std::move(s);
        });
    f.run_until([&] { return result.has_value(); });
    CHECK(asked == std::vector<std::string>{"0.0.0.0", "127.0.0.1"});
    CHECK((stream != nullptr) == allowed);
    if (!allowed) CHECK(*result == errc::address_refused);
}

TEST_CASE("an acceptor that ran out of descriptors can go on", "[io]") {
    network_fixture f(transport::tcp);
    result connected;
    auto cancel = f.network().start_connect(f.executor(), f.connect_options(), connected.handler());
    f.run_until([&] { return connected.ec.has_value(); });

    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    result starved;
    f.acceptor().start_accept(f.executor(), starved.handler());
    f.run_until([&] { return starved.ec.has_value(); });
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(*starved.ec == net::error::no_descriptors);
    CHECK_FALSE(starved.stream);

    result accepted;
    f.acceptor().start_accept(f.executor(), accepted.handler());
    f.run_until([&] { return accepted.ec.has_value(); });
    CHECK_FALSE(*accepted.ec);
    CHECK(accepted.stream);
}
#endif

#if defined(__linux__)
namespace {

std::set<int> descriptor_numbers() {
    std::set<int> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        all.insert(std::stoi(entry.path().filename().string()));
    return all;
}

constexpr auto epoll_name = "anon_inode:[eventpoll]";

/// A child process that holds copies of every descriptor until it is destroyed.
struct child_process {
    pid_t id = ::fork();
    child_process() {
        if (id != 0) return;
        for (;;) ::pause();
    }
    ~child_process() {
        ::kill(id, SIGKILL);
        ::waitpid(id, nullptr, 0);
    }
};

}  // namespace

TEST_CASE("no descriptor is inherited by a program that is executed", "[io][fault-23]") {
    const auto over = GENERATE(transport::tcp, transport::unix_socket);
    const auto before = descriptor_numbers();
    network_fixture f(over);
    result connected, accepted;
    f.acceptor().start_accept(f.executor(), accepted.handler());
    auto cancel = f.network().start_connect(f.executor(), f.connect_options(), connected.handler());
    f.run_until([&] { return connected.ec.has_value() && accepted.ec.has_value(); });
    REQUIRE(connected.stream);
    REQUIRE(accepted.stream);
    int sockets = 0;
    for (const int d : descriptor_numbers()) {
        const int flags = ::fcntl(d, F_GETFD);
        if (before.count(d) != 0 || flags < 0) continue;  // the listing's own is gone
        INFO("descriptor " << d);
        CHECK((flags & FD_CLOEXEC) != 0);
        ++sockets;
    }
    CHECK(sockets >= 3);
}

TEST_CASE("a forked child that keeps running keeps neither connection nor port", "[io][fault-23]") {
    network_fixture f(transport::tcp);
    result connected, accepted;
    f.acceptor().start_accept(f.executor(), accepted.handler());
    auto cancel = f.network().start_connect(f.executor(), f.connect_options(), connected.handler());
    f.run_until([&] { return connected.ec.has_value() && accepted.ec.has_value(); });
    const child_process child;
    REQUIRE(child.id > 0);
    accepted.stream.reset();
    std::optional<error_code> ended;
    std::array<std::byte, 1> into{};
    connected.stream->start_read(into, [&](error_code ec, std::size_t) { ended = ec; });
    f.run_until([&] { return ended.has_value(); });
    CHECK(*ended == net::error::eof);

    const auto port = f.acceptor().local_endpoint().port;
    f.acceptor().close();
    error_code ec;
    const auto next = f.network().listen(f.executor(), {.address = "127.0.0.1", .port = port}, ec);
    CHECK_FALSE(ec);
    CHECK(next);
}

TEST_CASE("a stream that finds no place in its new reactor ends, its descriptor too", "[io]") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    net::io_context io, other;
    detail::socket_stream stream(
        detail::any_socket(io, net::generic::stream_protocol(AF_UNIX, 0), ends[0]), {});
    const auto before = descriptor_numbers();
    const net::ip::tcp::socket makes_the_reactor(other);
    int replaced = 0;
    for (const int d : descriptor_numbers()) {
        const auto link = "/proc/self/fd/" + std::to_string(d);
        error_code gone;  // the listing's own is
        if (before.count(d) != 0 || std::filesystem::read_symlink(link, gone) != epoll_name)
            continue;
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        REQUIRE(::dup3(null, d, O_CLOEXEC) == d);  // so that every epoll_ctl fails
        ::close(null);
        ++replaced;
    }
    REQUIRE(replaced == 1);
    const auto open = descriptor_numbers().size();
    CHECK_FALSE(stream.rebind(other.get_executor()));
    REQUIRE(descriptor_numbers().size() == open - 1);
    char end = 0;
    CHECK(::recv(ends[1], &end, 1, MSG_DONTWAIT) == 0);
    ::close(ends[1]);
}
#endif

TEST_CASE("a Unix socket is removed by its maker, and a stale one replaced", "[io]") {
    network_fixture f(transport::unix_socket);
    const auto path = f.listen_options().unix_path;
    io::listen_options options;
    options.unix_path = path;
    error_code ec;
    auto first = f.network().listen(f.executor(), options, ec);
    REQUIRE(first);
    CHECK(std::filesystem::exists(path));

    // A listener that fails takes nothing away.
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == net::error::address_in_use);
    CHECK(std::filesystem::exists(path));

    // What a crash leaves: a socket in the file system that nobody listens on.
    const auto stale = path + ".stale";
    std::filesystem::create_hard_link(path, stale);
    first.reset();
    CHECK_FALSE(std::filesystem::exists(path));
    options.unix_path = stale;
    ec = {};
    auto second = f.network().listen(f.executor(), options, ec);
    CHECK_FALSE(ec);
    REQUIRE(second);
    result r;
    auto cancel = f.network().start_connect(f.executor(), {{}, 0, stale, {}, {}}, r.handler());
    f.run_until([&] { return r.ec.has_value(); });
    CHECK_FALSE(*r.ec);
    second->close();
    CHECK_FALSE(std::filesystem::exists(stale));
}

TEST_CASE("a Unix acceptor leaves what has taken its path", "[io]") {
    network_fixture f(transport::unix_socket);
    io::listen_options options;
    options.unix_path = f.listen_options().unix_path;
    error_code ec;
    auto first = f.network().listen(f.executor(), options, ec);
    REQUIRE(first);
    std::filesystem::remove(options.unix_path);
    std::unique_ptr<io::acceptor> second;
    const bool a_socket = GENERATE(true, false);
    if (a_socket)
        second = f.network().listen(f.executor(), options, ec);
    else
        std::ofstream(options.unix_path) << "precious";
    REQUIRE_FALSE(ec);
    first.reset();
    CHECK(std::filesystem::exists(options.unix_path));
    second.reset();
    CHECK(std::filesystem::exists(options.unix_path) == !a_socket);
    std::filesystem::remove(options.unix_path);
}

TEST_CASE("a file that is no socket is never taken for a stale one", "[io]") {
    network_fixture f(transport::unix_socket);
    io::listen_options options;
    options.unix_path = f.listen_options().unix_path;
    std::ofstream(options.unix_path) << "precious";
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == net::error::address_in_use);
    CHECK(std::filesystem::file_size(options.unix_path) == 8);
    std::filesystem::remove(options.unix_path);
}

TEST_CASE("a Unix path that is too long is an error at both ends", "[io]") {
    network_fixture f(transport::unix_socket);
    io::listen_options options;
    options.unix_path = "/tmp/" + std::string(200, 'x');
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == net::error::name_too_long);
    result r;
    auto cancel =
        f.network().start_connect(f.executor(), {{}, 0, options.unix_path, {}, {}}, r.handler());
    f.run_until([&] { return r.ec.has_value(); });
    CHECK(*r.ec == net::error::name_too_long);
}

TEST_CASE("IPv4 peers of an IPv6 listener are known by their IPv4 address", "[io]") {
    network_fixture f(transport::tcp);
    io::listen_options options;
    options.address = "::";
    error_code ec;
    const auto acceptor = f.network().listen(f.executor(), options, ec);
    if (!acceptor) {
        WARN("skipped: this machine has no IPv6: " << ec.message());
        return;
    }
    const auto connect = [&](const char* host) {
        result accepted, connected;
        acceptor->start_accept(f.executor(), accepted.handler());
        io::connect_options to;
        to.host = host;
        to.port = acceptor->local_endpoint().port;
        auto cancel = f.network().start_connect(f.executor(), to, connected.handler());
        f.run_until([&] { return connected.ec.has_value(); });
        REQUIRE_FALSE(*connected.ec);
        f.run_until([&] { return accepted.ec.has_value(); });
        CHECK(accepted.stream->remote_is_loopback());
        return accepted.stream->remote_address();
    };
    CHECK(connect("127.0.0.1").starts_with("127.0.0.1:"));
    CHECK(connect("::1").starts_with("[::1]:"));
}

#if !TIDINGS_TLS
TEST_CASE("what was built without TLS refuses to speak it", "[io]") {
    network_fixture f(transport::tcp);
    auto options = f.listen_options();
    options.tls.emplace();
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == errc::tls_failed);
    auto to = f.connect_options();
    to.tls.emplace();
    result r;
    auto cancel = f.network().start_connect(f.executor(), to, r.handler());
    f.run_until([&] { return r.ec.has_value(); });
    CHECK(*r.ec == errc::tls_failed);
    CHECK_FALSE(r.stream);
}
#endif

}  // namespace tidings::test
