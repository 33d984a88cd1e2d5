// SPDX-License-Identifier: BSL-1.0
#include <tidings/impl/control_event.ipp>
#include <tidings/impl/errc.ipp>
#include <tidings/impl/event.ipp>
#include <tidings/impl/event_ptr.ipp>
#include <tidings/impl/position.ipp>
#include <tidings/impl/subscriber.ipp>
#include <tidings/impl/topic.ipp>
#include <tidings/impl/topic_rule.ipp>
