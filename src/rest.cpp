// SPDX-License-Identifier: BSL-1.0
#include <tidings/rest/impl/client.ipp>
#include <tidings/rest/impl/client_core.ipp>
#include <tidings/rest/impl/long_poll.ipp>
#include <tidings/rest/impl/recent_publications.ipp>
#include <tidings/rest/impl/service.ipp>
