// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/bounded_queue.ipp>
#include <tidings/bus/impl/bus_drain.ipp>
#include <tidings/bus/impl/bus_state.ipp>
#include <tidings/bus/impl/dispatch.ipp>
#include <tidings/bus/impl/feed.ipp>
#include <tidings/bus/impl/pattern_entry.ipp>
#include <tidings/bus/impl/pattern_registry.ipp>
#include <tidings/bus/impl/subscription/callback_subscription.ipp>
#include <tidings/bus/impl/subscription/immediate_subscription.ipp>
#include <tidings/bus/impl/subscription/queue_subscription.ipp>
#include <tidings/bus/impl/subscription/receiver_subscription.ipp>
#include <tidings/bus/impl/subscription/target_subscription.ipp>
#include <tidings/impl/bus.ipp>
#include <tidings/impl/receiver.ipp>
#include <tidings/impl/subscription.ipp>
#include <tidings/impl/topic_handle.ipp>
