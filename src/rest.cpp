// SPDX-License-Identifier: BSL-1.0
#include <tidings/rest/impl/answer.ipp>
#include <tidings/rest/impl/client.ipp>
#include <tidings/rest/impl/client_request.ipp>
#include <tidings/rest/impl/client_state.ipp>
#include <tidings/rest/impl/client_state_outlet.ipp>
#include <tidings/rest/impl/long_poll.ipp>
#include <tidings/rest/impl/poll_question.ipp>
#include <tidings/rest/impl/service.ipp>
#include <tidings/rest/impl/service_state.ipp>
