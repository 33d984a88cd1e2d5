// SPDX-License-Identifier: BSL-1.0
#include <tidings/io/impl/clock.ipp>
#include <tidings/io/impl/connecting.ipp>
#include <tidings/io/impl/network.ipp>
#include <tidings/io/impl/poll_set.ipp>
#include <tidings/io/impl/polled_stream.ipp>
#include <tidings/io/impl/random.ipp>
#include <tidings/io/impl/resolver_pool.ipp>
#include <tidings/io/impl/socket_stream.ipp>
#include <tidings/io/impl/system_acceptor.ipp>
#include <tidings/io/impl/tls_context.ipp>
#include <tidings/io/impl/tls_stream.ipp>
#include <tidings/io/impl/unique_id.ipp>
