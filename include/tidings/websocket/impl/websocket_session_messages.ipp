// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/live_state.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

// Once this side closes, only the peer's close frame matters (RFC 6455 5.5.1).
void websocket_session::on_item(const websocket_item& item) {
    // A hook may end the session, which releases the hooks.
    const auto keep = own_.hooks;
    if (item.opcode == websocket_opcode::close) return take_close(item);
    if (!is_open()) return;
    switch (item.opcode) {
        case websocket_opcode::ping:
            if (const auto& f = hooks().on_ping) f(self(), item.text());
            return answer_ping(item.text());
        case websocket_opcode::pong:
            if (const auto& f = hooks().on_pong) f(self(), item.text());
            return;
        default:
            return take_message(item);
    }
}

void websocket_session::take_message(const websocket_item& item) {
    if (hooks_dropped_) return;
    if (item.skipped_bytes != 0) {
        if (options().log)
            options().log({log_level::warning, "websocket", "message skipped", errc::too_large});
        const bool told = own_.calls && own_.calls->on_skipped;
        if (const auto ec = told ? own_.calls->on_skipped(item.skipped_bytes) : error_code())
            refuse({}, ec);
        return;
    }
    const bool binary = item.opcode == websocket_opcode::binary;
    if (const auto& f = hooks().on_message; f && f(self(), {item.text(), binary})) return;
    // The hook may have closed the session, or ended its owner.
    if (!options().codec || hooks_dropped_ || !is_open()) return;
    input_.count_publication();
    error_code ec;
    auto event = read_event(item.text(), binary, ec);
    if (ec && !is_client()) return refuse(event.event.id(), ec);
    take_event(std::move(event), ec);
}

// A client's codec that throws does not end its connection: the next one would bring the message
// again.
wire_event websocket_session::read_event(std::string_view text, bool binary, error_code& ec) const {
    if (!is_client()) return options().codec->decode(text, binary, ec);
    try {
        return options().codec->decode(text, binary, ec);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    } catch (...) {
        report_exception(options().log, "websocket");
        ec = errc::callback_threw;
    }
    return {};
}

void websocket_session::take_event(wire_event&& e, error_code why) {
    std::string id(e.event.id());
    if (!own_.publishers) {
        const bool taken = own_.calls && own_.calls->on_event;
        const auto ec = taken ? own_.calls->on_event(std::move(e), why) : errc::forbidden;
        if (ec) refuse(id, ec);
        return;
    }
    if (!find_publisher()) return refuse(id, errc::closed);
    const std::weak_ptr<websocket_session> weak = self();
    const auto refused = publisher_->take(state().stream().home, state().access().caller(),
                                          std::move(e), [weak, id](error_code ec) {
                                              if (const auto s = weak.lock())
                                                  s->on_decision(id, ec);
                                          });
    if (!refused) return hold_reading(true);
    if (*refused) refuse(id, *refused);
}

// False once the service has ended.
bool websocket_session::find_publisher() {
    if (publisher_) return true;
    const auto source = own_.publishers->lock();
    if (source)
        publisher_ = source->make_publisher(
            http::detail::asker_at(state().stream().remote_address,
                                   state().connection().remote_is_loopback()),
            origin_);
    return source != nullptr;
}

// What the peer sent behind it is read now.
void websocket_session::on_decision(std::string_view id, error_code ec) {
    if (ec) guarded(options().log, "websocket", [&] { refuse(id, ec); });
    hold_reading(false);
}

// The event that the peer sent is answered in band, by one that it can match.
void websocket_session::refuse(std::string_view id, error_code why) {
    if (options().log) options().log({log_level::warning, "websocket", "message refused", why});
    if (!is_open()) return;
    if (is_client()) {
        if (why != errc::out_of_memory) return;
        // The client comes back, and gets the event again.
        input_.discard();
        return on_input_failed(why);
    }
    if (state().check_send()) return finish(errc::lagging);
    tidings::event answer("tidings.refused", "/tidings");
    std::string data = R"({"id":)";
    append_json_string(data, id);
    data += R"(,"error":)";
    append_json_string(data, why.message());
    data += '}';
    answer.data(std::move(data), "application/json");
    error_code ec;
    const auto p = publication::make("tidings.refused", std::move(answer), {}, ec);
    // It goes to this peer alone: only its frame is kept.
    std::string bytes;
    if (p && !frame_of(p, bytes)) append(std::move(bytes));
}

}  // namespace tidings::websocket::detail
