// SPDX-License-Identifier: BSL-1.0
#include <tidings/impl/data_index.ipp>
#include <tidings/impl/event_filter.ipp>
#include <tidings/impl/filter_node.ipp>
