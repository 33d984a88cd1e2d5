// SPDX-License-Identifier: BSL-1.0
#include <tidings/lane/impl/inbox.ipp>
#include <tidings/lane/impl/lane.ipp>
#include <tidings/lane/impl/send_queue.ipp>
#include <tidings/lane/impl/timer_wheel.ipp>
