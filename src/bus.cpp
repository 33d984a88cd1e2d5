// SPDX-License-Identifier: BSL-1.0
#include <tidings/detail/impl/bounded_queue.ipp>
#include <tidings/detail/impl/bus_state.ipp>
#include <tidings/detail/impl/bus_subscribe.ipp>
#include <tidings/detail/impl/callback_subscription.ipp>
#include <tidings/detail/impl/feed.ipp>
#include <tidings/detail/impl/memory_history.ipp>
#include <tidings/detail/impl/pattern_entry.ipp>
#include <tidings/detail/impl/queue_subscription.ipp>
#include <tidings/detail/impl/target_subscription.ipp>
#include <tidings/impl/bus.ipp>
#include <tidings/impl/receiver.ipp>
#include <tidings/impl/subscription.ipp>
#include <tidings/impl/topic_handle.ipp>
