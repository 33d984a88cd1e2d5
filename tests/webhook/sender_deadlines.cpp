// SPDX-License-Identifier: BSL-1.0
// Each phase of an attempt has a deadline, and the log says how long it took.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>

#include <boost/asio/bind_executor.hpp>

#include <array>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using kind = webhook::endpoint_change::kind;

struct deadlines_bed {
    explicit deadlines_bed(std::chrono::milliseconds resolve = 2s, bool tls = false) : bed(w) {
        auto o = webhook_options(w);
        o.environment = environment();
        if (tls) o.guard.schemes = {"https"};
        o.retry.delays = {0s, 1h};
        o.outbox = store::make_memory_outbox();
        o.attempts.successes = true;
        o.health.open_after = 1;
        o.resolve_timeout = resolve;
        o.connect_timeout = 3s;
        o.tls_timeout = 4s;
        o.first_byte_timeout = 5s;
        o.request_timeout = 20s;
        o.on_attempt = [this](const webhook::attempt& a) { attempts.push_back(a); };
        o.on_endpoint = [this](const webhook::endpoint_change& c) { changes.push_back(c.what); };
        o.log = [this](const log_record& r) {
            logged += std::string(r.message) + ": " + r.error.message() + '\n';
        };
        bed.sender.emplace(w.io(), std::move(o));
    }
    /// Publishes to a target, which times out then, and no earlier.
    void check_timeout(const std::string& url, std::chrono::milliseconds after,
                       std::string_view phase) {
        const auto e = bed.add(url, {.id = "e"});
        bed.publish();
        w.advance(after - 100ms);
        CHECK(attempts.empty());
        w.advance(200ms);
        REQUIRE(attempts.size() == 1);
        CHECK(attempts[0].error == errc::timed_out);
        CHECK(attempts[0].status == 0);
        CHECK(attempts[0].phase == phase);
        CHECK(changes == std::vector{kind::circuit_opened});
        CHECK(logged.find(" in " + std::string(phase) + ": ") != std::string::npos);
        const auto all = rows();
        REQUIRE(all.size() == 1);
        CHECK(all[0].error == errc::timed_out);
        CHECK(all[0].cause.find('(' + std::string(phase) + ')') != std::string::npos);
    }
    std::vector<store::outbox_attempt> rows() {
        std::vector<store::outbox_attempt> found;
        bed.sender->outbox()->async_list_attempts(
            "", 0, 100, net::bind_executor(w.io(), [&](error_code, auto all) { found = all; }));
        w.run_ready();
        return found;
    }

    io::environment environment() {
        auto e = w.environment();
        e.network = &sim;
        return e;
    }

    world w;
    sim_network sim{&w.clock()};  // which can be slow, unlike that of the world
    send_bed bed;
    std::vector<webhook::attempt> attempts;
    std::vector<kind> changes;
    std::string logged;
};

/// A peer that accepts one connection, reads of it, and sends single bytes of an answer.
class slow_peer {
 public:
    explicit slow_peer(deadlines_bed& b, bool tls = false) : w_(b.w) {
        io::listen_options o;
        if (tls) o.tls.emplace();
        error_code ec;
        acceptor_ = b.sim.listen(w_.io().get_executor(), o, ec);
        REQUIRE_FALSE(ec);
        acceptor_->start_accept(w_.io().get_executor(),
                                [this](error_code failed, io::stream_ptr s) {
                                    if (failed) return;
                                    stream_ = std::move(s);
                                    stream_->start_read(buffer_, [](error_code, std::size_t) {});
                                });
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port);
    }
    void send(char c) {
        REQUIRE(stream_);
        byte_[0] = static_cast<std::byte>(c);
        stream_->start_write(byte_, [](error_code, std::size_t) {});
        w_.run_ready();
    }

 private:
    world& w_;
    std::unique_ptr<io::acceptor> acceptor_;
    io::stream_ptr stream_;
    std::array<std::byte, 4096> buffer_{};
    std::array<std::byte, 1> byte_{};
};

}  // namespace

TEST_CASE("a name that is not resolved in time is an attempt that failed", "[webhook]") {
    deadlines_bed b;
    b.sim.add_name("slow.example", {});
    b.check_timeout("http://slow.example/hook", 2s, "resolve");
    CHECK(b.rows()[0].address.empty());
    CHECK_FALSE(b.rows()[0].timings.resolve);
}

