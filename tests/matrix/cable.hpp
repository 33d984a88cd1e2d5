// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/faults.hpp"
#include "support/sim_network.hpp"

namespace tidings::matrix {

/// A fault in the bytes of the transport itself, done once to all the connections together that are
/// made with it. What counts as an event is whatever unit of the wire holds one of the numbered
/// samples.
class faulty_cable {
 public:
    explicit faulty_cable(fault f);
    /// Stands in one connection.
    std::unique_ptr<test::cable_tap> tap() const;
    /// Whether the fault has been done.
    bool has_struck() const;

    struct progress;

 private:
    fault fault_;
    std::shared_ptr<progress> all_;
};

}  // namespace tidings::matrix
