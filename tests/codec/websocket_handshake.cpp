// SPDX-License-Identifier: BSL-1.0
#include <tidings/codec/websocket_handshake.hpp>

#include "support/catch2.hpp"

#include <array>
#include <string>
#include <string_view>

namespace {

using namespace std::string_literals;
using tidings::check_websocket_key;
using tidings::choose_subprotocol;
using tidings::errc;

}  // namespace

TEST_CASE("a key that is not the base64 of 16 bytes is refused", "[codec]") {
    constexpr std::array<std::string_view, 14> bad{
        "",
        "==",
        "dGhlIHNhbXBsZSBub25jZQ=",  // padding short
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ===",  // padding long
        "dGhlIHNhbXBsZSBub25jZQ=A",
        "dGhlIHNhbXBsZSBub25jZQA=",  // 17 bytes
        "dGhlIHNhbXBsZSBub25jZQAA",  // 18 bytes
        "dGhlIHNhbXBsZSBub25j",      // 15 bytes
        "dGhlIHNhbXBsZSBub25jZ===",
        "=GhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25-ZQ==",  // the URL alphabet
        " dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBs\nSBub25jZQ==",
    };
    for (const auto key : bad) {
        CAPTURE(key);
        CHECK(check_websocket_key(key) == errc::ws_bad_key);
    }
    std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (const char byte : "@[`{.,:*-_\0\x80\xff"s) {
        CAPTURE(+byte);
        key[21] = byte;
        CHECK(check_websocket_key(key) == errc::ws_bad_key);
    }
}

TEST_CASE("a key of 16 bytes passes", "[codec]") {
    CHECK_FALSE(check_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
    CHECK_FALSE(check_websocket_key("x3JJHMbDL1EzLkh9GBhXDw=="));
    CHECK_FALSE(check_websocket_key("AZaz09+/AZaz09+/AZaz0Q=="));
    CHECK_FALSE(check_websocket_key("dGhlIHNhbXBsZSBub25jZR=="));  // spare bits set
}

TEST_CASE("the accept value is that of RFC 6455 1.3", "[codec]") {
    CHECK(tidings::websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(tidings::websocket_accept("x3JJHMbDL1EzLkh9GBhXDw==") == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    CHECK(tidings::websocket_accept("") == "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
}

TEST_CASE("a made key is the base64 of its bytes and passes the check", "[codec]") {
    std::array<std::byte, 16> nonce{};
    constexpr std::string_view sample = "the sample nonce";
    for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::byte>(sample[i]);
    CHECK(tidings::make_websocket_key(nonce) == "dGhlIHNhbXBsZSBub25jZQ==");
    nonce.fill(std::byte{0xff});
    CHECK(tidings::make_websocket_key(nonce) == "/////////////////////w==");
    CHECK_FALSE(check_websocket_key(tidings::make_websocket_key(nonce)));
}

TEST_CASE("no subprotocol is chosen unless both sides name it", "[codec]") {
    constexpr std::array<std::string_view, 2> supported{"chat", "cloudevents.json"};
    for (const std::string_view offered :
         {"", ",", " , ", "Chat", "chat2", "cha", "cloudevents.json.v2", "chat cloudevents.json",
          "mqtt, stomp"}) {
        CAPTURE(offered);
        CHECK_FALSE(choose_subprotocol(offered, supported));
    }
    CHECK_FALSE(choose_subprotocol("chat", {}));
    constexpr std::array<std::string_view, 1> nameless{""};
    CHECK_FALSE(choose_subprotocol("a,,b", nameless));
}

TEST_CASE("the first subprotocol of the client that the server supports is chosen", "[codec]") {
    constexpr std::array<std::string_view, 2> supported{"chat", "cloudevents.json"};
    CHECK(choose_subprotocol("chat", supported) == "chat");
    CHECK(choose_subprotocol("cloudevents.json, chat", supported) == "cloudevents.json");
    CHECK(choose_subprotocol("chat, cloudevents.json", supported) == "chat");
    CHECK(choose_subprotocol("mqtt,\tcloudevents.json ,chat", supported) == "cloudevents.json");
    CHECK(choose_subprotocol(",,mqtt,chat", supported) == "chat");
}
