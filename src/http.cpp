// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/beast.ipp>
#include <tidings/http/impl/client.ipp>
#include <tidings/http/impl/client/client_pool.ipp>
#include <tidings/http/impl/client/streamed_exchange.ipp>
#include <tidings/http/impl/exchange.ipp>
#include <tidings/http/impl/message.ipp>
#include <tidings/http/impl/message/chunk_decoder.ipp>
#include <tidings/http/impl/message/message_reader.ipp>
#include <tidings/http/impl/message/percent.ipp>
#include <tidings/http/impl/message/retry_after.ipp>
#include <tidings/http/impl/message/serialise.ipp>
#include <tidings/http/impl/message/url.ipp>
#include <tidings/http/impl/server.ipp>
#include <tidings/http/impl/server/ledger.ipp>
#include <tidings/http/impl/server/server_connection.ipp>
#include <tidings/http/impl/server/server_state.ipp>
#include <tidings/http/impl/wire.ipp>
