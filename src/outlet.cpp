// SPDX-License-Identifier: BSL-1.0
#include <tidings/outlet/impl/authenticate.ipp>
#include <tidings/outlet/impl/origin.ipp>
#include <tidings/outlet/impl/stream_request.ipp>
