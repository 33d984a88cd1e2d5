// SPDX-License-Identifier: BSL-1.0
#include <tidings/rest/impl/answer.ipp>
#include <tidings/rest/impl/client.ipp>
#include <tidings/rest/impl/client_request.ipp>
#include <tidings/rest/impl/client_state.ipp>
#include <tidings/rest/impl/long_poll.ipp>
#include <tidings/rest/impl/recent_publications.ipp>
#include <tidings/rest/impl/service.ipp>
