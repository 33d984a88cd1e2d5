// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <type_traits>

namespace tidings {

using boost::system::error_code;

/// Every error of the library. Values are explicit and append-only; each module has its range.
/// Compare with `condition` to treat transports alike.
enum class errc {
    // 1: general
    closed = 1,             ///< The object was closed, by us or in an orderly way by the peer.
    timed_out = 2,          ///< A deadline passed.
    overflow = 3,           ///< A bounded queue was full.
    shutting_down = 4,      ///< The bus, server or sender drains or has drained.
    too_many = 5,           ///< A configured number (connections, subscriptions) was reached.
    invalid_utf8 = 6,       ///< Text was not valid UTF-8.
    invalid_json = 7,       ///< Text was not valid JSON.
    unauthorized = 8,       ///< No credentials, or credentials that are not valid.
    forbidden = 9,          ///< The principal may not do this.
    too_large = 10,         ///< A message was over its configured size.
    invalid_argument = 11,  ///< An argument was malformed; the message of the answer says which.
    rate_limited = 12,      ///< Too many requests.
    not_found = 13,         ///< No such object.
    callback_threw = 14,    ///< A user's callback threw an exception.
    out_of_memory = 15,     ///< An allocation failed while an event was frozen or encoded.
    already_running = 16,   ///< The client runs already: it has one `async_run` at a time.
    undecided = 17,         ///< An authenticator or authorizer gave no answer, or none in time.

    // 100: events (CloudEvents 1.0)
    event_without_id = 100,           ///< The attribute `id` is missing or empty.
    event_without_source = 101,       ///< The attribute `source` is missing or empty.
    event_without_type = 102,         ///< The attribute `type` is missing or empty.
    event_bad_specversion = 103,      ///< `specversion` is missing or not "1.0".
    event_bad_attribute_name = 104,   ///< A name is not `[a-z0-9]+`, or is `data`.
    event_bad_attribute_value = 105,  ///< A value holds a character CloudEvents 3.1 forbids.
    event_bad_time = 106,             ///< `time` is not an RFC 3339 timestamp.
    event_bad_data = 107,             ///< `data` and `data_base64` together, or bad base64.
    event_bad_content_type = 108,     ///< The media type is not one this codec reads.
    event_no_wire_form = 109,         ///< A C++ value without a serialiser was asked for bytes.
    event_bad_source = 110,           ///< `source` holds a space: no URI-reference does (RFC 3986).
    event_bad_type = 111,             ///< `type` begins with '/', as a source does.
    event_reserved_type = 112,        ///< `type` begins with `tidings.`: the library's own.

    // 150: topics, patterns, positions
    bad_topic = 150,       ///< Not a literal topic by the grammar.
    reserved_topic = 151,  ///< The first token is reserved (`tidings`, or a leading `_`).
    bad_pattern = 152,     ///< Not a pattern by the grammar.
    bad_position = 153,    ///< Over 128 bytes, empty, or not printable ASCII.
    /// `#` or `+`, a wildcard of MQTT, stands in a topic or pattern as a whole token or level.
    foreign_wildcard = 154,

    // 200: bus and history
    hop_limit = 200,       ///< The publication has passed 16 inlets.
    history_failed = 202,  ///< The history could not store the event.
    lagging = 203,         ///< The subscriber fell behind its bound.
    /// An outlet that must have every event did not get this one: a bound was reached.
    missed = 204,
    bad_filter = 210,  ///< Not a filter expression of its dialect's form.
    /// `sql`, or a dialect of filters that is not exact, prefix, suffix, all, any or not.
    unsupported_filter = 211,
    no_responders = 220,  ///< Nothing answers requests of this topic.
    unanswered = 221,     ///< The responder gave no answer.
    /// The queue group of this name has another pattern, its name is too long, or an option has no
    /// meaning in a group.
    bad_group = 230,

    // 300: HTTP
    bad_request = 300,         ///< The message is not HTTP/1.1 as RFC 9112 has it.
    header_too_large = 301,    ///< The header is over its limit.
    ambiguous_framing = 302,   ///< Content-Length and Transfer-Encoding contradict (RFC 9112 6.3).
    http_status = 303,         ///< The peer answered with a status that is not success.
    bad_url = 304,             ///< Not an absolute http or https (ws, wss) URL.
    too_many_redirects = 305,  ///< More redirects than allowed, or a redirect without Location.
    tls_failed = 306,          ///< TLS handshake or certificate verification failed.
    name_not_resolved = 307,   ///< The host name has no address.
    address_refused = 308,     ///< The address guard refuses every address of the host.
    connection_failed = 309,   ///< No connection could be made, or it broke.
    address_not_loopback = 310,      ///< Anonymous service beyond loopback without leave.
    unsupported_http_version = 311,  ///< The message is of another major version (RFC 9110 6.2).
    unsupported_encoding = 312,      ///< The body has a Content-Encoding that was not asked for.
    repeated_field = 313,            ///< A field that is single came twice with different values.
    proxy_failed = 314,              ///< The proxy cannot be reached, or fails itself.
    proxy_refused = 315,             ///< The proxy opens no way to the target (RFC 9110 9.3.6).
    proxy_unauthorized = 316,        ///< The proxy wants other credentials: it answered 407.

