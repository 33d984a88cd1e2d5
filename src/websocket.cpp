// SPDX-License-Identifier: BSL-1.0
#include <tidings/websocket/impl/client.ipp>
#include <tidings/websocket/impl/codec.ipp>
#include <tidings/websocket/impl/connection.ipp>
#include <tidings/websocket/impl/connection_output.ipp>
#include <tidings/websocket/impl/service.ipp>
