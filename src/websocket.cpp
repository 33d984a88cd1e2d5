// SPDX-License-Identifier: BSL-1.0
#include <tidings/websocket/impl/client.ipp>
#include <tidings/websocket/impl/client_state.ipp>
#include <tidings/websocket/impl/closing.ipp>
#include <tidings/websocket/impl/format.ipp>
#include <tidings/websocket/impl/publisher.ipp>
#include <tidings/websocket/impl/service.ipp>
#include <tidings/websocket/impl/service_state.ipp>
#include <tidings/websocket/impl/upgrade_answer.ipp>
#include <tidings/websocket/impl/websocket_input.ipp>
#include <tidings/websocket/impl/websocket_session.ipp>
#include <tidings/websocket/impl/websocket_session_messages.ipp>
