// SPDX-License-Identifier: BSL-1.0
#include <tidings/outlet/impl/access.ipp>
#include <tidings/outlet/impl/authenticate.ipp>
#include <tidings/outlet/impl/live_access.ipp>
#include <tidings/outlet/impl/live_output.ipp>
#include <tidings/outlet/impl/live_session.ipp>
#include <tidings/outlet/impl/live_state.ipp>
#include <tidings/outlet/impl/origin.ipp>
#include <tidings/outlet/impl/question.ipp>
#include <tidings/outlet/impl/recheck.ipp>
#include <tidings/outlet/impl/reviewer.ipp>
#include <tidings/outlet/impl/sessions.ipp>
#include <tidings/outlet/impl/stream_request.ipp>
