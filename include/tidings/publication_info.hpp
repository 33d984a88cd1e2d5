// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace tidings {

/// Names an inlet, so that the bus never hands a publication back to where it came from.
/// 0: no inlet (published by the program itself).
using origin_id = std::uint64_t;

/// A number for a new inlet or bus, unique in the process.
TIDINGS_DECL origin_id make_origin() noexcept;

/// A publication that has passed more inlets than this is dropped, counted and reported.
inline constexpr unsigned max_hops = 16;

/// What is to be kept in one transaction with an event, where the event comes to a history in the
/// storage that the note is of (`store::delivered_ids::note`). Any other history ignores it.
class commit_note {
 public:
    virtual ~commit_note() = default;
    /// The memory that it holds, about.
    virtual std::size_t footprint() const noexcept = 0;
};

/// What an inlet notes of an event that it took from elsewhere. Immutable and shared.
class remote_origin final : public boost::intrusive_ref_counter<remote_origin> {
 public:
    remote_origin(tidings::position p, origin_id client,
                  std::shared_ptr<const commit_note> with = nullptr)
        : position(std::move(p)),
          inlet(client),
          note(std::move(with)) {}
    const tidings::position position;  ///< empty: it came from no other bus
    const origin_id inlet;
    const std::shared_ptr<const commit_note> note;  ///< may be null
};

/// What travels with an event from its publication on.
struct publication_info {
    std::optional<tidings::position> position{};  ///< set where history covers the topic
    origin_id origin = 0;
    unsigned hops = 0;         ///< inlets passed; at most `max_hops`
    origin_id bus = 0;         ///< the bus that published it
    std::uint64_t number = 0;  ///< the bus's own, rising, where a history keeps it
    boost::intrusive_ptr<const remote_origin> remote{};  ///< of an event that an inlet took

    /// The event's position on the bus that a client took it from: where a client of that bus
    /// resumes behind it. Empty where no client brought the event, or its server named no position.
    /// Kept from bus to bus within the process, and in a memory history; never on a wire or disk.
    const tidings::position& remote_position() const noexcept {
        static const tidings::position none;
        return remote ? remote->position : none;
    }
    /// The `id()` of the client that brought the event. 0: none did.
    origin_id inlet() const noexcept { return remote ? remote->inlet : 0; }
};

}  // namespace tidings