TEST_CASE("a target that is not connected to in time is an attempt that failed", "[webhook]") {
    deadlines_bed b;
    sim_link link;
    link.connect = sim_link::on_connect::hang;
    b.sim.set_link(link);
    b.check_timeout("http://127.0.0.1:9/hook", 3s, "connect");
    const auto row = b.rows()[0];
    CHECK(row.address == "127.0.0.1:9");
    CHECK(row.timings.resolve == 0us);
    CHECK_FALSE(row.timings.connect);
}

TEST_CASE("a handshake that does not end in time is an attempt that failed", "[webhook]") {
    deadlines_bed b(2s, true);
    sim_link link;
    link.hang_handshake = true;
    b.sim.set_link(link);
    slow_peer peer(b, true);
    b.check_timeout("https://" + peer.address() + "/hook", 4s, "tls");
    const auto row = b.rows()[0];
    CHECK(row.address == peer.address());
    CHECK(row.timings.connect == 0us);
    CHECK_FALSE(row.timings.tls);
}

TEST_CASE("a target that says nothing in time is an attempt that failed", "[webhook]") {
    deadlines_bed b;
    slow_peer peer(b);
    b.check_timeout("http://" + peer.address() + "/hook", 5s, "first_byte");
    const auto row = b.rows()[0];
    CHECK(row.timings.write == 0us);
    CHECK_FALSE(row.timings.first_byte);
    CHECK(row.timings.total == 5100ms);
}

TEST_CASE("no phase takes longer than the whole attempt may", "[webhook]") {
    deadlines_bed b(1h);
    b.sim.add_name("slow.example", {});
    b.check_timeout("http://slow.example/hook", 20s, "resolve");
}

TEST_CASE("a target that trickles is cut off when the whole attempt is over", "[webhook]") {
    deadlines_bed b;
    slow_peer peer(b);
    const auto e = b.bed.add("http://" + peer.address() + "/hook", {.id = "e"});
    b.bed.publish();
    const std::string answer = "HTTP/1.1 200 A reason that is as long as it takes";
    for (std::size_t i = 0; i < 19; ++i) {
        b.w.advance(1s);
        peer.send(answer[i]);
    }
    CHECK(b.attempts.empty());
    b.w.advance(1s);
    b.w.advance(100ms);
    REQUIRE(b.attempts.size() == 1);
    CHECK(b.attempts[0].error == errc::timed_out);
    CHECK(b.attempts[0].phase == "body");
    CHECK(b.rows().at(0).timings.first_byte == 1s);
    CHECK(b.changes == std::vector{kind::circuit_opened});
}

TEST_CASE("the log says how long each phase took, and what was connected to", "[webhook]") {
    deadlines_bed b;
    sim_link link;
    link.latency = 50ms;
    b.sim.set_link(link);
    sink_server target(b.w.io(), {.environment = b.environment()});
    const auto e = b.bed.add(target.url(), {.id = "e"});
    for (int i = 0; i < 2; ++i) {
        b.bed.publish();
        for (int n = 0; n < 4; ++n) b.w.advance(50ms);
    }
    const auto rows = b.rows();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].timings.resolve == 0us);
    CHECK(rows[0].timings.connect == 50ms);
    CHECK_FALSE(rows[0].timings.tls);
    CHECK(rows[0].timings.write == 0us);
    CHECK(rows[0].timings.first_byte == 100ms);
    CHECK(rows[0].timings.total == 150ms);
    CHECK("http://" + rows[0].address + "/hook" == target.url());
    // The connection was open.
    CHECK_FALSE(rows[1].timings.resolve);
    CHECK_FALSE(rows[1].timings.connect);
    CHECK(rows[1].timings.first_byte == 100ms);
    CHECK(rows[1].timings.total == 100ms);
    CHECK(rows[1].address == rows[0].address);
    CHECK(b.attempts.at(0).phase.empty());
}

TEST_CASE("the log says how long a handshake took", "[webhook]") {
    deadlines_bed b(2s, true);
    slow_peer peer(b, true);
    const auto e = b.bed.add("https://" + peer.address() + "/hook", {.id = "e"});
    b.bed.publish();
    b.w.advance(5s);
    b.w.advance(100ms);
    REQUIRE(b.rows().size() == 1);
    CHECK(b.rows()[0].timings.tls == 0us);
}

}  // namespace tidings::test
