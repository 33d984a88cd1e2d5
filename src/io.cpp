// SPDX-License-Identifier: BSL-1.0
#include <tidings/io/impl/connecting.ipp>
#include <tidings/io/impl/random.ipp>
#include <tidings/io/impl/resolver_pool.ipp>
#include <tidings/io/impl/system_acceptor.ipp>
#include <tidings/io/impl/system_clock.ipp>
#include <tidings/io/impl/system_network.ipp>
#include <tidings/io/impl/system_stream.ipp>
#include <tidings/io/impl/tls_context.ipp>
#include <tidings/io/impl/tls_stream.ipp>
