// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/url.hpp>
#include <tidings/webhook/address_guard.hpp>

#include "support/catch2.hpp"

#include <boost/asio/ip/address.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

using tidings::errc;
using tidings::error_code;
using tidings::http::url;
using tidings::webhook::address_guard;
using tidings::webhook::address_guard_options;

bool allows(const address_guard& guard, std::string_view text) {
    return guard.allows(boost::asio::ip::make_address(std::string(text)));
}

error_code judge(const address_guard& guard, std::string_view text) {
    error_code ec;
    const auto target = url::parse(text, ec);
    INFO(text);
    REQUIRE_FALSE(ec);
    return guard.check_url(target);
}

TEST_CASE("no address that leads inside is allowed, nor one kept for another use", "[webhook]") {
    const auto text = GENERATE(
        as<std::string_view>{}, "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0",
        "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
        "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255",
        "203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
        "255.255.255.254", "255.255.255.255", "::", "::1", "::2", "::7f00:1", "::ffff:ffff",
        "::ffff:0:0:0", "::ffff:0:7f00:1", "::ffff:0:ffff:ffff", "64:ff9b::", "64:ff9b::808:808",
        "64:ff9b::ffff:ffff", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::", "100::ffff:ffff:ffff:ffff", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff",
        "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::", "fe80::1%1",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::", "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        // the same IPv4 addresses in IPv6 clothes
        "::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "::ffff:192.168.0.1", "::ffff:255.255.255.255");
    CAPTURE(text);
    CHECK_FALSE(allows(address_guard{}, text));
}

TEST_CASE("the addresses beside every refused network are allowed", "[webhook]") {
    const auto text = GENERATE(
        as<std::string_view>{}, "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0",
        "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
        "223.255.255.255", "8.8.8.8", "::1:0:0", "::fffe:ffff:ffff", "::1:0:0:0",
        "::fffe:ffff:ffff:ffff", "::ffff:1:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b::1:0:0", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b:2::", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "100:0:0:1::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1::", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:2:1::", "2001:f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:20::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "5f01::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2606:4700:4700::1111",
        "::ffff:8.8.8.8", "::ffff:128.0.0.0");
    CAPTURE(text);
    CHECK(allows(address_guard{}, text));
}

TEST_CASE("loopback is allowed only by its own option, and nothing else by it", "[webhook]") {
    const address_guard guard({.allow_loopback = true});
    for (const auto text : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
        CHECK(allows(guard, text));
    for (const auto text : {"0.0.0.0", "::", "::2", "::7f00:1", "10.0.0.1", "192.168.0.1",
                            "fc00::1", "169.254.169.254", "::ffff:0:7f00:1"})
        CHECK_FALSE(allows(guard, text));
}

TEST_CASE("private networks are allowed only by their own option, and nothing else by it",
          "[webhook]") {
    const address_guard guard({.allow_private = true});
    for (const auto text :
         {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
          "192.168.255.255", "fc00::", "fd00::1", "::ffff:10.1.2.3"})
        CHECK(allows(guard, text));
    for (const auto text : {"127.0.0.1", "::1", "169.254.169.254", "100.64.0.1", "fe80::1",
                            "fec0::1", "0.0.0.0", "192.0.0.1"})
        CHECK_FALSE(allows(guard, text));
}

TEST_CASE("a listed network is allowed whatever it is, to its last bit", "[webhook]") {
    const address_guard guard(
        {.allowed_networks = {"10.1.0.0/16", "169.254.169.250", "192.168.128.0/17",
                              "203.0.113.7/32", "fd12::/16", "fe80::1", "2001:db8:8000::/33"}});
    for (const auto text : {"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "169.254.169.250",
                            "192.168.128.0", "192.168.255.255", "203.0.113.7", "fd12::1", "fe80::1",
                            "2001:db8:8000::", "2001:db8:ffff::", "8.8.8.8"})
        CHECK(allows(guard, text));
    for (const auto text :
         {"10.0.255.255", "10.2.0.0", "169.254.169.249", "169.254.169.251", "192.168.127.255",
          "203.0.113.6", "fd11::1", "fd13::1", "fe80::", "fe80::2", "2001:db8:7fff::", "127.0.0.1"})
        CHECK_FALSE(allows(guard, text));
}

TEST_CASE("no option opens a provider's metadata service", "[webhook]") {
    const auto text = GENERATE(
        as<std::string_view>{}, "169.254.169.254", "::ffff:169.254.169.254", "169.254.170.2",
        "169.254.170.23", "169.254.42.42", "169.254.0.23", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42",
        // and those that lead to one by a translator or a tunnel
        "64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16", "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:0:a9:fea9:fe00:0", "2002:a9fe:a9fe::1",
        "::169.254.169.254", "::ffff:0:a9fe:a9fe");
    CAPTURE(text);
    const address_guard open({.allow_loopback = true,
                              .allow_private = true,
                              .allowed_networks = {"0.0.0.0/0", "::/0", std::string(text)}});
    CHECK_FALSE(allows(open, text));
    CHECK(allows(open, "169.254.169.253"));
    CHECK(allows(open, "fd00:ec2::253"));
    CHECK(allows(open, "64:ff9b::808:808"));
    CHECK(allows(open, "2002:808:808::1"));
}

TEST_CASE("a refusal names its rule", "[webhook]") {
    const auto [text, rule] = GENERATE(table<std::string_view, std::string_view>({
        {"8.8.8.8", ""},
        {"127.0.0.1", "loopback (allow_loopback)"},
        {"::ffff:127.0.0.1", "loopback (allow_loopback)"},
        {"fd00::1", "a private network (allow_private)"},
        {"169.254.1.1", "link-local, RFC 3927"},
        {"64:ff9b::808:808", "NAT64, RFC 6052"},
        {"169.254.169.254", "a provider's metadata service"},
    }));
    CHECK(address_guard{}.refusal(boost::asio::ip::make_address(std::string(text))) == rule);
    CHECK(address_guard({.allowed_networks = {"0.0.0.0/0", "::/0"}})
              .refusal(boost::asio::ip::make_address("127.0.0.1"))
              .empty());
}

TEST_CASE("an IPv6 network never allows IPv4, except where it names mapped addresses",
          "[webhook]") {
    CHECK(allows(address_guard({.allowed_networks = {"::/0"}}), "fe80::1"));
    CHECK_FALSE(allows(address_guard({.allowed_networks = {"::/0"}}), "127.0.0.1"));
    CHECK_FALSE(allows(address_guard({.allowed_networks = {"::/0"}}), "::ffff:127.0.0.1"));
    CHECK(allows(address_guard({.allowed_networks = {"0.0.0.0/0"}}), "127.0.0.1"));
    CHECK_FALSE(allows(address_guard({.allowed_networks = {"0.0.0.0/0"}}), "::1"));
    CHECK(allows(address_guard({.allowed_networks = {"::ffff:10.0.0.0/104"}}), "10.1.2.3"));
}

TEST_CASE("a network that is not in CIDR notation is refused at construction", "[webhook]") {
    const auto text = GENERATE(as<std::string>{}, "", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
                               "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", " 10.0.0.0/8",
                               "10.0.0.0/8/8", "10.0.0.0/8x", "10.0.0.0/99999999999", "10/8",
                               "10.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.1/8", "10.128.0.0/8",
                               "::/129", "::1/127", "fe80::%1/64", "example.com", "example.com/8");
    CAPTURE(text);
    CHECK_THROWS_AS(address_guard({.allowed_networks = {text}}), std::invalid_argument);
}

TEST_CASE("a host that some would read as a number is refused", "[webhook]") {
    const auto host = GENERATE(
        as<std::string>{}, "127.1", "127.0.1", "0x7f.1", "0X7F.1", "017700000001", "2130706433",
        "0x7f000001", "0", "1", "0x", "127.0.0.1.", "127.0.0.01", "0177.0.0.1", "0x7f.0.0.1",
        "127.0.0.0x1", "8.8.8.08", "256.0.0.1", "8.8.8.256", "1.2.3.4.5", "99999999999",
        "example.1", "example.0x", "example.0xA", "example.007.");
    CAPTURE(host);
    CHECK(judge(address_guard{}, "https://" + host + "/") == errc::bad_url);
    // Allowing the address that they might mean does not let them pass.
    const address_guard open({.allow_loopback = true, .allowed_networks = {"0.0.0.0/0"}});
    CHECK(judge(open, "https://" + host + "/") == errc::bad_url);
}

TEST_CASE("a name that only looks like a number passes", "[webhook]") {
    for (const auto host : {"example.com", "1.example", "0x7f.example", "example.0xg", "example.1a",
                            "example.a1", "xn--80ak6aa92e.com", "cafe", "localhost",
                            "127.0.0.1.com", "deadbeef", "example.com.", "1e3", "0xg"})
        CHECK_FALSE(judge(address_guard{}, std::string("https://") + host + "/"));
}

TEST_CASE("a literal address in a URL is judged at once", "[webhook]") {
    const address_guard guard;
    for (const auto text :
         {"https://127.0.0.1/", "https://10.0.0.1:443", "https://169.254.169.254/x",
          "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::]/",
          "https://[0:0:0:0:0:ffff:7f00:1]/", "https://[fe80::1]/"})
        CHECK(judge(guard, text) == errc::address_refused);
    for (const auto text : {"https://8.8.8.8/", "https://[2606:4700:4700::1111]/"})
        CHECK_FALSE(judge(guard, text));
    const address_guard local({.allow_loopback = true});
    CHECK_FALSE(judge(local, "https://127.0.0.1/"));
    CHECK_FALSE(judge(local, "https://[0:0::1]/"));
}

TEST_CASE("user info in a URL is refused", "[webhook]") {
    CHECK(judge(address_guard{}, "https://user@example.com/") == errc::bad_url);
    CHECK(judge(address_guard{}, "https://user:pw@example.com/") == errc::bad_url);
    CHECK(judge(address_guard{}, "https://example.com@8.8.8.8/") == errc::bad_url);
}

TEST_CASE("only listed schemes and ports are allowed", "[webhook]") {
    const address_guard standard;
    CHECK(judge(standard, "http://example.com/") == errc::webhook_bad_scheme);
    CHECK(judge(standard, "wss://example.com/") == errc::webhook_bad_scheme);
    CHECK_FALSE(judge(standard, "https://example.com:22/"));

    const address_guard narrow({.schemes = {"https", "http"}, .ports = {443, 8443}});
    CHECK_FALSE(judge(narrow, "https://example.com/"));
    CHECK_FALSE(judge(narrow, "https://example.com:8443/"));
    CHECK_FALSE(judge(narrow, "http://example.com:443/"));
    CHECK(judge(narrow, "http://example.com/") == errc::address_refused);
    CHECK(judge(narrow, "https://example.com:444/") == errc::address_refused);
    CHECK(judge(narrow, "ws://example.com:443/") == errc::webhook_bad_scheme);

    CHECK(judge(address_guard({.schemes = {}}), "https://example.com/") ==
          errc::webhook_bad_scheme);
}

}  // namespace
