// SPDX-License-Identifier: BSL-1.0
// How long a client uses the addresses of a name, and that its filter is asked at each use.
#include "support/http_client_bed.hpp"

#include <tidings/http/impl/client/address_cache.hpp>
#include <tidings/http/impl/client/request_terms.hpp>

namespace {

/// Counts resolutions, of both kinds, and passes everything on.
class counting_network final : public io::network {
 public:
    explicit counting_network(io::network& inner) : inner_(inner) {}
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        if (options.addresses.empty()) ++unresolved;
        return inner_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        ++resolved;
        return counting_cancels(
            inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done)));
    }
    io::canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, io::resolve_callback done) override {
        ++resolved_unproven;
        return inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
    std::size_t resolved = 0, resolved_unproven = 0, unresolved = 0, cancelled = 0;

 private:
    io::canceller counting_cancels(io::canceller inner) {
        return [this, inner = std::move(inner)]() mutable {
            ++cancelled;
            inner();
        };
    }
    io::network& inner_;
};

struct addresses_bed : client_bed {
    explicit addresses_bed(http::client_options o) : counted(*environment().network) {
        o.keep_alive = 0s;  // each request has a connection of its own
        o.environment = environment();
        o.environment.network = &counted;
        client.emplace(io(), std::move(o));
    }
    ~addresses_bed() { client.reset(); }
    error_code ask(const std::string& url = "http://name.example/") {
        const auto before = peers().size();
        const auto out = start({}, url);
        if (peers().size() > before) peers().back()->send(ok);
        run();
        return out->error.value_or(make_error_code(errc::undecided));
    }
    counting_network counted;
};

}  // namespace

TEST_CASE("The addresses of a name are used again for a while", "[http]") {
    addresses_bed bed({.keep_addresses = 60s});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
    bed.advance(59s);
    CHECK_FALSE(bed.ask());
    CHECK_FALSE(bed.ask());
    CHECK(bed.counted.resolved == 1);
    bed.advance(2s);
    CHECK_FALSE(bed.ask());
    CHECK(bed.counted.resolved == 2);
    CHECK_FALSE(bed.ask("http://127.0.0.1/"));  // nothing to resolve
    CHECK(bed.counted.resolved == 2);
}

TEST_CASE("A client that keeps no addresses leaves names to the network", "[http]") {
    addresses_bed bed({});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
    CHECK_FALSE(bed.ask());
    CHECK(bed.counted.resolved == 0);
    CHECK(bed.counted.unresolved == 2);
}

TEST_CASE("The filter is asked for addresses that are used again", "[http]") {
    bool allowed = true;
    std::vector<std::string> asked;
    addresses_bed bed({.address_filter =
                           [&](const net::ip::address& a) {
                               asked.push_back(a.to_string());
                               return allowed;
                           },
                       .keep_addresses = 60s});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
    allowed = false;
    CHECK(bed.ask() == errc::address_refused);
    CHECK(asked == std::vector<std::string>{"127.0.0.1", "127.0.0.1"});
}

TEST_CASE("A name that changes between check and connect leads to what was checked", "[http]") {
    std::vector<std::string> asked;
    addresses_bed bed({.address_filter =
                           [&](const net::ip::address& a) {
                               asked.push_back(a.to_string());
                               return a.to_string() == "127.0.0.1";
                           },
                       .keep_addresses = 60s});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
    bed.sim().add_name("name.example", {"10.0.0.7"});
    CHECK_FALSE(bed.ask());  // of the old address
    bed.advance(61s);
    CHECK(bed.ask() == errc::address_refused);
    CHECK(asked == std::vector<std::string>{"127.0.0.1", "127.0.0.1", "10.0.0.7"});
}

TEST_CASE("Addresses that do not answer are looked up again", "[http]") {
    addresses_bed bed({.keep_addresses = 60s});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
    auto link = sim_link{};
    SECTION("refused") {
        link.connect = sim_link::on_connect::refuse;
        bed.sim().set_link(link);
        CHECK(bed.ask() == net::error::connection_refused);
    }
    SECTION("timed out") {
        link.connect = sim_link::on_connect::hang;
        bed.sim().set_link(link);
        const auto out = bed.start({}, "http://name.example/");
        bed.advance(11s);
        CHECK(out->error == errc::timed_out);
    }
    bed.sim().set_link({});
    CHECK_FALSE(bed.ask());
    CHECK(bed.counted.resolved == 2);
}

TEST_CASE("A name that is not resolved is asked for each time", "[http]") {
    addresses_bed bed({.keep_addresses = 60s});
    CHECK(bed.ask() == errc::name_not_resolved);
    bed.sim().add_name("name.example", {"127.0.0.1"});
    CHECK_FALSE(bed.ask());
}

TEST_CASE("A name that hangs is given up in time, and with its request", "[http]") {
    addresses_bed bed({.connect_timeout = 10s, .phases = {.resolve = 2s}, .keep_addresses = 60s});
    bed.sim().add_name("name.example", {});
    const auto out = bed.start({}, "http://name.example/");
    SECTION("by the phase's deadline") {
        bed.advance(3s);
        CHECK(out->error == errc::timed_out);
    }
    SECTION("by the client's end") {
        bed.client.reset();
        bed.run();
        CHECK(out->error == errc::closed);
    }
    CHECK(bed.counted.cancelled == 1);
}

TEST_CASE("The name of a peer that has not answered lately is resolved as such", "[http]") {
    const auto keep = GENERATE(0s, 60s);
    addresses_bed bed({.keep_addresses = keep});
    bed.sim().add_name("name.example", {"127.0.0.1"});
    std::optional<error_code> ended;
    http::detail::start_request(
        *bed.client, "http://name.example/", {},
        {.body = std::make_shared<const std::string>(), .unproven = true},
        {bed.io().get_executor(), [&](error_code ec, const http::response&) { ended = ec; }});
    bed.run();
    REQUIRE(bed.peers().size() == 1);
    bed.peers().back()->send(ok);
    bed.run();
    REQUIRE(ended.has_value());
    CHECK_FALSE(*ended);
    CHECK(bed.counted.resolved == 0);
    CHECK(bed.counted.resolved_unproven == 1);
}

TEST_CASE("An address cache is bounded, and forgets the oldest", "[http]") {
    http::detail::address_cache cache;
    const io::steady_time now{1h};
    const auto address = net::ip::make_address("192.0.2.1");
    const std::vector<net::ip::address> many(100, address);
    const auto max = http::detail::address_cache::max_names;
    for (std::size_t i = 0; i <= max; ++i) cache.put(std::to_string(i), many, now + 60s);
    CHECK(cache.size() == max);
    CHECK(cache.find("0", now) == nullptr);
    REQUIRE(cache.find("1", now) != nullptr);
    CHECK(cache.find("1", now)->size() == http::detail::address_cache::max_addresses);
    cache.put("1", {address}, now + 120s);  // newer than all
    CHECK(cache.size() == max);
    CHECK(cache.find("1", now + 61s)->size() == 1);
    CHECK(cache.find("2", now + 61s) == nullptr);
    CHECK(cache.size() == max - 1);
    cache.forget("1");
    cache.forget("1");
    CHECK(cache.find("1", now) == nullptr);
}
