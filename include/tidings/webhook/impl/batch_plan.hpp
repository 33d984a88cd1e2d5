// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/batch_options.hpp>
#include <tidings/webhook/impl/parcel.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::webhook::detail {

/// How entries that were claimed go in requests.
struct batch_plan {
    struct request {
        std::vector<std::size_t> members{};
        std::string batch{};  // its id; empty: what is no structured event goes alone
        bool stored = false;  // the outbox has the batch already
    };
    std::vector<request> requests{};
    std::vector<std::size_t> rest{};  // may not be sent beside the request of its partition
};

/// @param claimed in the order of the claim; the members of a stored batch all or not
batch_plan plan_batches(const std::vector<store::outbox_entry>& claimed, const batch_options& o);

/// The id of a batch whose events have these ids: the same whenever it has the same events in the
/// same order. That of an event alone is its own.
std::string batch_id(const std::vector<std::string_view>& ids);
/// The same of the members of a parcel from one on.
std::string batch_id(const parcel& p, std::size_t from, std::size_t count);

/// The entry whose message is a whole batch, known by the batch's id; `batch.index` says how many
/// events it has.
std::shared_ptr<const store::outbox_entry> entry_of_batch(const parcel& p);

}  // namespace tidings::webhook::detail
