// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/error_category.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>

namespace tidings {
namespace detail {

struct errc_entry {
    errc value;
    condition maps_to;
    const char* message;
};

// In the order of the enumeration, which the lookup relies on.
inline constexpr errc_entry errc_table[] = {
    {errc::closed, condition::closed, "closed"},
    {errc::timed_out, condition::retryable, "the deadline passed"},
    {errc::overflow, condition::overflow, "the bounded queue is full"},
    {errc::shutting_down, condition::retryable, "shutting down, nothing new is taken"},
    {errc::too_many, condition::overflow, "the configured number is reached"},
    {errc::invalid_utf8, condition::protocol_violation, "the text is not valid UTF-8"},
    {errc::invalid_json, condition::protocol_violation, "the text is not valid JSON"},
    {errc::unauthorized, condition::unauthorized, "credentials are missing or not valid"},
    {errc::forbidden, condition::unauthorized, "the principal may not do this"},
    {errc::too_large, condition::permanent, "the message is over its size limit"},
    {errc::invalid_argument, condition::permanent, "an argument is malformed"},
    {errc::rate_limited, condition::retryable, "too many requests"},
    {errc::not_found, condition::permanent, "no such object"},
    {errc::callback_threw, condition::permanent, "a callback threw an exception"},
    {errc::out_of_memory, condition::retryable, "an allocation failed"},
    {errc::already_running, condition::permanent, "the client runs already"},
    {errc::undecided, condition::retryable, "there is no answer whether this is allowed"},

    {errc::event_without_id, condition::permanent, "the event has no id"},
    {errc::event_without_source, condition::permanent, "the event has no source"},
    {errc::event_without_type, condition::permanent, "the event has no type"},
    {errc::event_bad_specversion, condition::permanent, "the event's specversion is not 1.0"},
    {errc::event_bad_attribute_name, condition::permanent, "an attribute's name is not allowed"},
    {errc::event_bad_attribute_value, condition::permanent, "an attribute's value is not allowed"},
    {errc::event_bad_time, condition::permanent, "the event's time is not RFC 3339"},
    {errc::event_bad_data, condition::permanent, "the event's data is malformed or given twice"},
    {errc::event_bad_content_type, condition::permanent, "the media type is not supported"},
    {errc::event_no_wire_form, condition::permanent, "the event's value has no serialiser"},
    {errc::event_bad_source, condition::permanent,
     "the event's source holds a space; it is a URI-reference such as /shop"},
    {errc::event_bad_type, condition::permanent,
     "the event's type begins with '/'; are type and source swapped?"},
    {errc::event_reserved_type, condition::permanent,
     "the event's type is reserved to the library"},

    {errc::bad_topic, condition::permanent, "the topic is malformed"},
    {errc::reserved_topic, condition::permanent, "the topic is reserved to the library"},
    {errc::bad_pattern, condition::permanent, "the topic pattern is malformed"},
    {errc::bad_position, condition::permanent, "the position is malformed"},
    {errc::foreign_wildcard, condition::permanent,
     "'#' and '+' are no wildcards here: write '>' for all further tokens, '*' for one"},

    {errc::hop_limit, condition::permanent, "the event has passed too many inlets"},
    {errc::history_failed, condition::retryable, "the history could not store the event"},
    {errc::lagging, condition::overflow, "the subscriber fell too far behind"},
    {errc::missed, condition::retryable, "an outlet did not get the event: its bound was reached"},
    {errc::bad_filter, condition::permanent, "the event filter is malformed"},
    {errc::unsupported_filter, condition::permanent,
     "the filter's dialect is not supported: exact, prefix, suffix, all, any and not are"},
    {errc::no_responders, condition::retryable, "nothing answers requests of this topic"},
    {errc::unanswered, condition::retryable, "the responder gave no answer"},
    {errc::bad_group, condition::permanent,
     "no member of the queue group: it has another pattern, or an option has no meaning in it"},

    {errc::bad_request, condition::protocol_violation, "the HTTP message is malformed"},
    {errc::header_too_large, condition::protocol_violation, "the HTTP header is over its limit"},
    {errc::ambiguous_framing, condition::protocol_violation, "the body's length is ambiguous"},
    {errc::http_status, condition::permanent, "the HTTP status is not success"},
    {errc::bad_url, condition::permanent, "the URL is malformed or of an unknown scheme"},
    {errc::too_many_redirects, condition::permanent, "too many redirects, or one without Location"},
    {errc::tls_failed, condition::permanent, "the TLS handshake or certificate check failed"},
    {errc::name_not_resolved, condition::retryable, "the host name has no address"},
    {errc::address_refused, condition::permanent, "the host's addresses are refused"},
    {errc::connection_failed, condition::retryable, "no connection, or it broke"},
    {errc::address_not_loopback, condition::permanent,
     "an anonymous service beyond loopback needs allow_anonymous()"},
    {errc::unsupported_http_version, condition::protocol_violation,
     "the HTTP version is not supported: HTTP/1.1 is spoken here"},
    {errc::unsupported_encoding, condition::permanent,
     "the body has a Content-Encoding that was not asked for"},
    {errc::repeated_field, condition::protocol_violation,
     "a header field that must be single came twice with different values"},
    {errc::proxy_failed, condition::retryable, "the proxy failed"},
    {errc::proxy_refused, condition::retryable, "the proxy refused the connection to the target"},
    {errc::proxy_unauthorized, condition::unauthorized, "the proxy wants other credentials"},

    {errc::ws_bad_handshake, condition::protocol_violation, "the WebSocket handshake is malformed"},
    {errc::ws_bad_key, condition::protocol_violation, "the WebSocket key is wrong"},
    {errc::ws_reserved_bits, condition::protocol_violation, "a reserved frame bit is set"},
    {errc::ws_bad_opcode, condition::protocol_violation, "the frame's opcode is reserved"},
    {errc::ws_bad_mask, condition::protocol_violation, "the frame is masked the wrong way"},
    {errc::ws_control_too_long, condition::protocol_violation, "the control frame is too long"},
    {errc::ws_control_fragmented, condition::protocol_violation, "the control frame is fragmented"},
    {errc::ws_bad_continuation, condition::protocol_violation, "the fragments are out of sequence"},
    {errc::ws_bad_length, condition::protocol_violation, "the frame's length is malformed"},
    {errc::ws_bad_close_code, condition::protocol_violation, "the close frame is malformed"},
    {errc::ws_refused, condition::permanent, "the server refused the WebSocket"},
    {errc::ws_bad_subprotocol, condition::protocol_violation, "the subprotocol was not offered"},
    {errc::ws_bad_message, condition::protocol_violation, "the message cannot be read"},

    {errc::sse_bad_content_type, condition::permanent, "the answer is not an event stream"},
    {errc::sse_stopped, condition::permanent, "the server wants no reconnection"},
    {errc::sse_line_too_long, condition::protocol_violation, "a line or event is over its limit"},
    {errc::sse_bad_field, condition::permanent, "an id or event name holds CR, LF or NUL"},

    {errc::webhook_missing_header, condition::unauthorized, "a signature header is missing"},
    {errc::webhook_invalid_timestamp, condition::unauthorized, "the timestamp is malformed"},
    {errc::webhook_timestamp_too_old, condition::unauthorized, "the timestamp is too old"},
    {errc::webhook_timestamp_too_new, condition::unauthorized, "the timestamp is in the future"},
    {errc::webhook_no_matching_signature, condition::unauthorized, "no signature matches"},
    {errc::webhook_invalid_secret, condition::permanent,
     "the secret is malformed; Standard Webhooks has whsec_ and the base64 of 24 to 75 bytes"},
    {errc::webhook_gone, condition::permanent, "the endpoint is gone"},
    {errc::webhook_exhausted, condition::permanent, "every attempt failed"},
    {errc::webhook_disabled, condition::permanent, "the endpoint is disabled"},
    {errc::webhook_missing_secret, condition::permanent,
     "the secret is missing; webhook::make_secret() makes one"},
    {errc::webhook_bad_scheme, condition::permanent,
     "the URL's scheme is not allowed; targets are https unless address_guard_options::schemes "
     "says otherwise"},
    {errc::webhook_expired, condition::permanent, "the delivery expired before it was made"},
    {errc::webhook_not_added, condition::permanent,
     "no sender was given the endpoint for too long"},
    {errc::webhook_duplicate, condition::permanent,
     "the sender has such an endpoint; give it an id of its own, or say replace"},
    {errc::webhook_reserved_field, condition::permanent,
     "the sender makes this request field itself"},
    {errc::webhook_bad_credentials, condition::permanent,
     "the credentials cannot stand in a request, or are of more than one kind"},
    {errc::webhook_no_consent, condition::retryable,
     "the target did not agree to be sent webhooks (CloudEvents abuse protection)"},
    {errc::webhook_signing_failed, condition::retryable, "the signer gave no signature"},

    {errc::hook_bad_target, condition::permanent, "the target URL is malformed or refused"},
    {errc::hook_bad_event, condition::permanent, "the event is not a topic pattern"},
    {errc::hook_unverified, condition::permanent, "the target gave no proof of intent"},

    {errc::store_conflict, condition::permanent, "the revision is not the one expected"},
    {errc::store_failed, condition::retryable, "the storage failed"},
    {errc::outbox_full, condition::overflow, "the outbox is full"},
    {errc::store_full, condition::retryable, "the disk of the store has too little room"},
    {errc::store_in_use, condition::retryable, "another process has the store's file open"},
    {errc::store_foreign, condition::permanent, "the file is not a store of this library"},
    {errc::store_newer, condition::permanent,
     "the store's file was written by a newer version of this library"},
    {errc::store_damaged, condition::permanent, "the store's file is damaged"},
    {errc::store_sealed, condition::permanent, "the store's key was not given"},
};

inline const errc_entry* find_errc(int value) noexcept {
    const auto* found = std::lower_bound(
        std::begin(errc_table), std::end(errc_table), value,
        [](const errc_entry& entry, int v) { return static_cast<int>(entry.value) < v; });
    const bool known = found != std::end(errc_table) && static_cast<int>(found->value) == value;
    return known ? found : nullptr;
}

inline const char* condition_message(int value) noexcept {
    switch (static_cast<condition>(value)) {
        case condition::retryable:
            return "may succeed when tried again";
        case condition::permanent:
            return "will fail again";
        case condition::protocol_violation:
            return "the peer broke its protocol";
        case condition::unauthorized:
            return "credentials or grants are missing";
        case condition::overflow:
            return "a bound was reached";
        case condition::closed:
            return "closed";
    }
    return "unknown condition";
}

// What the system reports passes through operations unchanged, and a caller's retry must see it.
inline bool is_transient(const error_code& code) noexcept {
    namespace sys = boost::system::errc;
    static constexpr sys::errc_t transient[] = {
        sys::timed_out,          sys::connection_refused,  sys::connection_reset,
        sys::connection_aborted, sys::broken_pipe,         sys::host_unreachable,
        sys::network_down,       sys::network_unreachable, sys::too_many_files_open,
        sys::no_buffer_space,    sys::not_enough_memory,   sys::resource_unavailable_try_again,
    };
    const auto condition = code.default_error_condition();
    if (condition.category() != boost::system::generic_category()) return false;
    return std::any_of(std::begin(transient), std::end(transient),
                       [&](auto value) { return condition.value() == value; });
}

// The ids make two copies of a category, in two shared objects, equal. They never change.
class errc_category_type final : public boost::system::error_category {
 public:
    constexpr errc_category_type() noexcept : error_category(0x7469'6469'6e67'7301ULL) {}

    const char* name() const noexcept override { return "tidings"; }

    std::string message(int value) const override { return text(value); }

    const char* message(int value, char* buffer, std::size_t size) const noexcept override {
        std::snprintf(buffer, size, "%s", text(value));
        return buffer;
    }

    boost::system::error_condition default_error_condition(int value) const noexcept override {
        if (const auto* entry = find_errc(value)) return make_error_condition(entry->maps_to);
        return {value, *this};
    }

 private:
    static const char* text(int value) noexcept {
        const auto* entry = find_errc(value);
        return entry ? entry->message : "unknown error";
    }
};

class condition_category_type final : public boost::system::error_category {
 public:
    constexpr condition_category_type() noexcept : error_category(0x7469'6469'6e67'7302ULL) {}

    const char* name() const noexcept override { return "tidings.condition"; }

    std::string message(int value) const override { return condition_message(value); }

    const char* message(int value, char* buffer, std::size_t size) const noexcept override {
        std::snprintf(buffer, size, "%s", condition_message(value));
        return buffer;
    }

    bool equivalent(const error_code& code, int value) const noexcept override {
        if (code.category() == *this) return code.value() == value;
        return static_cast<condition>(value) == condition::retryable && is_transient(code);
    }
};

inline constexpr errc_category_type errc_category_instance;
inline constexpr condition_category_type condition_category_instance;

}  // namespace detail

const boost::system::error_category& errc_category() noexcept {
    return detail::errc_category_instance;
}

const boost::system::error_category& condition_category() noexcept {
    return detail::condition_category_instance;
}

}  // namespace tidings
