// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/impl/delivered_ids.ipp>
#include <tidings/store/impl/history_ring.ipp>
#include <tidings/store/impl/memory_history.ipp>
#include <tidings/store/impl/memory_outbox.ipp>
#include <tidings/store/impl/memory_table.ipp>
#include <tidings/store/impl/outbox.ipp>
#include <tidings/store/impl/outbox_endpoints.ipp>
#include <tidings/store/impl/outbox_picture.ipp>
#include <tidings/store/impl/outbox_rows.ipp>
#include <tidings/store/impl/outbox_tables.ipp>
#include <tidings/store/impl/outbox_tables_append.ipp>
#include <tidings/store/impl/outbox_tables_claim.ipp>
#include <tidings/store/impl/outbox_tables_retain.ipp>
#include <tidings/store/impl/table.ipp>
