// SPDX-License-Identifier: BSL-1.0
// The certificate that an endpoint's client shows (mTLS), and which endpoints share connections.
#include "support/test_certificates.hpp"
#include "support/webhook_bed.hpp"

#if TIDINGS_TLS

#include <tidings/io/impl/tls_stream.hpp>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A target that speaks TLS with clients of the authority alone, and answers 204.
class demanding_target {
    struct connection {
        io::stream_ptr stream;
        std::array<std::byte, 8192> buffer{};
    };

 public:
    explicit demanding_target(world& w, const certificate& own = certificates().server)
        : io_(w.io().get_executor()) {
        error_code ec;
        const auto& made = certificates();
        context_ = detail::make_server_context({{}, {}, own.certificate_pem, own.key_pem}, ec);
        REQUIRE_FALSE(ec);
        context_->set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
        context_->add_certificate_authority(net::buffer(made.authority.certificate_pem));
        acceptor_ = w.environment().network->listen(io_, {}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    std::string url(std::string_view path = "/hook") const {
        return "https://127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port) +
               std::string(path);
    }
    std::vector<std::string> requests;
    std::size_t accepted = 0, refused = 0;  // connections
    void close() {
        acceptor_.reset();
        open_.clear();
    }

 private:
    void accept() {
        acceptor_->start_accept(io_, [this](error_code ec, io::stream_ptr lower) {
            if (ec) return;
            const auto c = std::make_shared<connection>();
            c->stream = detail::make_server_stream(context_, std::move(lower), ec);
            REQUIRE_FALSE(ec);
            open_.push_back(c);
            c->stream->start_handshake([this, c](error_code failed) {
                ++(failed ? refused : accepted);
                if (!failed) return read(c);
                c->stream->close();
            });
            accept();
        });
    }
    void read(const std::shared_ptr<connection>& c) {
        c->stream->start_read(c->buffer, [this, c](error_code ec, std::size_t n) {
            if (ec) return c->stream->close();
            requests.push_back(text_of(std::span(c->buffer).first(n)));
            static const std::string answer = "HTTP/1.1 204 No Content\r\n\r\n";
            c->stream->start_write(bytes_of(answer),
                                   [this, c](error_code, std::size_t) { read(c); });
        });
    }

    const net::any_io_executor io_;
    detail::tls_context context_;
    std::unique_ptr<io::acceptor> acceptor_;
    std::vector<std::shared_ptr<connection>> open_;
};

io::tls_client_options showing(const certificate& c) {
    return {.ca_pem = certificates().authority.certificate_pem,
            .certificate_chain_pem = c.certificate_pem,
            .private_key_pem = c.key_pem};
}

struct mtls_bed {
    static webhook::sender_options options(world& w) {
        auto o = webhook_options(w);
        o.guard.schemes = {"https"};
        o.tls.ca_pem = certificates().authority.certificate_pem;
        return o;
    }
    ~mtls_bed() {
        bed.sender.reset();
        target.close();
        w.run_ready();
    }
    void wait_for(std::size_t attempts) {
        w.run_until([&] { return bed.attempts.size() == attempts; });
        w.run_ready();
    }
    world w{transport::tcp};
    send_bed bed{w, options(w)};
    demanding_target target{w};
};

}  // namespace

TEST_CASE("an endpoint shows the certificate that it was given", "[webhook][tls]") {
    mtls_bed b;
    auto tls = showing(certificates().client);
    const auto folder = std::filesystem::temp_directory_path();
    const auto chain = folder / "tidings-test-client-chain.pem";
    const auto key = folder / "tidings-test-client-key.pem";
    SECTION("as text") {}
    SECTION("as files") {
        std::ofstream(chain) << std::exchange(tls.certificate_chain_pem, {});
        std::ofstream(key) << std::exchange(tls.private_key_pem, {});
        tls.certificate_chain_file = chain.string();
        tls.private_key_file = key.string();
    }
    SECTION("under a name of its own") {
        tls.server_name = "localhost";
    }
    b.bed.add(b.target.url(), {.tls = tls});
    b.bed.publish("1");
    b.wait_for(1);
    CHECK(b.bed.attempts[0].status == 204);
    b.bed.publish("2");
    b.wait_for(2);
    CHECK(b.target.requests.size() == 2);
    CHECK(b.target.accepted == 1);  // kept alive
    std::filesystem::remove(chain);
    std::filesystem::remove(key);
}

TEST_CASE("a target whose certificate has expired, or is of another name, is sent nothing",
          "[webhook][tls]") {
    const auto& made = certificates();
    const bool expired = GENERATE(false, true);
    mtls_bed b;
    demanding_target wrong(b.w, expired ? made.expired : made.other_name);
    auto tls = showing(made.client);
    tls.server_name = "localhost";
    b.bed.add(wrong.url(), {.tls = tls});
    b.bed.publish();
    b.wait_for(1);
    b.w.run_until([&] { return wrong.refused == 1; });
    CHECK(b.bed.attempts[0].error == errc::tls_failed);
    CHECK(b.bed.attempts[0].phase == "tls");
    CHECK(b.bed.attempts[0].result == webhook::verdict::retry);
    CHECK(b.bed.attempts[0].next == 5s);
    CHECK(wrong.requests.empty());
    b.bed.sender.reset();
    wrong.close();
    b.w.run_ready();
}

TEST_CASE("endpoints of one origin with other certificates share no connection", "[webhook][tls]") {
    mtls_bed b;
    std::optional<io::tls_client_options> other;
    SECTION("another certificate") {
        other = showing(certificates().other_client);
    }
    SECTION("none") {}
    b.bed.add(b.target.url("/hook?known"), {.id = "known", .tls = showing(certificates().client)});
    b.bed.publish("1");
    b.wait_for(1);
    REQUIRE(b.target.accepted == 1);
    // The connection of the first is open and idle: the second must not come in by it.
    b.bed.add(b.target.url("/hook?other"), {.id = "other", .tls = other});
    b.bed.publish("2");
    b.wait_for(3);
    b.w.run_until([&] { return b.target.refused == 1; });
    CHECK(b.target.accepted == 1);
    REQUIRE(b.target.requests.size() == 2);
    for (const auto& r : b.target.requests) CHECK(r.find("/hook?known ") != std::string::npos);
    const auto failed = std::find_if(b.bed.attempts.begin(), b.bed.attempts.end(),
                                     [](const auto& a) { return a.endpoint == "other"; });
    REQUIRE(failed != b.bed.attempts.end());
    CHECK(failed->status == 0);
    CHECK(failed->error);
}

TEST_CASE("endpoints with the same certificate have connections of their own, and roots in common",
          "[webhook][tls]") {
    mtls_bed b;
    for (const auto* id : {"1", "2"})
        b.bed.add(b.target.url(), {.id = id, .tls = showing(certificates().client)});
    b.bed.publish("x");
    b.wait_for(2);
    CHECK(b.target.accepted == 2);
}

TEST_CASE("a certificate that cannot be used is refused with the endpoint", "[webhook][tls]") {
    mtls_bed b;
    auto tls = showing(certificates().client);
    error_code expected = errc::tls_failed;
    SECTION("the key of another") {
        tls.private_key_pem = certificates().other_client.key_pem;
    }
    SECTION("no key") {
        tls.private_key_pem.clear();
    }
    SECTION("no certificate") {
        tls.certificate_chain_pem.clear();
    }
    SECTION("a key behind a password") {
        tls.private_key_pem = certificates().locked_key_pem;
    }
    SECTION("no PEM") {
        tls.certificate_chain_pem = "nonsense";
    }
    SECTION("roots that are none") {
        tls.ca_pem = "nonsense";
    }
    SECTION("a file that is not there") {
        tls.certificate_chain_pem.clear();
        tls.certificate_chain_file = "/nowhere/chain.pem";
        expected = error_code(ENOENT, boost::system::system_category());
    }
    error_code ec;
    diagnostics detail;
    b.bed.sender->endpoint({.url = b.target.url(), .secret = webhook_secret, .tls = tls}, ec,
                           detail);
    CHECK(ec == expected);
    CHECK(detail.message() == "the TLS certificate, its key, or the roots");
}

}  // namespace tidings::test

#endif