    // 400: WebSocket (RFC 6455)
    ws_bad_handshake = 400,       ///< The upgrade request or response is malformed (4.2, 4.1).
    ws_bad_key = 401,             ///< Sec-WebSocket-Key or -Accept is wrong.
    ws_reserved_bits = 403,       ///< RSV bit without a negotiated extension (5.2).
    ws_bad_opcode = 404,          ///< Reserved opcode (5.2).
    ws_bad_mask = 405,            ///< Client frame unmasked, or server frame masked (5.1).
    ws_control_too_long = 406,    ///< Control frame over 125 bytes (5.5).
    ws_control_fragmented = 407,  ///< Control frame with FIN clear (5.5).
    ws_bad_continuation =
        408,                   ///< Continuation without a start, or a start inside a message (5.4).
    ws_bad_length = 409,       ///< Length not in its shortest form, or over 2^63 (5.2).
    ws_bad_close_code = 410,   ///< Close payload of one byte or with a code not for the wire (7.4).
    ws_refused = 411,          ///< The server refused the upgrade.
    ws_bad_subprotocol = 413,  ///< The server chose a subprotocol that was not offered.
    ws_bad_message = 414,      ///< A message the session's codec cannot read.

    // 500: SSE (WHATWG HTML 9.2)
    sse_bad_content_type = 500,  ///< The answer is not text/event-stream.
    sse_stopped = 501,           ///< The server answered 204: stay away (9.2.3).
    sse_line_too_long = 502,     ///< A line or an event is over its limit.
    sse_bad_field = 503,         ///< CR, LF or NUL in an id or event name.

    // 600: webhooks
    webhook_missing_header = 600,         ///< A signature header is missing or empty.
    webhook_invalid_timestamp = 601,      ///< The timestamp is not a plain integer.
    webhook_timestamp_too_old = 602,      ///< Older than the tolerance.
    webhook_timestamp_too_new = 603,      ///< Further in the future than the tolerance.
    webhook_no_matching_signature = 604,  ///< No signature fits any secret.
    webhook_invalid_secret = 605,         ///< The secret is empty or not of its scheme's form.
    webhook_gone = 606,                   ///< The endpoint answered 410: delivery is over.
    webhook_exhausted = 607,              ///< Every attempt of the schedule failed.
    webhook_disabled = 608,               ///< The endpoint is disabled: it takes no delivery.
    webhook_missing_secret = 609,         ///< The endpoint has no secret to sign with.
    webhook_bad_scheme = 610,             ///< The target's scheme is not one that is allowed.
    webhook_expired = 620,    ///< It waited until the event's `expirytime`, or for too long.
    webhook_not_added = 621,  ///< It waited too long for an endpoint that no sender was given.
    webhook_duplicate = 622,  ///< The sender has an endpoint of this id, or of this URL without id.
    /// A field that the sender makes itself, for framing, the event or the signature, is among the
    /// endpoint's own.
    webhook_reserved_field = 623,
    /// A bearer token or a user name that has no place in a request, or two kinds of credentials.
    webhook_bad_credentials = 624,
    webhook_no_consent = 625,      ///< The target does not agree to be sent webhooks.
    webhook_signing_failed = 626,  ///< A signer gave no signature.

    // 700: REST hooks
    hook_bad_target = 700,  ///< The target URL is malformed or refused.
    hook_bad_event = 701,   ///< The event is not a topic pattern.
    hook_unverified = 702,  ///< The target gave no proof of intent.

    // 800: stores
    store_conflict = 800,  ///< The revision is not the one expected.
    store_failed = 801,    ///< The storage failed.
    outbox_full = 810,     ///< A bound of the outbox was reached.
    // 820: stores in a file
    store_full = 820,     ///< The disk has too little room: nothing new is taken.
    store_in_use = 821,   ///< Another process has the file open.
    store_foreign = 822,  ///< The file is not one of this library.
    store_newer = 823,    ///< A newer version of the library wrote the file.
    store_damaged = 824,  ///< The file is damaged.
    store_sealed = 825,   ///< The file has secrets under a key that was not given.
};

/// Broad classes that every `errc` maps to, so that a caller can write
/// `if (ec == tidings::condition::retryable)`.
enum class condition {
    retryable = 1,           ///< The same again later may succeed.
    permanent = 2,           ///< The same again will fail again.
    protocol_violation = 3,  ///< The peer broke its protocol.
    unauthorized = 4,        ///< Credentials or grants are missing.
    overflow = 5,            ///< A bound was reached.
    closed = 6,              ///< The object is closed.
};

TIDINGS_DECL const boost::system::error_category& errc_category() noexcept;
TIDINGS_DECL const boost::system::error_category& condition_category() noexcept;

inline error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), errc_category()};
}
inline boost::system::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}

}  // namespace tidings

/// @cond
template <>
struct boost::system::is_error_code_enum<tidings::errc> : std::true_type {};
template <>
struct boost::system::is_error_condition_enum<tidings::condition> : std::true_type {};
/// @endcond
