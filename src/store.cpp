// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/impl/history_ring.ipp>
#include <tidings/store/impl/memory_history.ipp>
#include <tidings/store/impl/memory_outbox.ipp>
#include <tidings/store/impl/memory_table.ipp>
