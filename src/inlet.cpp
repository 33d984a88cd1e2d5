// SPDX-License-Identifier: BSL-1.0
#include <tidings/inlet/impl/recent_ids.ipp>
