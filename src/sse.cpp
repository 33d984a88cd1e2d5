// SPDX-License-Identifier: BSL-1.0
#include <tidings/sse/impl/client.ipp>
#include <tidings/sse/impl/client_state.ipp>
#include <tidings/sse/impl/resolve_location.ipp>
#include <tidings/sse/impl/service.ipp>
#include <tidings/sse/impl/service_state.ipp>
#include <tidings/sse/impl/sse_session.ipp>
