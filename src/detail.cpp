// SPDX-License-Identifier: BSL-1.0
#include <tidings/detail/impl/base64.ipp>
#include <tidings/detail/impl/context_end.ipp>
#include <tidings/detail/impl/hex.ipp>
#include <tidings/detail/impl/hmac.ipp>
#include <tidings/detail/impl/json_text.ipp>
#include <tidings/detail/impl/lane.ipp>
#include <tidings/detail/impl/send_queue.ipp>
#include <tidings/detail/impl/sha256.ipp>
#include <tidings/detail/impl/timer_wheel.ipp>
#include <tidings/detail/impl/timestamp.ipp>
#include <tidings/detail/impl/unique_id.ipp>
