// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_frame.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/websocket/format.hpp>

#include <atomic>

namespace tidings::websocket {

namespace {

class cloudevents_codec final : public codec {
 public:
    std::string_view subprotocol() const noexcept override { return "cloudevents.json"; }
    bool binary() const noexcept override { return false; }
    std::string encode(const publication& p, error_code& ec) const override {
        std::string message;
        append_cloudevents_json(message, p, ec);
        return message;
    }
    wire_event decode(std::string_view message, bool is_binary, error_code& ec) const override {
        if (is_binary) {
            ec = errc::ws_bad_message;
            return {};
        }
        return parse_cloudevents_json(message, ec);
    }
};

class data_codec final : public codec {
 public:
    data_codec(std::string type, std::string source, bool binary)
        : type_(std::move(type)),
          source_(std::move(source)),
          binary_(binary) {}
    std::string_view subprotocol() const noexcept override { return {}; }
    bool binary() const noexcept override { return binary_; }
    std::string encode(const publication& p, error_code& ec) const override {
        const auto bytes = p.text(ec);
        if (ec) return {};
        if (!binary_ && !is_valid_utf8(bytes)) ec = errc::invalid_utf8;
        std::string message;
        message.reserve(bytes.size() + max_websocket_header_bytes);
        message += bytes;
        return message;
    }
    wire_event decode(std::string_view message, bool is_binary, error_code& ec) const override {
        ec = {};
        wire_event out;
        out.event.type(type_).source(source_).data(
            std::string(message),
            is_binary ? "application/octet-stream" : "text/plain; charset=utf-8");
        return out;
    }

 private:
    std::string type_, source_;
    bool binary_;
};

}  // namespace

codec::codec() noexcept {
    static std::atomic<std::uint64_t> last{0};
    number_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
}

const std::shared_ptr<const codec>& cloudevents_json_codec() {
    static const std::shared_ptr<const codec> instance = std::make_shared<cloudevents_codec>();
    return instance;
}

std::shared_ptr<const codec> plain_codec(std::string type, std::string source, bool binary) {
    return std::make_shared<data_codec>(std::move(type), std::move(source), binary);
}

}  // namespace tidings::websocket
