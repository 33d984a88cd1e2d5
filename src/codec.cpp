// SPDX-License-Identifier: BSL-1.0
#include <tidings/codec/impl/cloudevents_http.ipp>
#include <tidings/codec/impl/cloudevents_json.ipp>
#include <tidings/codec/impl/sse_parser.ipp>
#include <tidings/codec/impl/sse_writer.ipp>
#include <tidings/codec/impl/standard_payload.ipp>
#include <tidings/codec/impl/websocket_close.ipp>
#include <tidings/codec/impl/websocket_frame.ipp>
#include <tidings/codec/impl/websocket_handshake.ipp>
#include <tidings/codec/impl/websocket_parser.ipp>
